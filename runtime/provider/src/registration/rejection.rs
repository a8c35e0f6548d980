//! Why a module is not accepted. Spec: provider 2.3 to 2.6.

use squall_value::{Mismatch, SchemaError};

use super::declares::TYPES_MAX;
use crate::address::UrlError;
use crate::names::{DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, NameError, VERSION_BYTES_MAX};

/// Why a module is not accepted. The texts are the protocol's; where upstream has no check they are **ours**.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("Namespace '{0}' is reserved")]
    Reserved(Box<str>),
    #[error("Namespace '{0}' is owned by a different provider group")]
    OtherGroup(Box<str>),
    #[error("Namespace '{0}' is owned by another provider")]
    OtherProvider(Box<str>),
    #[error("Module '{0}' already exists")]
    Exists(Box<str>),
    #[error("Invalid input schema: {0}")]
    Input(SchemaError),
    #[error("Invalid output schema: {0}")]
    Output(SchemaError),

    /// **ours**
    #[error("Module name '{0}' comes twice in the request")]
    Twice(Box<str>),
    /// **ours**
    #[error("Module '{module}' is not one of provider group '{group}', whose members have the same modules")]
    NotInGroup { module: Box<str>, group: Box<str> },
    /// **ours**
    #[error("Provider group '{group}' has module '{missing}' too, and its members have the same modules")]
    MissingFromGroup { group: Box<str>, missing: Box<str> },
    /// **ours**
    #[error("Input schema of module '{module}' differs from that of provider group '{group}': {how}")]
    GroupInput {
        module: Box<str>,
        group: Box<str>,
        how: Mismatch,
    },
    /// **ours**
    #[error("Output schema of module '{module}' differs from that of provider group '{group}': {how}")]
    GroupOutput {
        module: Box<str>,
        group: Box<str>,
        how: Mismatch,
    },
    /// **ours**
    #[error("Group id is too long: {0} bytes, the limit is {NAME_BYTES_MAX}")]
    GroupTooLong(usize),
    /// **ours**
    #[error("Version is too long: {0} bytes, the limit is {VERSION_BYTES_MAX}")]
    VersionTooLong(usize),
    /// **ours**
    #[error("Description is too long: {0} bytes, the limit is {DESCRIPTION_BYTES_MAX}")]
    DescriptionTooLong(usize),
    /// **ours**
    #[error("Too many modules in the request: {modules}, the limit is {limit}")]
    TooManyModules { modules: usize, limit: usize },
    /// **ours**
    #[error(
        "Too many types in the schemas of the request: the limit for all of them together is {TYPES_MAX}"
    )]
    TooManyTypes,
    /// **ours**
    #[error("Too many providers are connected: the limit is {limit}")]
    TooManyConnections { limit: usize },
    /// **ours**
    #[error(
        "Too much is registered: the request would add {bytes} bytes to {registered}, and the limit for all providers together is {limit}"
    )]
    TooMuch {
        bytes: usize,
        registered: usize,
        limit: usize,
    },
    /// **ours**: this module itself is valid.
    #[error("Not registered: another module of the request was rejected")]
    WithOthers,
}

/// The kind of a rejection, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Url,
    Name,
    Reserved,
    Ownership,
    Conflict,
    Schema,
    Group,
    Limit,
}

impl Class {
    pub(crate) const ALL: [Class; 8] = [
        Class::Url,
        Class::Name,
        Class::Reserved,
        Class::Ownership,
        Class::Conflict,
        Class::Schema,
        Class::Group,
        Class::Limit,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Class::Url => "url",
            Class::Name => "name",
            Class::Reserved => "reserved",
            Class::Ownership => "ownership",
            Class::Conflict => "conflict",
            Class::Schema => "schema",
            Class::Group => "group",
            Class::Limit => "limit",
        }
    }
}

impl Rejection {
    pub(crate) fn class(&self) -> Class {
        match self {
            Rejection::Url(_) => Class::Url,
            Rejection::Name(_) => Class::Name,
            Rejection::Reserved(_) => Class::Reserved,
            Rejection::OtherGroup(_) | Rejection::OtherProvider(_) => Class::Ownership,
            Rejection::Exists(_) | Rejection::Twice(_) | Rejection::WithOthers => Class::Conflict,
            Rejection::Input(_) | Rejection::Output(_) => Class::Schema,
            Rejection::NotInGroup { .. }
            | Rejection::MissingFromGroup { .. }
            | Rejection::GroupInput { .. }
            | Rejection::GroupOutput { .. } => Class::Group,
            Rejection::GroupTooLong(_)
            | Rejection::VersionTooLong(_)
            | Rejection::DescriptionTooLong(_)
            | Rejection::TooMuch { .. }
            | Rejection::TooManyModules { .. }
            | Rejection::TooManyTypes
            | Rejection::TooManyConnections { .. } => Class::Limit,
        }
    }
}

//! Targets in files: one key of `[[workload]]` each. A kind is a type of its system, and an entry in its list.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;

use super::key::{Given, Key};
use super::names::Names;
use super::read::{At, Read};
use super::report::Problems;
use super::value::{Json, JsonData};
use crate::custom::SaidTarget;
use crate::plan::{Target, Topology};

/// Payloads of several kinds.
pub const PAYLOAD: Key = Key::of::<Json>("payload", "what every call carries. {} when absent");

/// A target key of `[[workload]]`.
pub trait TargetShape: Target + Sized {
    /// The key.
    const KEY: &'static str;
    /// Its description in the schema.
    const ABOUT: &'static str;
    /// The key of its payload, one of those that are listed.
    const CARRIES: &'static Key;
    /// The same as text: "a node is sent a `payload`".
    const CARRIES_WHAT: &'static str;
    /// The type of the key's value.
    type Raw: Read + JsonSchema + Debug + Send + Sync + 'static;

    /// The target. `None` if it is invalid; a problem was then added.
    fn check(raw: &At<Self::Raw>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self>;
}

/// A kind of target, as registered for files.
pub struct TargetKind {
    /// Its key.
    pub key: Key,
    /// See [`TargetShape::CARRIES`].
    pub(crate) carries: &'static Key,
    /// See [`TargetShape::CARRIES_WHAT`].
    pub(crate) carries_what: &'static str,
    /// See [`TargetShape::check`].
    pub(crate) check: fn(&Calls<'_>, &mut Problems) -> Option<Arc<dyn Target>>,
}

impl TargetKind {
    /// The kind of `S`.
    pub const fn of<S: TargetShape>() -> Self {
        TargetKind {
            key: Key::of::<S::Raw>(S::KEY, S::ABOUT),
            carries: S::CARRIES,
            carries_what: S::CARRIES_WHAT,
            check: |calls, problems| {
                let target = S::check(calls.target.get(S::KEY)?, calls, problems)?;
                Some(Arc::new(target))
            },
        }
    }
}

/// Creates a user-defined target.
pub(crate) type OwnTarget = fn(&SaidTarget, &Calls<'_>, &mut Problems) -> Option<Arc<dyn Target>>;

/// The calls of a workload, as read from a file.
pub struct Calls<'a> {
    /// The workload's position.
    pub span: &'a Range<usize>,
    /// The source hosts, if known...
    pub from: Option<&'a [String]>,
    /// ...and their position.
    pub from_span: &'a Range<usize>,
    pub(crate) target: &'a Given,
    /// The payload keys.
    pub carried: &'a Given,
    /// The topology.
    pub topology: &'a Topology,
    /// The names of user code.
    pub names: &'a Names,
}

impl<'a> Calls<'a> {
    /// The first source host for which this does not hold.
    pub fn first_not(&self, holds: impl Fn(&str) -> bool) -> Option<&'a String> {
        self.from.into_iter().flatten().find(|host| !holds(host))
    }

    /// The payload, if present.
    pub fn payload(&self) -> Option<&'a JsonData> {
        let payload = self.carried.get::<Json>(PAYLOAD.name);
        payload.map(|payload| &payload.0)
    }
}

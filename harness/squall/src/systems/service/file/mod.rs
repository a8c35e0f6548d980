//! `[service.*]` and user-defined tables in topology files, `client` and user-defined targets in scenarios.

mod hosts;
mod raw;
mod target;

pub(crate) use self::target::own_target;
use crate::file::tables::{HostTable, HostTables};
use crate::file::targets::TargetKind;
use crate::plan::ClientCall;

/// Names of services.
#[derive(Debug)]
pub(crate) enum OfServices {}

/// Names of clients.
#[derive(Debug)]
pub(crate) enum OfClients {}

/// Services.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Service>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// The targets.
pub(crate) const TARGETS: &[TargetKind] = &[TargetKind::of::<ClientCall>()];

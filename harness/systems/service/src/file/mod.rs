//! `[service.*]` and user-defined tables in topology files, `client` and user-defined targets in scenarios.

mod hosts;
mod raw;
mod target;

use squall_core::file::tables::{HostTable, HostTables};
use squall_core::file::targets::TargetKind;

pub use self::target::own_target;
use crate::target::ClientCall;

/// Names of services.
#[derive(Debug)]
pub enum OfServices {}

/// Names of clients.
#[derive(Debug)]
pub enum OfClients {}

/// Services.
pub const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Service>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// The targets.
pub const TARGETS: &[TargetKind] = &[TargetKind::of::<ClientCall>()];

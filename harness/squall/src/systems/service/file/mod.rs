//! `[service.*]`, and tables of a user's own, in topology files.

mod hosts;
mod raw;

use crate::file::tables::{HostTable, HostTables};

/// Services.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Service>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

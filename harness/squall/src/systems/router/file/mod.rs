//! `[module.*]` in topology files.

mod hosts;
mod keepalive;
mod limits;
mod ports;
mod raw;
mod values;

pub(crate) use self::ports::check_input;
use crate::file::tables::{HostTable, HostTables};

/// How often an edge may try, the first attempt included.
pub(crate) const ATTEMPTS_MAX: u32 = 100;

/// Modules.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Module>()],
    check: hosts::check,
    resolve: hosts::resolve,
};

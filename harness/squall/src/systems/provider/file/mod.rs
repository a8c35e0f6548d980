//! `[manager.*]` and `[provider.*]` in topology files.

pub(crate) mod ctype;
mod handler;
mod hosts;
mod names;
pub(crate) mod raw;
mod registration;

pub(crate) use self::handler::handler;
use crate::file::tables::{HostTable, HostTables};

/// Managers come first, for providers name them.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Manager>(), HostTable::of::<raw::Provider>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

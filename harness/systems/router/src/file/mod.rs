//! `[module.*]` in topology files, `to` in scenarios.

mod hosts;
mod keepalive;
mod limits;
mod ports;
mod raw;
mod target;
mod values;

use squall_core::file::tables::{HostTable, HostTables};
use squall_core::file::targets::TargetKind;

use crate::target::NodePort;

/// The maximum number of attempts along an edge, the first included.
pub(crate) const ATTEMPTS_MAX: u32 = 100;

/// Names of components.
#[derive(Debug)]
pub enum OfComponents {}

/// Modules.
pub const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Module>()],
    check: hosts::check,
    resolve: hosts::resolve,
};

/// The targets.
pub const TARGETS: &[TargetKind] = &[TargetKind::of::<NodePort>()];

//! `[module.*]` in topology files, `to` in scenarios.

mod hosts;
mod keepalive;
mod limits;
mod ports;
mod raw;
mod target;
mod values;

use crate::file::tables::{HostTable, HostTables};
use crate::file::targets::TargetKind;
use crate::plan::NodePort;

/// The maximum number of attempts along an edge, the first included.
pub(crate) const ATTEMPTS_MAX: u32 = 100;

/// Names of components.
#[derive(Debug)]
pub(crate) enum OfComponents {}

/// Modules.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Module>()],
    check: hosts::check,
    resolve: hosts::resolve,
};

/// The targets.
pub(crate) const TARGETS: &[TargetKind] = &[TargetKind::of::<NodePort>()];

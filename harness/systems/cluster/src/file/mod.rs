//! `[cluster.*]` in topology files, `deliver` in scenarios.

mod hosts;
mod raw;
mod target;

use squall_core::file::tables::{HostTable, HostTables};
use squall_core::file::targets::TargetKind;

use crate::target::Delivery;

/// The maximum number of restarts of an actor.
pub(crate) const RESTARTS_MAX: u64 = 1000;

/// Names of behaviours.
#[derive(Debug)]
pub enum OfBehaviours {}

/// Nodes.
pub const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Cluster>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// The targets.
pub const TARGETS: &[TargetKind] = &[TargetKind::of::<Delivery>()];

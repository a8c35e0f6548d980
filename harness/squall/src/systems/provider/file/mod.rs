//! `[manager.*]` and `[provider.*]` in topology files, `call` and `pipeline` in scenarios.

mod ctype;
mod handler;
mod hosts;
mod names;
mod pipeline;
pub(crate) mod raw;
mod registration;
mod targets;

pub(crate) use self::handler::handler;
pub(crate) use self::targets::INPUT;
use crate::file::tables::{HostTable, HostTables};
use crate::file::targets::TargetKind;
use crate::plan::{ModuleCall, PipelineRun};

/// Managers come first, for providers name them.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Manager>(), HostTable::of::<raw::Provider>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// What workloads call there.
pub(crate) const TARGETS: &[TargetKind] = &[TargetKind::of::<ModuleCall>(), TargetKind::of::<PipelineRun>()];

//! `[manager.*]` and `[provider.*]` in topology files, and what scenarios call and expect there.

pub(crate) mod canaries;
mod ctype;
mod expect;
mod handler;
mod hosts;
mod names;
mod pipeline;
pub(crate) mod raw;
mod registration;
mod targets;
mod words;

pub(crate) use self::handler::handler;
pub(crate) use self::hosts::provider_hosts;
pub(crate) use self::targets::INPUT;
use crate::file::expects::{ExpectKinds, SubjectKind};
use crate::file::tables::{HostTable, HostTables};
use crate::file::targets::TargetKind;
use crate::plan::{CanaryExpectation, ModuleCall, PipelineRun, ProviderExpectation};

/// Managers come first, for providers name them.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Manager>(), HostTable::of::<raw::Provider>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// What workloads call there.
pub(crate) const TARGETS: &[TargetKind] = &[TargetKind::of::<ModuleCall>(), TargetKind::of::<PipelineRun>()];

/// What scenarios expect there.
pub(crate) const EXPECTS: ExpectKinds = ExpectKinds {
    subjects: &[
        SubjectKind::of::<ProviderExpectation>(),
        SubjectKind::of::<CanaryExpectation>(),
    ],
    wanted: expect::WANTED,
};

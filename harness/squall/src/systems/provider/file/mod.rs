//! `[manager.*]` and `[provider.*]` in topology files, with targets and expectations in scenarios.

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

/// Managers come first, because providers refer to them.
pub(crate) const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Manager>(), HostTable::of::<raw::Provider>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// The targets.
pub(crate) const TARGETS: &[TargetKind] = &[TargetKind::of::<ModuleCall>(), TargetKind::of::<PipelineRun>()];

/// The expectations.
pub(crate) const EXPECTS: ExpectKinds = ExpectKinds {
    subjects: &[
        SubjectKind::of::<ProviderExpectation>(),
        SubjectKind::of::<CanaryExpectation>(),
    ],
    wanted: expect::WANTED,
};

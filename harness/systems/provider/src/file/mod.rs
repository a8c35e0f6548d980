//! `[manager.*]` and `[provider.*]` in topology files, with targets and expectations in scenarios.

pub mod canaries;
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

use squall_core::file::expects::{ExpectKinds, SubjectKind};
use squall_core::file::tables::{HostTable, HostTables};
use squall_core::file::targets::TargetKind;

pub(crate) use self::handler::handler;
pub(crate) use self::hosts::provider_hosts;
pub use self::targets::INPUT;
use crate::expectations::{CanaryExpectation, ProviderExpectation};
use crate::targets::{ModuleCall, PipelineRun};

/// Managers come first, because providers refer to them.
pub const HOSTS: HostTables = HostTables {
    tables: &[HostTable::of::<raw::Manager>(), HostTable::of::<raw::Provider>()],
    check: |_, _| {},
    resolve: hosts::resolve,
};

/// The targets.
pub const TARGETS: &[TargetKind] = &[TargetKind::of::<ModuleCall>(), TargetKind::of::<PipelineRun>()];

/// The expectations.
pub const EXPECTS: ExpectKinds = ExpectKinds {
    subjects: &[
        SubjectKind::of::<ProviderExpectation>(),
        SubjectKind::of::<CanaryExpectation>(),
    ],
    wanted: expect::WANTED,
};

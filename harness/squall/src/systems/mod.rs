//! The systems that a run consists of. Each is a protocol, or a way to run user code, with its hosts, targets and tracing
//! events.
//!
//! | system | hosts | targets |
//! |---|---|---|
//! | [`router`] | `[module.*]` | `to`: a port of a node |
//! | [`provider`] | `[manager.*]`, `[provider.*]` | `call`: a module; `pipeline`: a program of modules |
//! | [`service`] | `[service.*]`, user-defined tables | `client`: a user-defined client |

mod names;
pub(crate) mod oracles;
pub(crate) mod provider;
pub(crate) mod router;
pub(crate) mod service;
mod values;

use std::ops::Range;

use crate::expectation;
use crate::faults::{self, Kind};
use crate::file::expects::ExpectKinds;
use crate::file::key::Key;
use crate::file::report::Problems;
use crate::file::tables::HostTables;
use crate::file::targets::{OwnTarget, PAYLOAD, TargetKind};
use crate::hosting::Lists;
use crate::journal::EventKind;
use crate::scenario::OpenFault;

/// All built-in kinds of faults, in the order of messages and of the schema.
pub(crate) const FAULTS: [&[Kind]; 3] = [
    faults::OF_LINKS_AND_HOSTS,
    router::faults::ALL,
    provider::faults::ALL,
];

/// All kinds of system events in journal files.
pub(crate) const EVENTS: [EventKind; 3] = [router::EVENTS, provider::EVENTS, service::EVENTS];

/// All built-in tables of hosts, in the order of messages and of the schema.
pub(crate) const HOSTS: [&HostTables; 3] = [
    &router::file::HOSTS,
    &provider::file::HOSTS,
    &service::file::HOSTS,
];

/// All targets, in the order of messages and of the schema.
pub(crate) const TARGETS: [&[TargetKind]; 3] = [
    router::file::TARGETS,
    provider::file::TARGETS,
    service::file::TARGETS,
];

/// The payload keys, in the order of messages and of the schema.
pub(crate) const CARRIED: [&Key; 2] = [&PAYLOAD, &provider::file::INPUT];

/// User-defined targets are clients.
pub(crate) const OWN_TARGET: OwnTarget = service::file::own_target;

/// All expectations, in the order of messages and of the schema.
pub(crate) const EXPECTS: [&ExpectKinds; 2] = [&expectation::OF_CALLS, &provider::file::EXPECTS];

/// Checks across all faults of a scenario, each with the position of its start time.
pub(crate) const FAULTS_TOGETHER: [FaultsTogether; 1] = [provider::file::canaries::check];

type FaultsTogether = fn(&[(&OpenFault, &Range<usize>)], &mut Problems);

/// Their oracles and statistics.
pub(crate) const LISTS: Lists = Lists {
    oracles: || &oracles::ALL,
    sections: &[provider::section],
    notes: &[service::deaf::notes],
};

//! The systems that a run is made of. Each is a protocol, or a way to bring code: it has hosts, what workloads call on
//! them, and what the runtime says of it for the journal.
//!
//! | room | hosts | what workloads call |
//! |---|---|---|
//! | [`router`] | `[module.*]` | `to`: a port of a node |
//! | [`provider`] | `[manager.*]`, `[provider.*]` | `call`: a module; `pipeline`: a program of modules |
//! | [`service`] | `[service.*]`, tables of a user's own | `client`: a client of a user's own |

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

/// Every kind of fault that files know, in the order of messages and of the schema.
pub(crate) const FAULTS: [&[Kind]; 3] = [
    faults::OF_LINKS_AND_HOSTS,
    router::faults::ALL,
    provider::faults::ALL,
];

/// Every kind of events of a system that a journal's file can have.
pub(crate) const EVENTS: [EventKind; 3] = [router::EVENTS, provider::EVENTS, service::EVENTS];

/// Every table of hosts that topologies know, in the order of messages and of the schema.
pub(crate) const HOSTS: [&HostTables; 3] = [
    &router::file::HOSTS,
    &provider::file::HOSTS,
    &service::file::HOSTS,
];

/// What workloads call, in the order of messages and of the schema.
pub(crate) const TARGETS: [&[TargetKind]; 3] = [
    router::file::TARGETS,
    provider::file::TARGETS,
    service::file::TARGETS,
];

/// What their calls carry, in the order of messages and of the schema.
pub(crate) const CARRIED: [&Key; 2] = [&PAYLOAD, &provider::file::INPUT];

/// Targets of a user's own are clients.
pub(crate) const OWN_TARGET: OwnTarget = service::file::own_target;

/// What scenarios expect, in the order of messages and of the schema.
pub(crate) const EXPECTS: [&ExpectKinds; 2] = [&expectation::OF_CALLS, &provider::file::EXPECTS];

/// What is checked of all faults of a scenario, each with the place that says when it strikes.
pub(crate) const FAULTS_TOGETHER: [FaultsTogether; 1] = [provider::file::canaries::check];

type FaultsTogether = fn(&[(&OpenFault, &Range<usize>)], &mut Problems);

/// What they know of a run.
pub(crate) const LISTS: Lists = Lists {
    oracles: || &oracles::ALL,
    sections: &[provider::section],
    notes: &[service::deaf::notes],
};

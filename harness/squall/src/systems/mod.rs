//! The systems that a run is made of. Each is a protocol, or a way to bring code: it has hosts, what workloads call on
//! them, and what the runtime says of it for the journal.
//!
//! | room | hosts | what workloads call |
//! |---|---|---|
//! | [`router`] | `[module.*]` | `to`: a port of a node |
//! | [`provider`] | `[manager.*]`, `[provider.*]` | `call`: a module; `pipeline`: a program of modules |
//! | [`service`] | `[service.*]`, tables of a user's own | `client`: a client of a user's own |

pub(crate) mod oracles;
pub(crate) mod provider;
pub(crate) mod router;
pub(crate) mod service;
mod values;

use crate::faults::{self, Kind};
use crate::hosting::Lists;
use crate::journal::EventKind;

/// Every kind of fault that files know, in the order of messages and of the schema.
pub(crate) const FAULTS: [&[Kind]; 3] = [
    faults::OF_LINKS_AND_HOSTS,
    router::faults::ALL,
    provider::faults::ALL,
];

/// Every kind of events of a system that a journal's file can have.
pub(crate) const EVENTS: [EventKind; 3] = [router::EVENTS, provider::EVENTS, service::EVENTS];

/// What they know of a run.
pub(crate) const LISTS: Lists = Lists {
    oracles: || &oracles::ALL,
    sections: &[provider::section],
    notes: &[service::deaf::notes],
};

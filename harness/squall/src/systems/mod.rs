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

use std::io::BufRead;

use crate::expectation;
use crate::faults;
use crate::file::targets::PAYLOAD;
use crate::journal::{Journal, lines};
use crate::lists::Lists;

/// What all of them add.
pub(crate) static LISTS: Lists = Lists {
    faults: &[
        faults::OF_LINKS_AND_HOSTS,
        router::faults::ALL,
        provider::faults::ALL,
    ],
    faults_together: &[provider::file::canaries::check],
    hosts: &[
        &router::file::HOSTS,
        &provider::file::HOSTS,
        &service::file::HOSTS,
    ],
    targets: &[
        router::file::TARGETS,
        provider::file::TARGETS,
        service::file::TARGETS,
    ],
    carried: &[&PAYLOAD, &provider::file::INPUT],
    own_target: Some(service::file::own_target),
    expects: &[&expectation::OF_CALLS, &provider::file::EXPECTS],
    events: &[router::EVENTS, provider::EVENTS, service::EVENTS],
    oracles: || &oracles::ALL,
    sections: &[provider::section],
    notes: &[service::deaf::notes],
};

/// Reads a whole journal of the built-in systems, and checks that no line is missing and that time does not go back.
///
/// # Errors
/// Reports the first invalid line.
pub fn read<R: BufRead>(reader: R) -> Result<Journal, lines::Error> {
    lines::read_with(reader, LISTS.events)
}

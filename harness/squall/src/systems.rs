//! The systems that a run consists of. Each is a protocol, or a way to run user code, with its hosts, targets and tracing
//! events.
//!
//! | system | hosts | targets |
//! |---|---|---|
//! | [`router`] | `[module.*]` | `to`: a port of a node |
//! | [`provider`] | `[manager.*]`, `[provider.*]` | `call`: a module; `pipeline`: a program of modules |
//! | [`cluster`] | `[cluster.*]` | `deliver`: an actor of a node |
//! | [`service`] | `[service.*]`, user-defined tables | `client`: a user-defined client |

use std::io::BufRead;

use squall_core::expectation;
use squall_core::faults;
use squall_core::file::targets::PAYLOAD;
use squall_core::journal::{Journal, lines};
use squall_core::lists::Lists;
use squall_system_cluster as cluster;
use squall_system_provider as provider;
use squall_system_router as router;
use squall_system_service as service;

use crate::oracles;

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
        &cluster::file::HOSTS,
        &service::file::HOSTS,
    ],
    targets: &[
        router::file::TARGETS,
        provider::file::TARGETS,
        cluster::file::TARGETS,
        service::file::TARGETS,
    ],
    carried: &[&PAYLOAD, &provider::file::INPUT],
    own_target: Some(service::file::own_target),
    expects: &[&expectation::OF_CALLS, &provider::file::EXPECTS],
    events: &[router::EVENTS, provider::EVENTS, cluster::EVENTS, service::EVENTS],
    oracles: || &oracles::ALL,
    sections: &[provider::section, cluster::section],
    notes: &[service::deaf::notes],
    callers: &[
        "squall_router::",
        "squall_provider_sdk::",
        "runtime/router/src/",
        "runtime/provider-sdk/src/",
    ],
};

/// Reads a whole journal of the built-in systems, and checks that no line is missing and that time does not go back.
///
/// # Errors
/// Reports the first invalid line.
pub fn read<R: BufRead>(reader: R) -> Result<Journal, lines::Error> {
    lines::read_with(reader, LISTS.events)
}

//! The systems that a run is made of. Each is a protocol, or a way to bring code: it has hosts, what workloads call on
//! them, and what the runtime says of it for the journal.
//!
//! | room | hosts | what workloads call |
//! |---|---|---|
//! | [`router`] | `[module.*]` | `to`: a port of a node |
//! | [`provider`] | `[manager.*]`, `[provider.*]` | `call`: a module; `pipeline`: a program of modules |
//! | [`service`] | `[service.*]`, tables of a user's own | `client`: a client of a user's own |

mod names;
mod newest;
pub(crate) mod provider;
pub(crate) mod router;
pub(crate) mod service;
mod values;

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use squall_sim::Sim;

pub(crate) use self::newest::Newest;
use crate::expectation;
use crate::faults::{self, Kind};
use crate::file::expects::ExpectKinds;
use crate::file::key::Key;
use crate::file::report::Problems;
use crate::file::tables::HostTables;
use crate::file::targets::{OwnTarget, PAYLOAD, TargetKind};
use crate::plan::Plan;
use crate::run::{Drains, Recorder};
use crate::scenario::OpenFault;

/// Every kind of fault that files know, in the order of messages and of the schema.
pub(crate) const FAULTS: [&[Kind]; 3] = [
    faults::OF_LINKS_AND_HOSTS,
    router::faults::ALL,
    provider::faults::ALL,
];

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

/// A system, as a harness has it: what makes its hosts.
pub(crate) trait Hosting: Send + Sync {
    /// Makes the hosts that a plan has of it, and starts them.
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running>;
}

/// What a system is given as a run starts.
pub(crate) struct Start<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) plan: &'a Arc<Plan>,
    pub(crate) drains: &'a Arc<Drains>,
    pub(crate) recorder: &'a Recorder,
}

/// A system in a run. It outlives the processes of its hosts.
#[async_trait]
pub(crate) trait Running: Any + Send + Sync {
    /// Waits until all of its hosts are up for the first time, and ready for a scenario to begin.
    async fn settled(&self);

    /// All of its processes are gone: the last that the journal hears of it.
    fn ended(&self, recorder: &Recorder) {
        let _ = recorder;
    }
}

/// The systems of a run. Clones are the same ones.
#[derive(Clone)]
pub struct Systems(Arc<[Arc<dyn Running>]>);

impl Systems {
    /// Starts them, in this order.
    pub(crate) fn start(systems: &[Arc<dyn Hosting>], start: &Start<'_>) -> Self {
        Systems(systems.iter().map(|system| system.start(start)).collect())
    }

    /// The one of this type, if the run has it.
    pub(crate) fn get<R: Running>(&self) -> Option<&R> {
        let mut all = self.0.iter();
        all.find_map(|running| (&**running as &dyn Any).downcast_ref())
    }

    /// Waits until each is ready.
    pub(crate) async fn settled(&self) {
        for running in &*self.0 {
            running.settled().await;
        }
    }

    /// See [`Running::ended`].
    pub(crate) fn ended(&self, recorder: &Recorder) {
        for running in &*self.0 {
            running.ended(recorder);
        }
    }
}

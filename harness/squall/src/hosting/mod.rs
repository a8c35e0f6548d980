//! The interface between a run and its systems: hosts, oracles and statistics.

mod newest;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use squall_sim::Sim;

pub(crate) use self::newest::Newest;
use crate::oracle::{Oracle, Run};
use crate::plan::Plan;
use crate::report::SystemSection;
use crate::run::{Drains, Recorder, Source};

/// What systems contribute to the evaluation of a finished run.
#[derive(Clone, Copy)]
pub(crate) struct Lists {
    /// Oracles, in report order.
    pub(crate) oracles: fn() -> &'static [&'static dyn Oracle],
    /// Report sections.
    pub(crate) sections: &'static [fn(&Run<'_>) -> SystemSection],
    /// Finds vacuous checks: one line each.
    pub(crate) notes: &'static [fn(&Run<'_>) -> Vec<String>],
}

impl Lists {
    /// Those of no system.
    pub(crate) const NONE: Lists = Lists {
        oracles: || &[],
        sections: &[],
        notes: &[],
    };
}

/// A system as registered with a harness: it creates the hosts.
pub(crate) trait Hosting: Send + Sync {
    /// Its tracing events.
    fn events(&self) -> Source;

    /// Creates and starts the system's hosts in a plan.
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running>;
}

/// The context in which a system starts.
pub(crate) struct Start<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) plan: &'a Arc<Plan>,
    pub(crate) drains: &'a Arc<Drains>,
    pub(crate) recorder: &'a Recorder,
}

/// A system in a run. It outlives the processes of its hosts.
#[async_trait]
pub(crate) trait Running: Any + Send + Sync {
    /// Waits until all of its hosts have started for the first time, and are ready for the scenario.
    async fn settled(&self);

    /// Called after all of its processes have ended, for final journal entries.
    fn ended(&self, recorder: &Recorder) {
        let _ = recorder;
    }
}

/// The systems of a run. Clones share them.
#[derive(Clone)]
pub struct Systems(Arc<[Arc<dyn Running>]>);

impl Systems {
    /// Starts them, in this order.
    pub(crate) fn start(systems: &[Arc<dyn Hosting>], start: &Start<'_>) -> Self {
        Systems(systems.iter().map(|system| system.start(start)).collect())
    }

    /// The system of this type, if the run has it.
    pub(crate) fn get<R: Running>(&self) -> Option<&R> {
        let mut all = self.0.iter();
        all.find_map(|running| (&**running as &dyn Any).downcast_ref())
    }

    /// Waits until all are ready.
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

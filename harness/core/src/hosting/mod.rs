//! The interface between a run and its systems: who creates the hosts, and what runs on them.

mod newest;

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use squall_sim::Sim;

pub use self::newest::Newest;
use crate::plan::Plan;
use crate::run::{Drains, Recorder, Source};

/// A system as registered with a harness: it creates the hosts.
pub trait Hosting: Send + Sync {
    /// Its tracing events.
    fn events(&self) -> Source;

    /// Creates and starts the system's hosts in a plan.
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running>;
}

/// The context in which a system starts.
pub struct Start<'a> {
    /// The simulation.
    pub sim: &'a Sim,
    /// The plan of the run.
    pub plan: &'a Arc<Plan>,
    /// The shutdowns that faults request.
    pub drains: &'a Arc<Drains>,
    /// Records journal entries.
    pub recorder: &'a Recorder,
}

/// A system in a run. It outlives the processes of its hosts.
#[async_trait]
pub trait Running: Any + Send + Sync {
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
    pub fn get<R: Running>(&self) -> Option<&R> {
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

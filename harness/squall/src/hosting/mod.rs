//! What every system is to a run: its hosts, and what it knows of runs that have them.

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

/// What systems know of a run that is over.
#[derive(Clone, Copy)]
pub(crate) struct Lists {
    /// What always holds, in the order of reports.
    pub(crate) oracles: fn() -> &'static [&'static dyn Oracle],
    /// What they say in reports.
    pub(crate) sections: &'static [fn(&Run<'_>) -> SystemSection],
    /// What the run says nothing about, although its scenario looks as if it did: a line each.
    pub(crate) notes: &'static [fn(&Run<'_>) -> Vec<String>],
}

impl Lists {
    /// Of no system.
    pub(crate) const NONE: Lists = Lists {
        oracles: || &[],
        sections: &[],
        notes: &[],
    };
}

/// A system, as a harness has it: what makes its hosts.
pub(crate) trait Hosting: Send + Sync {
    /// What its runtime says.
    fn events(&self) -> Source;

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

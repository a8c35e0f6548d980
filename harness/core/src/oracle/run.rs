//! A run as oracles and expectations see it: plan and journal, folded once for all.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::Violation;
use super::evidence::{Evidence, Kept};
use crate::calls::{Call, Calls, Execution, Hop};
use crate::history::History;
use crate::journal::{Event, Journal};
use crate::plan::Plan;
use crate::target::Causes;

/// The evidence.
#[derive(Debug)]
pub struct Run<'j> {
    /// The plan of the run.
    pub plan: &'j Plan,
    /// Every call, with its hops and executions.
    pub calls: Calls<'j>,
    /// The history of hosts and faults.
    pub history: History<'j>,
    /// All journal entries.
    pub journal: &'j Journal,
    kept: Kept,
}

/// A journal entry by user code: `squall::note`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'j> {
    /// When, in virtual nanoseconds.
    pub at: u64,
    /// The host.
    pub host: &'j str,
    /// Its name.
    pub name: &'j str,
    /// Its value, as JSON.
    pub value: &'j str,
}

impl Note<'_> {
    /// Its value. `None` if it does not parse as `T`.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.value).ok()
    }
}

impl<'j> Run<'j> {
    /// Folds a journal. All judgements about a run derive from this.
    #[must_use]
    pub fn of(plan: &'j Plan, journal: &'j Journal) -> Self {
        let history = History::of(journal);
        let kept = Kept::default();
        let calls = Calls::with_kept(journal, plan, &history, &kept);
        Run {
            plan,
            calls,
            history,
            journal,
            kept,
        }
    }

    /// Other evidence of this run. Computed on first request, then cached.
    pub fn evidence<E: Evidence>(&self) -> Arc<E> {
        self.kept.get(|| E::of(self))
    }

    /// Notes by user code, in journal order.
    pub fn notes(&self) -> impl Iterator<Item = Note<'j>> + use<'j> {
        self.journal
            .entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Noted { name, value } => Some(Note {
                    at: entry.at,
                    host: &entry.host,
                    name,
                    value,
                }),
                _ => None,
            })
    }

    /// The hops and executions that a call causes, as known in advance. For a call without a workload, any number.
    pub fn causes(&self, call: &Call<'_>) -> Causes {
        let workload = self.plan.workloads.get(call.workload as usize);
        workload.map_or(Causes::One, |workload| workload.target.causes())
    }

    /// A violation by a call, or by a hop or execution of it.
    pub fn of_call(&self, call: &Call<'_>, at: u64, what: impl Into<String>) -> Violation {
        Violation {
            at,
            call: Some(call.number),
            from: call.host.to_owned(),
            to: call.to.to_owned(),
            what: what.into(),
            touched_by: self.fault_names(&call.touched_by),
        }
    }

    /// A violation by a hop.
    pub fn of_hop(
        &self,
        call: Option<&Call<'_>>,
        hop: &Hop<'_>,
        at: u64,
        what: impl Into<String>,
    ) -> Violation {
        Violation {
            from: hop.host.to_owned(),
            to: hop.to.to_owned(),
            ..self.of_world(call, at, what)
        }
    }

    /// A violation by an execution.
    pub fn of_execution(
        &self,
        call: Option<&Call<'_>>,
        execution: &Execution<'_>,
        at: u64,
        what: impl Into<String>,
    ) -> Violation {
        Violation {
            from: execution.host.to_owned(),
            to: format!("{}.{}", execution.node, execution.port),
            ..self.of_world(call, at, what)
        }
    }

    /// A violation by no host in particular.
    pub fn of_world(&self, call: Option<&Call<'_>>, at: u64, what: impl Into<String>) -> Violation {
        Violation {
            at,
            call: call.map(|call| call.number),
            from: String::new(),
            to: String::new(),
            what: what.into(),
            touched_by: call
                .map(|call| self.fault_names(&call.touched_by))
                .unwrap_or_default(),
        }
    }

    fn fault_names(&self, faults: &[u32]) -> Vec<String> {
        let name = |fault: &u32| match self.plan.faults.get(*fault as usize) {
            Some(fault) => fault.name.clone(),
            None => format!("#{}", u64::from(*fault) + 1),
        };
        faults.iter().map(name).collect()
    }
}

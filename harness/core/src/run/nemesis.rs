//! Injects the faults of a plan: each starts and ends on time, with a journal entry for both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use squall_sim::{Effect, HostId, HostPairs, Sim};
use tokio::time::Instant;

use super::drains::Drains;
use super::links::host_pairs;
use super::recorder::Recorder;
use crate::hosting::{Running, Systems};
use crate::journal::Event;
use crate::plan::{Connects, Pairs, Plan};

/// A fault's access to the run. Clones share it.
#[derive(Clone)]
pub struct Scene {
    pub(super) sim: Sim,
    pub(super) plan: Arc<Plan>,
    pub(super) systems: Systems,
    pub(super) drains: Arc<Drains>,
    pub(super) recorder: Recorder,
    /// How many faults keep each host down or paused.
    pub(super) kept: Arc<Mutex<BTreeMap<HostId, Kept>>>,
    /// The fault's index.
    pub(super) number: u32,
}

/// How many faults keep a host from running: it resumes when the last of them has ended.
#[derive(Default, Clone, Copy)]
pub(super) struct Kept {
    down: u32,
    paused: u32,
}

/// When a fault ends.
#[derive(Debug, Clone, Copy)]
pub struct End(Option<Instant>);

impl End {
    /// Waits for the end: forever, if there is none.
    pub async fn reached(self, scene: &Scene) {
        match self.0 {
            Some(end) => scene.sim.sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}

/// Starts the timers of all faults. No fault starts at or after the end of the plan.
pub(super) fn release(scene: &Scene, start: Instant) {
    for number in (0_u32..).take(scene.plan.faults.len()) {
        let scene = Scene {
            number,
            ..scene.clone()
        };
        scene.sim.clone().spawn(async move {
            let fault = scene.plan.faults[number as usize].clone();
            scene.sim.sleep_until(start + fault.at).await;
            scene.recorder.record(Event::FaultStarted {
                fault: number,
                name: fault.name.as_str().into(),
                text: fault.kind.text().into(),
            });
            let end = End(fault.until.map(|until| start + until));
            fault.kind.act(&scene, end).await;
            end.reached(&scene).await;
            scene.recorder.record(Event::FaultEnded { fault: number });
        });
    }
}

impl Scene {
    /// The simulator.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// The running system of this type; `None` if the run does not have it.
    pub fn system<R: Running>(&self) -> Option<&R> {
        self.systems.get()
    }

    /// The journal.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The fault's index, which marks its segments in the journal.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes these hosts down until the fault ends: `fell` says how. Hosts that another fault keeps down stay down.
    pub async fn down(&self, names: &[String], fell: impl Fn(&Sim, HostId), end: End) {
        let hosts = self.hosts(names);
        for host in &hosts {
            self.kept(*host, |kept| kept.down += 1);
            fell(&self.sim, *host);
        }
        end.reached(self).await;
        for host in hosts {
            self.kept(host, |kept| kept.down -= 1);
            self.start(host);
        }
    }

    /// Pauses these hosts until the fault ends, processes started meanwhile included.
    pub async fn paused(&self, names: &[String], end: End) {
        let hosts = self.hosts(names);
        for host in &hosts {
            self.kept(*host, |kept| kept.paused += 1);
            self.sim.pause(*host);
        }
        end.reached(self).await;
        for host in hosts {
            if self.kept(host, |kept| kept.paused -= 1).paused == 0 {
                self.sim.resume(host);
            }
        }
    }

    /// Kills the processes of these hosts, and restarts them unless a fault keeps them down.
    pub fn restart(&self, names: &[String]) {
        for host in self.hosts(names) {
            self.sim.kill(host);
            self.start(host);
        }
    }

    fn start(&self, host: HostId) {
        let kept = self.kept(host, |_| {});
        if kept.down == 0 {
            self.sim.start(host);
            if kept.paused > 0 {
                self.sim.pause(host);
            }
        }
    }

    fn kept(&self, host: HostId, change: impl FnOnce(&mut Kept)) -> Kept {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(host).or_default();
        change(kept);
        *kept
    }

    /// The simulator's host identifiers for names in the plan.
    pub fn hosts(&self, names: &[String]) -> Vec<HostId> {
        names.iter().filter_map(|name| self.sim.host(name)).collect()
    }

    /// The same for pairs of hosts.
    pub fn pairs(&self, pairs: &Pairs) -> HostPairs {
        host_pairs(&self.sim, pairs)
    }

    /// The same for connects, in the direction of the dial.
    pub fn connects(&self, which: &Connects) -> HostPairs {
        match which {
            Connects::To(hosts) => {
                let all = self.plan.topology.all_hosts();
                HostPairs {
                    from: all.filter_map(|name| self.sim.host(name)).collect(),
                    to: self.hosts(hosts).into_iter().collect(),
                    both_ways: false,
                }
            }
            Connects::Between(pairs) => self.pairs(pairs),
        }
    }

    /// Applies a link effect until the fault ends.
    pub async fn lasting(&self, effect: Effect, end: End) {
        self.sim.start_effect(self.number, effect);
        end.reached(self).await;
        self.sim.end_effect(self.number);
    }

    /// Shuts down the servers of these hosts.
    pub(crate) fn drain_servers(&self, hosts: &[String]) {
        self.drains.tell(hosts);
    }
}

//! The faults of a plan: each strikes and ends at its time, with a line in the journal for both.

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

/// What a fault strikes, as it sees it. Clones are the same.
#[derive(Clone)]
pub struct Scene {
    pub(super) sim: Sim,
    pub(super) plan: Arc<Plan>,
    pub(super) systems: Systems,
    pub(super) drains: Arc<Drains>,
    pub(super) recorder: Recorder,
    /// How many faults keep each host down, and paused.
    pub(super) kept: Arc<Mutex<BTreeMap<HostId, Kept>>>,
    /// Which fault it is.
    pub(super) number: u32,
}

/// By how many faults a host is kept from running: it runs again when the last of them has ended.
#[derive(Default, Clone, Copy)]
pub(super) struct Kept {
    down: u32,
    paused: u32,
}

/// When a fault ends.
#[derive(Debug, Clone, Copy)]
pub struct End(Option<Instant>);

impl End {
    /// Waits for it: for good, if it never ends.
    pub async fn reached(self, scene: &Scene) {
        match self.0 {
            Some(end) => scene.sim.sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}

/// Starts every fault's timer. A fault never strikes at or after the end of the plan.
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

    /// The part of a run that a fault of a system strikes; nothing when the run is without that system.
    pub(crate) fn system<R: Running>(&self) -> Option<&R> {
        self.systems.get()
    }

    /// The journal.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The fault's number: what the journal says of segments names it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// These hosts are down until the fault ends: `fell` says how they go. What another fault keeps down then stays down.
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

    /// These hosts are paused until the fault ends, also what starts on them meanwhile.
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

    /// The processes of these hosts end, and start anew unless a fault keeps them down.
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

    /// The simulator's numbers for a plan's names of hosts.
    pub fn hosts(&self, names: &[String]) -> Vec<HostId> {
        names.iter().filter_map(|name| self.sim.host(name)).collect()
    }

    /// The same for pairs of them.
    pub fn pairs(&self, pairs: &Pairs) -> HostPairs {
        host_pairs(&self.sim, pairs)
    }

    /// By who dials whom.
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

    /// Something about links is so until the fault ends.
    pub async fn lasting(&self, effect: Effect, end: End) {
        self.sim.start_effect(self.number, effect);
        end.reached(self).await;
        self.sim.end_effect(self.number);
    }

    /// The servers of these hosts shut down.
    pub(crate) fn drain_servers(&self, hosts: &[String]) {
        self.drains.tell(hosts);
    }
}

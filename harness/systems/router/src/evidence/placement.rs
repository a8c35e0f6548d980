//! Placement of nodes and modules over time, folded from plan and journal.

use indexmap::IndexMap;
use squall_core::oracle::{Evidence, Run, SLACK};
use squall_core::time::nanos;

use crate::faults::{Announce, Move};
use crate::plan::Module;

/// The owners of nodes and the announced hosts of modules.
#[derive(Debug, Default)]
pub struct Placement {
    owners: IndexMap<String, Owned>,
    announced: IndexMap<String, Vec<Announced>>,
}

/// One node.
#[derive(Debug)]
struct Owned {
    module: String,
    /// When other modules owned it. Intervals do not overlap.
    moves: Vec<Away>,
}

/// Another module owned the node.
#[derive(Debug)]
struct Away {
    from: u64,
    until: u64,
    /// The maximum propagation delay of both changes.
    late: u64,
    module: String,
}

/// A module was announced on some of its hosts.
#[derive(Debug)]
struct Announced {
    from: u64,
    until: u64,
    /// The maximum propagation delay of both changes.
    late: u64,
    hosts: Vec<String>,
}

impl Evidence for Placement {
    fn of(run: &Run<'_>) -> Self {
        let (plan, history) = (run.plan, &run.history);
        let mut placement = Placement::default();
        for module in plan.topology.all::<Module>().values() {
            for node in module.nodes.keys() {
                let owned = Owned {
                    module: module.name.clone(),
                    moves: Vec::new(),
                };
                placement.owners.insert(node.clone(), owned);
            }
        }
        for (fault, past) in plan.faults.iter().zip(&history.faults) {
            let Some(from) = past.started else { continue };
            let until = past.ended.unwrap_or(u64::MAX);
            if let Some(moved) = fault.kind.downcast_ref::<Move>() {
                if let Some(owned) = placement.owners.get_mut(moved.node.as_str()) {
                    owned.moves.push(Away {
                        from,
                        until,
                        late: nanos(moved.late),
                        module: moved.to.clone(),
                    });
                }
            } else if let Some(announce) = fault.kind.downcast_ref::<Announce>() {
                let announced = placement.announced.entry(announce.module.clone()).or_default();
                announced.push(Announced {
                    from,
                    until,
                    late: nanos(announce.late),
                    hosts: announce.hosts.clone(),
                });
            }
        }
        placement
    }
}

impl Placement {
    /// The modules that owned a node at some time between two instants. At the instant of a move, both do.
    pub fn owners(&self, node: &str, from: u64, until: u64) -> Vec<&str> {
        let Some(owned) = self.owners.get(node) else {
            return Vec::new();
        };
        let at_home = !owned
            .moves
            .iter()
            .any(|away| away.from < from && until < away.until);
        let away = owned
            .moves
            .iter()
            .filter(|away| away.from <= until && from <= away.until);
        let home = at_home.then_some(&*owned.module);
        home.into_iter().chain(away.map(|away| &*away.module)).collect()
    }

    /// The modules that a host may consider the owner of a node at some instant, given the propagation delay.
    pub fn supposed_owners(&self, node: &str, at: u64) -> Vec<&str> {
        let Some(owned) = self.owners.get(node) else {
            return Vec::new();
        };
        let heard = |change: u64, away: &Away| change.saturating_add(away.late + SLACK) < at;
        let all_know_it_away = |away: &Away| heard(away.from, away) && at < away.until;
        let home = (!owned.moves.iter().any(all_know_it_away)).then_some(&*owned.module);
        let away = owned
            .moves
            .iter()
            .filter(|away| away.from <= at && !heard(away.until, away));
        home.into_iter().chain(away.map(|away| &*away.module)).collect()
    }

    /// The announced hosts of `module` throughout an interval, as known to all hosts by then; `None` while an update was
    /// propagating.
    pub fn hosts<'a>(&'a self, module: &'a Module, from: u64, until: u64) -> Option<&'a [String]> {
        let mut hosts = &module.hosts[..];
        for it in self.announced.get(module.name.as_str()).into_iter().flatten() {
            let on_the_way = |change: u64| {
                let heard = change.saturating_add(it.late + SLACK);
                change <= until && from <= heard
            };
            if on_the_way(it.from) || (it.until != u64::MAX && on_the_way(it.until)) {
                return None;
            }
            if it.from < from && until < it.until {
                hosts = &it.hosts;
            }
        }
        Some(hosts)
    }
}

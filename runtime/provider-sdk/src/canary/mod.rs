//! Rolls new modules out, one instance at a time. Spec: provider 3.7.
//!
//! | subject | file |
//! |---|---|
//! | the sequence, and its possible results | here |
//! | one instance: upgrade, and rollback | `step` |
//! | the health check of an instance | `health` |
//!
//! # Instances
//!
//! An instance is the connection to one manager, with the modules for that manager's calls. A call does not name its
//! manager, and all instances begin with one executor, at one port. So an instance that is upgraded while others
//! share its executor gets its own executor, on a free port, with the new modules, and registers again with that. The
//! others' calls are still served by the old modules. The last instance on the shared executor is upgraded in place,
//! as is the only instance of a provider: its modules are swapped, and it registers again only if their names or
//! types have changed. An instance keeps its executor, so the next rollout finds each on its own, and swaps in place.
//!
//! To register again is a Deregister and a Register. In between, the modules are missing at that manager, unless
//! another member of the group has them there.
//!
//! # Health
//!
//! At the end of the window, an instance is healthy if its state is `Active`, the success rate of the executions that
//! began in the window reaches the threshold, and none of these exceeded the maximum latency: running ones count with
//! their age. Every error counts, whoever is at fault, and so does a cancelled call. Without any call the instance is
//! healthy.
//!
//! The state of a connection after its window, while others are observed, does not count: a manager that was cut off
//! in the meantime gets the new modules registered when it is connected again, and then calls them.

mod health;
mod step;

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_platform::{Authority, Platform};

use crate::Module;
use crate::events;
use crate::fleet::Fleet;
use crate::instance::Instance;
use crate::modules::Modules;
use step::Upgrade;

pub(crate) use step::replace;

/// The result of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanaryOutcome {
    /// All instances have the new modules, and later ones will have them. An instance that has lost its manager since
    /// it was observed registers them when it is connected again.
    Promoted,
    /// All instances have the old modules.
    RolledBack {
        /// The problem.
        reason: String,
    },
    /// Some have the new modules and some the old: rollback is off, or has failed itself. Every instance is in one of
    /// the lists. Later ones will have the old modules.
    PartialFailure {
        /// They have the new modules, and were healthy with them.
        promoted: Vec<Authority>,
        /// They have the new modules and were not healthy, or they should be back on the old ones and are not
        /// registered with them.
        failed: Vec<Authority>,
        /// They have the old modules: they were not upgraded, or are rolled back.
        unchanged: Vec<Authority>,
        /// The problem.
        reason: String,
    },
}

impl CanaryOutcome {
    /// `promoted`, `rolled back` or `partial failure`.
    pub fn as_str(&self) -> &'static str {
        match self {
            CanaryOutcome::Promoted => "promoted",
            CanaryOutcome::RolledBack { .. } => "rolled back",
            CanaryOutcome::PartialFailure { .. } => "partial failure",
        }
    }

    /// The problem; empty when there is none.
    pub fn reason(&self) -> &str {
        match self {
            CanaryOutcome::Promoted => "",
            CanaryOutcome::RolledBack { reason } | CanaryOutcome::PartialFailure { reason, .. } => reason,
        }
    }
}

/// Performs a rollout. The caller ensures that there is only one at a time.
pub(crate) async fn roll_out<P: Platform>(fleet: &Fleet<P>, modules: Vec<Module>) -> CanaryOutcome {
    let outcome = match Modules::new(modules) {
        Ok(modules) => one_by_one(fleet, &modules).await,
        // Nothing was changed.
        Err(error) => CanaryOutcome::RolledBack {
            reason: error.to_string(),
        },
    };
    events::canary_ended(outcome.as_str(), outcome.reason());
    outcome
}

async fn one_by_one<P: Platform>(fleet: &Fleet<P>, modules: &Arc<Modules>) -> CanaryOutcome {
    let mut upgrades: Vec<Upgrade<P>> = Vec::new();
    let mut seen = BTreeSet::new();
    // Looked up again each time, because managers come and go.
    while let Some(instance) = next(fleet, &mut seen) {
        let upgraded = Upgrade::begin(fleet, instance, modules).await;
        let trouble = match &upgraded {
            Ok(upgrade) => health::trouble(fleet, upgrade).await,
            Err((instance, error)) => {
                let manager = instance.manager();
                Some(format!("Instance {manager} cannot be upgraded: {error}"))
            }
        };
        let failing = upgraded.ok();
        let Some(reason) = trouble else {
            upgrades.extend(failing);
            continue;
        };
        return if fleet.ground.config.canary.rollback_on_failure {
            roll_back(fleet, upgrades, failing, reason).await
        } else {
            stop_there(fleet, &upgrades, failing.as_ref(), reason)
        };
    }
    step::promote(fleet, modules);
    CanaryOutcome::Promoted
}

/// The next instance by address that was not processed yet.
fn next<P: Platform>(fleet: &Fleet<P>, seen: &mut BTreeSet<String>) -> Option<Arc<Instance<P>>> {
    let instances = fleet.instances().into_iter();
    let unseen = instances.filter(|it| !seen.contains(it.manager().as_str()));
    let next = unseen.min_by(|a, b| a.manager().as_str().cmp(b.manager().as_str()))?;
    seen.insert(next.manager().to_string());
    Some(next)
}

/// Rolls all back, in the order in which they were upgraded, the failing one last.
async fn roll_back<P: Platform>(
    fleet: &Fleet<P>,
    upgrades: Vec<Upgrade<P>>,
    failing: Option<Upgrade<P>>,
    reason: String,
) -> CanaryOutcome {
    let mut failed = Vec::new();
    for upgrade in upgrades.iter().chain(&failing) {
        if !upgrade.undo(fleet).await {
            failed.push(upgrade.manager().clone());
        }
    }
    if failed.is_empty() {
        return CanaryOutcome::RolledBack { reason };
    }
    let unchanged = others(fleet, &failed);
    CanaryOutcome::PartialFailure {
        promoted: Vec::new(),
        failed,
        unchanged,
        reason: format!("{reason}, and not all could be rolled back"),
    }
}

/// Upgraded instances stay upgraded.
fn stop_there<P: Platform>(
    fleet: &Fleet<P>,
    upgrades: &[Upgrade<P>],
    failing: Option<&Upgrade<P>>,
    reason: String,
) -> CanaryOutcome {
    let manager = |upgrade: &Upgrade<P>| upgrade.manager().clone();
    let promoted: Vec<_> = upgrades.iter().map(manager).collect();
    let failed: Vec<_> = failing.into_iter().map(manager).collect();
    let touched: Vec<_> = promoted.iter().chain(&failed).cloned().collect();
    CanaryOutcome::PartialFailure {
        unchanged: others(fleet, &touched),
        promoted,
        failed,
        reason,
    }
}

/// All instances but these, by address.
fn others<P: Platform>(fleet: &Fleet<P>, but: &[Authority]) -> Vec<Authority> {
    let instances = fleet.instances().into_iter();
    let mut others: Vec<_> = instances
        .map(|it| it.manager().clone())
        .filter(|it| !but.contains(it))
        .collect();
    others.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    others
}

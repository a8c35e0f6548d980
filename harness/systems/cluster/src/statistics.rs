//! Statistics of a run's actors.

use indexmap::IndexMap;
use squall_core::oracle::Run;

use crate::journal::ClusterEvent;
use crate::plan::ClusterNode;

/// One actor of one node, over all of its lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActorStatistics {
    /// The node.
    pub node: String,
    /// The actor's id.
    pub actor: String,
    /// How often it was spawned, by its node or by a supervisor.
    pub spawned: u64,
    /// The number of events that it handled, or that completed it.
    pub handled: u64,
    /// The number of events that it rejected or ignored.
    pub rejected: u64,
    /// The number of its failures.
    pub failed: u64,
}

impl ActorStatistics {
    /// Every actor: those of the topology in its order, then others in the order of their spawns.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Vec<Self> {
        let nodes = run.plan.topology.all::<ClusterNode>().values();
        let known = nodes.flat_map(|node| node.actors.keys().map(move |actor| (&*node.name, &**actor)));
        let mut all: IndexMap<(&str, &str), Self> = known.map(|key| (key, Self::new(key))).collect();
        // Events after the end of the plan do not count.
        let entries = run.journal.entries.iter();
        let counted = entries.take_while(|entry| run.history.quiet.is_none_or(|quiet| entry.at < quiet));
        for entry in counted {
            let Some(event) = entry.event.get::<ClusterEvent>() else {
                continue;
            };
            let (ClusterEvent::ActorSpawned { actor, .. }
            | ClusterEvent::ActorEnded { actor, .. }
            | ClusterEvent::ActorHandled { actor, .. }) = event
            else {
                continue;
            };
            let key = (&*entry.host, &**actor);
            all.entry(key).or_insert_with(|| Self::new(key)).count(event);
        }
        all.into_values().collect()
    }

    fn new((node, actor): (&str, &str)) -> Self {
        ActorStatistics {
            node: node.to_owned(),
            actor: actor.to_owned(),
            ..ActorStatistics::default()
        }
    }

    fn count(&mut self, event: &ClusterEvent) {
        let counted = match event {
            ClusterEvent::ActorSpawned { .. } => &mut self.spawned,
            ClusterEvent::ActorEnded { how, .. } if &**how == "failed" => &mut self.failed,
            ClusterEvent::ActorHandled { outcome, .. } => match &**outcome {
                "handled" | "completed" => &mut self.handled,
                "rejected" | "ignored" => &mut self.rejected,
                // Its end counts.
                _ => return,
            },
            _ => return,
        };
        *counted += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OfNodes, S, Script};

    #[test]
    fn every_actor_is_counted_by_what_it_did() {
        let mut script = Script::of_nodes();
        for (call, outcome) in [(1, "handled"), (2, "rejected"), (3, "failed"), (4, "handled")] {
            script.at(call * S).delivered(call, (1, call), outcome);
        }
        let failure = ClusterEvent::ActorEnded {
            actor: "orders".into(),
            src: "counter".into(),
            incarnation: 1,
            how: "failed".into(),
            cause: "it broke".into(),
        };
        script.push("node-b", failure);
        let (plan, journal) = script.finish();
        let expected = ActorStatistics {
            node: "node-b".to_owned(),
            actor: "orders".to_owned(),
            spawned: 0,
            handled: 2,
            rejected: 1,
            failed: 1,
        };
        assert_eq!(ActorStatistics::of(&Run::of(&plan, &journal)), [expected]);
    }
}

//! Journals of the nodes of a cluster, written by hand: `front` delivers to the actor `orders` of `node-b`.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::json;
use squall_core::journal::Death;
pub(crate) use squall_core::journal::Entry;
use squall_core::journal::{Event, Id};
pub(crate) use squall_core::testing::*;

use crate::journal::ClusterEvent;
use crate::plan::{ClusterActor, ClusterNode};
use crate::target::{Delivery, message_id};

/// The id of the message of a call.
pub(crate) fn message(call: u64) -> String {
    message_id(trace(call))
}

fn trace(call: u64) -> Id {
    span(call, 0)
}

/// Scripts about nodes.
pub(crate) trait OfNodes: Sized {
    /// With two nodes besides the hosts of every script. Workload 0 delivers to `orders@node-b`.
    fn of_nodes() -> Self;

    /// A delivery from `front` that the actor handles: the event of this number in this life of it.
    fn delivered(&mut self, call: u64, place: (u64, u64), outcome: &str) -> &mut Self;

    /// A delivery that ends with this class, without an event of the actor.
    fn refused(&mut self, call: u64, class: &str) -> &mut Self;

    /// The actor's event, after a delay.
    fn handled(&mut self, delay: u64, call: u64, place: (u64, u64), outcome: &str) -> &mut Self;

    /// A host is killed and started again now.
    fn restarted(&mut self, host: &str, incarnation: u32) -> &mut Self;
}

impl OfNodes for Script {
    fn of_nodes() -> Self {
        let mut script = Script::new();
        let topology = Arc::make_mut(&mut script.plan.topology);
        let nodes = topology.all_mut::<ClusterNode>();
        for name in ["node-a", "node-b"] {
            nodes.insert(name.to_owned(), node(name));
        }
        script.plan.workloads[0].target = Arc::new(Delivery {
            actor: "orders".to_owned(),
            node: "node-b".to_owned(),
            payload: json!({ "add": 1 }),
        });
        script
    }

    fn delivered(&mut self, call: u64, place: (u64, u64), outcome: &str) -> &mut Self {
        let class = match outcome {
            "rejected" => "rejected",
            "failed" => "actor_failed",
            _ => "",
        };
        self.call_started(call, 0, "orders@node-b");
        self.handled(2 * MS, call, place, outcome);
        self.call_ended(4 * MS, call, class)
    }

    fn refused(&mut self, call: u64, class: &str) -> &mut Self {
        self.call_started(call, 0, "orders@node-b");
        self.call_ended(4 * MS, call, class)
    }

    fn handled(
        &mut self,
        delay: u64,
        call: u64,
        (incarnation, number): (u64, u64),
        outcome: &str,
    ) -> &mut Self {
        let event = ClusterEvent::ActorHandled {
            actor: "orders".into(),
            incarnation,
            message: message(call).into(),
            number,
            outcome: outcome.into(),
        };
        self.after(delay, "node-b", event)
    }

    fn restarted(&mut self, host: &str, incarnation: u32) -> &mut Self {
        self.stop(host, Death::Killed);
        self.push(host, Event::HostStarted { incarnation })
    }
}

fn node(name: &str) -> ClusterNode {
    let actor = ClusterActor {
        id: "orders".to_owned(),
        src: "counter".to_owned(),
        settings: json!({}),
    };
    ClusterNode {
        name: name.to_owned(),
        hosts: [name.to_owned()],
        call_timeout: Duration::from_secs(30),
        restart: None,
        actors: match name {
            "node-b" => IndexMap::from([(actor.id.clone(), actor)]),
            _ => IndexMap::new(),
        },
    }
}

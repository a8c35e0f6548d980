//! Nodes of a cluster: the content of `[cluster.*]`.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::plan::{HostGroup, Recovery, Topology};

use crate::behaviours::FAILING;

/// One node of a cluster: one host.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterNode {
    /// Its name, by which references of actors name it.
    pub name: String,
    /// Its host, of the same name.
    pub hosts: [String; 1],
    /// The timeout of deliveries by this node. Default 30 s.
    pub call_timeout: Duration,
    /// Whether its failed actors are restarted. `None`: they stay down.
    pub restart: Option<Restarts>,
    /// The actors that it spawns when it starts, by id, in file order.
    pub actors: IndexMap<String, ClusterActor>,
}

/// An actor that a node spawns when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterActor {
    /// Its id, unique on its node.
    pub id: String,
    /// The name of its behaviour.
    pub src: String,
    /// The input of its spawn: a JSON object, empty if the file has none.
    pub settings: serde_json::Value,
}

/// How often a node restarts each of its actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restarts {
    /// The maximum number of restarts.
    pub at_most: u32,
    /// The window in which they are counted. `None`: the life of the process.
    pub within: Option<Duration>,
}

impl HostGroup for ClusterNode {
    /// As reports count them, for the table says what they make up together: `3 nodes`.
    const TABLE: &'static str = "node";
    const SHOWS_IN_CALLS: bool = true;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.call_timeout)
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn recovery(&self) -> Recovery {
        match self.actors.values().any(|actor| actor.src == FAILING) {
            true => Recovery::Unknown,
            false => Recovery::Within(Duration::ZERO),
        }
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, ClusterNode>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

impl ClusterNode {
    /// Whether a node of this name exists.
    pub fn is_one(topology: &Topology, name: &str) -> bool {
        topology.all::<ClusterNode>().contains_key(name)
    }
}

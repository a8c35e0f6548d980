//! Nodes of a cluster in a topology file.

use std::time::Duration;

use squall_core::file::read::{At, Named, tables};
use squall_core::file::value::{Exact, JsonObject};

tables! {
    /// A node of a cluster: a process that runs actors, and delivers events to those of other nodes
    pub Cluster("[cluster.*]") {
        /// How long a delivery by this node may take. 30s when absent
        call_timeout: Option<At<Exact<Duration>>>,
        /// Restarts its actors when they fail. They stay down when absent
        restart: Option<At<Restart>>,
        /// The actors that it spawns when it starts, by id. An id is unique on its node
        actor: Option<Named<Actor>>,
    }

    /// An actor that a node spawns when it starts
    pub Actor("[cluster.*.actor.*]") {
        /// The name of its behaviour: "counter" takes events { add = 1 }, "fail" fails on purpose
        src: At<String>,
        /// The input of its spawn: { delay = "5ms" } for each event of a counter, { every = 3 } events for a failure
        settings: Option<At<JsonObject>>,
    }

    /// How often a node restarts each of its actors
    pub Restart("`restart`") {
        /// How many times, and then no more. 1 to 1000
        at_most: At<u64>,
        /// Counts the restarts of the last such time only. All of its process when absent
        within: Option<At<Exact<Duration>>>,
    }
}

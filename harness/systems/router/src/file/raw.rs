//! Modules of a topology file.

use std::time::Duration;

use squall_core::file::read::{At, Named, tables};
use squall_core::file::value::{Exact, JsonObject};
use squall_core::plan::Ratio;

use super::keepalive::Keepalive;
use super::limits::Limits;
use super::values::{CallMethod, EdgePolicy};

tables! {
    /// A module: a process that holds nodes, calls other modules and is called by them
    pub Module("[module.*]") {
        /// How many hosts run it: name-0, name-1, ... when more than one. 1 to 1000; 1 when absent
        replicas: Option<At<u64>>,
        /// How long a call that this module makes may take. 30s when absent
        call_timeout: Option<At<Exact<Duration>>>,
        /// How long a message waits for a node of this module that is not there yet, or for its port: a quarter of
        /// what its call has left at most. 0s when absent
        instance_wait: Option<At<Exact<Duration>>>,
        /// How long its callers have to wait between two pings while they have calls in flight, and 2h while they have
        /// none, as gRPC's servers ask for: 5min. One that pings more often is told `too_many_pings`, and cut off. As
        /// often as they like when absent
        min_ping_interval: Option<At<Exact<Duration>>>,
        /// When its connections to other modules are pinged, and when their peers count as gone: "grpc", as any server
        /// permits; "tinysystems", as modules of TinySystems do; "off"; or a table. "grpc" when absent
        keepalive: Option<At<Keepalive>>,
        /// What its server takes of other modules at most
        limits: Option<At<Limits>>,
        /// By which method of the wire this module calls others, "send" or "message". Found out peer by peer when absent
        method: Option<At<CallMethod>>,
        /// Its nodes, by name. A node's name is unique in the topology
        node: Option<Named<Node>>,
    }

    /// A node: an instance of a component
    pub Node("[module.*.node.*]") {
        /// A built-in component, or one that a test registers under this name
        component: At<String>,
        /// What `squall components` lists for it
        settings: Option<At<JsonObject>>,
        /// The ports at which it takes messages, of a component that leaves this to its nodes. ["in"] when absent
        inputs: Option<Vec<At<String>>>,
        /// Where what the node emits goes
        edges: Option<Vec<At<Edge>>>,
    }

    /// From a port of this node to a port of another
    pub Edge("an edge") {
        /// The port of this node
        port: At<String>,
        /// Where it leads: "node.port"
        to: At<String>,
        /// How long a message along it may take, all attempts together. As long as its call when absent
        timeout: Option<At<Exact<Duration>>>,
        /// Sends a message again when it fails. Never when absent
        retry: Option<At<Retry>>,
        /// "all": it has to succeed. "any": of all such edges of its port one has to. "all" when absent
        policy: Option<At<EdgePolicy>>,
    }

    /// Whether and when a message is sent again: only what certainly did not happen, what its component calls
    /// retryable, and what carries an idempotency key
    pub Retry("`retry`") {
        /// How many attempts, the first included. 2 to 100
        attempts: At<u64>,
        /// The delay after the first failure. 1s when absent
        first: Option<At<Exact<Duration>>>,
        /// By how much each delay is longer than the one before, 1 at least. 2 when absent
        factor: Option<At<f64>>,
        /// The longest delay. 30s when absent
        max: Option<At<Exact<Duration>>>,
        /// Up to which share of a delay is left out at random. None when absent
        jitter: Option<At<Exact<Ratio>>>,
        /// How long each attempt may take. As long as all of them together when absent
        attempt_timeout: Option<At<Exact<Duration>>>,
        /// Gives messages idempotency keys, so that also what may have happened is sent again. false when absent
        idempotent: Option<bool>,
        /// Codes of errors that are final, although their component calls them retryable. None when absent
        non_retryable: Option<Vec<At<String>>>,
    }
}

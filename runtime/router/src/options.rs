//! The limits of one module.

use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{Keepalive, Limits, PingPolicy};

use crate::{Format, RetryPolicy};

/// Limits and intervals of one module. All durations are measured on tokio's clock.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a cross-module call may take, dialling included, when its message says nothing.
    /// Spec: router S-32, H-13.
    pub call_timeout: Duration,
    /// How long opening one connection may take, name resolution included.
    pub connect_timeout: Duration,
    /// When connections to other modules are pinged, and when their peers count as gone; `None`: never. By default as
    /// any gRPC server permits: [`Keepalive::client`]. Where all are modules of TinySystems, theirs:
    /// [`Keepalive::tiny_systems`]. Spec: router 1.10, 4.3.
    pub keepalive: Option<Keepalive>,
    /// When connections of other modules to this one's server are pinged, and when their peers count as gone; `None`:
    /// never. By default as gRPC's servers have it: [`Keepalive::server`].
    pub server_keepalive: Option<Keepalive>,
    /// How often other modules may ping this one's server: one that does so more often is cut off. `None`, which is the
    /// default: as often as they like. See [`PingPolicy::grpc`].
    pub ping_policy: Option<PingPolicy>,
    /// Whether answers are compressed, with gzip, for callers that accept it. Not by default. Requests may be compressed
    /// anyway.
    pub compress_answers: bool,
    /// How long a message waits for an instance of a node that this module owns but has not installed, or
    /// for a port that its component does not have yet: for both together. It never waits longer than a
    /// quarter of the call's remaining time, so that the caller learns the reason and not just of a timeout.
    /// Zero answers at once. Spec: router H-9, 3.4.5, W-6.
    pub instance_wait: Duration,
    /// Whether messages are sent again when they fail, of which neither they nor their edges say so. Not by
    /// default. Spec: router W-2.
    pub retry: Option<Arc<RetryPolicy>>,
    /// For how long the answer to a message with an idempotency key is remembered. Spec: router section 9.
    pub duplicate_window: Duration,
    /// How many answers are remembered at most; the oldest are forgotten first.
    pub duplicates_max: usize,
    /// How destinations may be written. Spec: router 3.1.
    pub destinations: Format,
    /// How many hops a message may descend from the one that started it. Spec: router 3.4.
    pub max_depth: u32,
    /// The largest encoded request or response, in bytes, in both directions. Spec: router 5.2.
    pub max_message_bytes: usize,
    /// How many requests of other modules may be in the works at once. One more is refused, never queued.
    /// `None`: as many as come; by default 20000. Blocking calls nest, so a limit must leave room for the calls that those
    /// in the works cause. Spec: router 5.2, 3.10.
    pub max_in_flight: Option<usize>,
    /// What the server takes of other modules at most, beside [`Options::max_in_flight`]. Spec: router 5.2.
    pub limits: Limits,
    /// How many calls to one other module may be in flight at once, waiting for a connection included. One
    /// more fails at once. Spec: router 4.3.
    pub max_in_flight_per_peer: Option<usize>,
    /// The longest that a request of another module may be worked on, however long its caller would wait.
    /// `None`: as long as the caller waits. Spec: router 5.2.
    pub max_handling_time: Option<Duration>,
    /// Whether other modules may send to system ports, whose names start with `_`. Spec: router 4.2, 5.2.
    pub serve_system_ports: bool,
    /// After how long the server asks the peer of a connection to open another one, give or take a tenth:
    /// so callers spread over new replicas. What is in flight finishes. `None`: never. Spec: router 4.3.
    pub max_connection_age: Option<Duration>,
    /// The upper bounds of the buckets of all latency histograms, in any order; one without a bound is added.
    /// Those of Prometheus by default, of which the last is 10 s: set others to see where between that and
    /// their timeouts calls end. Spec: router S-35, H-11.
    pub latency_buckets: Arc<[Duration]>,
}

/// Prometheus's own, in milliseconds.
const LATENCY_BUCKETS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

impl Default for Options {
    fn default() -> Self {
        Options {
            call_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            keepalive: Some(Keepalive::client()),
            server_keepalive: Some(Keepalive::server()),
            ping_policy: None,
            compress_answers: false,
            instance_wait: Duration::ZERO,
            retry: None,
            duplicate_window: Duration::from_secs(120),
            duplicates_max: 10_000,
            destinations: Format::Any,
            max_depth: 256,
            max_message_bytes: 4 * 1024 * 1024,
            max_in_flight: Some(20_000),
            limits: Limits::generous(),
            max_in_flight_per_peer: None,
            max_handling_time: None,
            serve_system_ports: false,
            max_connection_age: None,
            latency_buckets: LATENCY_BUCKETS.map(Duration::from_millis).into(),
        }
    }
}

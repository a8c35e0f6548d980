//! The limits of one module.

use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{Keepalive, Limits, PingPolicy};

use crate::{Format, RetryPolicy};

/// Limits and intervals of one module. All durations are measured on tokio's clock.
#[derive(Debug, Clone)]
pub struct Options {
    /// The time limit of a cross-module call, dialling included, when its message has none. Spec: router S-32, H-13.
    pub call_timeout: Duration,
    /// How long opening one connection may take, name resolution included.
    pub connect_timeout: Duration,
    /// When connections to other modules are pinged, and when their peers count as gone; `None`: never. The default
    /// is what any gRPC server permits: [`Keepalive::client`]. Where all modules are TinySystems', use theirs:
    /// [`Keepalive::tiny_systems`]. Spec: router 1.10, 4.3.
    pub keepalive: Option<Keepalive>,
    /// When connections of other modules to this one's server are pinged, and when their peers count as gone; `None`:
    /// never. By default as gRPC's servers have it: [`Keepalive::server`].
    pub server_keepalive: Option<Keepalive>,
    /// The minimum interval of pings from other modules to this one's server: a peer that pings more often is cut
    /// off. `None`, the default: no limit. See [`PingPolicy::grpc`].
    pub ping_policy: Option<PingPolicy>,
    /// Whether responses are compressed, with gzip, for callers that accept it. Not by default. Requests may always
    /// be compressed.
    pub compress_answers: bool,
    /// How long a message waits for an instance of a node that this module owns but has not installed, and for a
    /// missing port of its component: for both together. It never waits longer than a quarter of the call's remaining
    /// time, so that the caller gets the reason and not just a timeout. Zero answers at once. Spec: router H-9,
    /// 3.4.5, W-6.
    pub instance_wait: Duration,
    /// Whether failed messages are retried, unless they or their edges have a policy. Not by default. Spec: router
    /// W-2.
    pub retry: Option<Arc<RetryPolicy>>,
    /// How long the answer to a message with an idempotency key is kept. Spec: router section 9.
    pub duplicate_window: Duration,
    /// The maximum number of kept answers; the oldest are dropped first.
    pub duplicates_max: usize,
    /// How destinations may be written. Spec: router 3.1.
    pub destinations: Format,
    /// The maximum number of hops between a message and the one that started it. Spec: router 3.4.
    pub max_depth: u32,
    /// The largest encoded request or response, in bytes, in both directions. Spec: router 5.2.
    pub max_message_bytes: usize,
    /// The maximum number of in-flight requests of other modules. Further ones are refused, never queued. `None`:
    /// unlimited; by default 20000. Blocking calls nest, so a limit must leave room for the calls that in-flight
    /// requests cause. Spec: router 5.2, 3.10.
    pub max_in_flight: Option<usize>,
    /// The other limits of the server, beside [`Options::max_in_flight`]. Spec: router 5.2.
    pub limits: Limits,
    /// The maximum number of calls in flight to one other module, including those that wait for a connection. Further
    /// ones fail at once. Spec: router 4.3.
    pub max_in_flight_per_peer: Option<usize>,
    /// The longest time for which a request of another module is processed, however long its caller would wait.
    /// `None`: as long as the caller waits. Spec: router 5.2.
    pub max_handling_time: Option<Duration>,
    /// Whether other modules may send to system ports, whose names start with `_`. Spec: router 4.2, 5.2.
    pub serve_system_ports: bool,
    /// The connection age, give or take a tenth, at which the server asks the peer to open another connection, so
    /// that callers spread over new replicas. Requests in flight finish. `None`: never. Spec: router 4.3.
    pub max_connection_age: Option<Duration>,
    /// The upper bounds of the buckets of all latency histograms, in any order; an unbounded one is added. The
    /// default is Prometheus's, with 10 s as the last bound: set others to resolve latencies between that and the
    /// timeouts. Spec: router S-35, H-11.
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

//! The limits of a server for its peers.

use std::time::Duration;

/// The limits of a server for its peers. Anything beyond is refused at once. Nothing queues: blocking calls nest, so
/// a place may be freed only by a call that waits for one.
///
/// All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of open connections. For a further one, an idle connection without in-flight requests is
    /// asked to leave with GOAWAY; if there is none, the new connection is closed at once.
    pub connections: usize,
    /// The maximum number of them per address. A further one is closed at once. `usize::MAX`: no limit.
    pub address_connections: usize,
    /// The maximum number of in-flight requests of one connection. A further one is refused with `REFUSED_STREAM`.
    /// The number is not announced to peers: HTTP/2 would make them wait for a stream to end.
    pub streams: usize,
    /// The maximum number of bytes of received requests, and of pending responses, held for one connection. A further
    /// request or response becomes `RESOURCE_EXHAUSTED`. Responses count with [`PER_ANSWER`] more bytes each;
    /// requests of up to 16 KiB that come in one piece do not count.
    pub connection_bytes: usize,
    /// The same for all connections together; the first [`FREE`] bytes of each connection are never refused because
    /// of the others.
    pub server_bytes: usize,
    /// The time limit for a peer's HTTP/2 preface. Then its connection is closed.
    pub handshake: Duration,
    /// The time limit for a request to arrive, from its headers to its end, unless the call's own deadline is
    /// earlier. Then it becomes `DEADLINE_EXCEEDED`. For a tonic service: the time limit for a message that has
    /// begun.
    pub read: Duration,
    /// The time in which a peer has to take [`TAKEN_MIN`] bytes of its responses, or all of them. Then its connection
    /// is closed, with GOAWAY `ENHANCE_YOUR_CALM`. A single response that is not taken while others are is reset with
    /// the same code.
    pub take: Duration,
}

/// The additional bytes that a response counts for: HTTP/2's state of its stream.
pub const PER_ANSWER: usize = 1024;
/// This many bytes of a connection are never refused because of other connections: a peer with little load is served
/// while others exceed the limits.
pub const FREE: usize = 64 * 1024;
/// The number of response bytes that a peer has to take within [`Limits::take`]: 8.7 kbit/s by default.
pub const TAKEN_MIN: u64 = 64 * 1024;

impl Limits {
    /// Wide enough not to affect modules that call each other; see `docs/limits.md`.
    pub const fn generous() -> Self {
        Limits {
            connections: 10_000,
            address_connections: usize::MAX,
            streams: 10_000,
            connection_bytes: 256 << 20,
            server_bytes: 1 << 30,
            handshake: Duration::from_secs(20),
            read: Duration::from_secs(60),
            take: Duration::from_secs(60),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::generous()
    }
}

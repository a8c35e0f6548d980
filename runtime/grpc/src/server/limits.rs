//! What a server takes of its peers at most.

use std::time::Duration;

/// What a server takes of its peers at most. What goes beyond is refused at once: nothing ever waits for a place, for
/// blocking calls nest, and a place may be freed only by a call that waits for it.
///
/// All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open. For one more another one is asked to leave, with GOAWAY, on which nothing is in
    /// the works; when there is none, the one that comes is closed at once.
    pub connections: usize,
    /// How many of them one address may have. One more is closed at once. `usize::MAX`: as many as there may be.
    pub address_connections: usize,
    /// How many requests of one connection may be in the works. One more is refused with `REFUSED_STREAM`. Peers are not
    /// told the number: HTTP/2 would make them wait for a stream to end.
    pub streams: usize,
    /// How many bytes of requests that have come, and as many of answers that are still to go, may be held for one
    /// connection. One more request or answer becomes `RESOURCE_EXHAUSTED`. Answers count with [`PER_ANSWER`] more bytes
    /// each; requests of up to 16 KiB that come in one piece do not count.
    pub connection_bytes: usize,
    /// The same for all connections together; the first [`FREE`] bytes of each are never refused for the others' sake.
    pub server_bytes: usize,
    /// How long a peer may take until it has said that it speaks HTTP/2. Then its connection is closed.
    pub handshake: Duration,
    /// How long a request may take to arrive, from its headers to its end, when the call's own deadline is not sooner.
    /// Then it becomes `DEADLINE_EXCEEDED`. Of a service of tonic's: how long a message may take, once it has begun.
    pub read: Duration,
    /// How long a peer may leave all of its answers waiting; it has to take [`TAKEN_MIN`] bytes of them by then, or all
    /// that there are. Then its connection is closed, with GOAWAY `ENHANCE_YOUR_CALM`; and one answer that alone is left
    /// waiting while others are taken is given up with the same code.
    pub take: Duration,
}

/// What an answer counts for beside its bytes: what HTTP/2 remembers of its stream.
pub const PER_ANSWER: usize = 1024;
/// So much of a connection's bytes is never refused for the sake of other connections: a peer that asks for little is
/// served while others ask for too much.
pub const FREE: usize = 64 * 1024;
/// How many bytes of its answers a peer has to take within [`Limits::take`]: 8.7 kbit/s by default.
pub const TAKEN_MIN: u64 = 64 * 1024;

impl Limits {
    /// Wide enough not to be noticed by modules that call each other; see `docs/limits.md`.
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

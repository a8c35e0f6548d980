//! gRPC over the platform's sockets: the common part of all protocols of the runtime.
//!
//! | subject | file |
//! |---|---|
//! | opening and driving a connection | `client`, `driver`, `keepalive` |
//! | a peer that is about to go | `goodbye` |
//! | sending requests on it, and how far they get | `sender`, `progress` |
//! | one unary call, as frames | `unary` |
//! | one peer, dialled on demand | `channel` |
//! | tonic's clients, for streams | `streaming` |
//! | the outcome of a call whose connection broke, and transparent retries | `trouble`, `again` |
//! | incoming bodies | `incoming` |
//! | accepting, answering, and shutdown | `server`, `connections` |
//! | what the end of a call implies about its execution | `meaning` |
//! | requests that are not gRPC | `refusal` |
//! | health and reflection | `standard` |
//! | the time limit of a request on the wire | `timeout` |
//! | waiting for a peer in a process that may stand still | `patience` |
//!
//! tonic's own `Channel` and `Server` are not used: they spawn tasks that bypass the platform, and hide whether a
//! request was sent.
//!
//! Deliberately absent: deadlines. A deadline is a timer around the whole call, dialling included, and belongs to the
//! caller.

mod again;
mod channel;
mod client;
mod connections;
mod driver;
mod goodbye;
mod incoming;
mod keepalive;
pub mod meaning;
mod patience;
mod progress;
mod refusal;
mod sender;
mod server;
mod standard;
mod streaming;
mod timeout;
mod trouble;
pub mod unary;

pub use again::Again;
pub use channel::Channel;
pub use client::{Dial, DialError, open};
pub use connections::Connections;
pub use driver::{Driver, Ended};
pub use incoming::Incoming;
pub use keepalive::Keepalive;
pub use patience::{Patience, lateness, within};
pub use progress::{Outcome, Progress};
pub use refusal::refuse;
pub use sender::Sender;
pub use server::{
    Accept, Answer, Drained, FREE, Ledger, Limits, PER_ANSWER, PingPolicy, Refusal, ServeError, Service,
    Serving, TAKEN_MIN, Tonic, accept, listen, serve_until,
};
pub use standard::Standard;
pub use streaming::Streaming;
pub use timeout::{set_timeout, timeout};
pub use trouble::Trouble;

/// The flow control window of a stream, in bytes: the default of 64 KiB stalls a message of the largest size.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// The flow control window of a connection, in bytes.
pub const CONNECTION_WINDOW: u32 = 4 << 20;
/// The largest accepted frame, in bytes. With HTTP/2's default of 16 KiB a large message is read and written in many
/// small steps, and reassembled by copying. Other calls on the connection wait for at most one frame.
pub const FRAME_MAX: u32 = 256 * 1024;
// Otherwise a frame would wait until the one before it is read.
const _: () = assert!(STREAM_WINDOW >= 2 * FRAME_MAX);
/// How many streams may be reset at once before HTTP/2 takes it for an attack. A partition that heals after many
/// deadlines have passed causes many resets at once.
pub const RESET_STREAMS_MAX: usize = 16 * 1024;

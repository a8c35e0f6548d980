//! The limits of a node for its callers.

use std::time::Duration;

/// The limits of a node for its callers. A call beyond one is refused at once.
///
/// Connections and their requests have limits of their own: [`squall_grpc::Limits`], in
/// [`Server::serving`](super::Server::serving).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// The longest accepted request, in bytes of its JSON; a longer one becomes `RESOURCE_EXHAUSTED`. A payload takes a
    /// third more than its own size there.
    pub receive_bytes_max: usize,
    /// The longest answer, in bytes of its JSON. Callers refuse longer ones, by default from the same length on.
    pub send_bytes_max: usize,
    /// The longest time of a call, from its head to its answer; then it becomes `DEADLINE_EXCEEDED`. An earlier deadline
    /// of the caller counts instead. An endpoint that is at work is not stopped.
    pub time_max: Duration,
    /// How many calls are at work at once, those included whose callers have gone. A further one becomes
    /// `RESOURCE_EXHAUSTED`.
    pub calls_max: usize,
    /// The longest id, system id, source, node and message id, in bytes; a longer one becomes `INVALID_ARGUMENT`, as one
    /// with control characters does.
    pub name_bytes_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            receive_bytes_max: crate::MESSAGE_BYTES_MAX,
            send_bytes_max: crate::MESSAGE_BYTES_MAX,
            time_max: Duration::from_secs(60),
            calls_max: 10_000,
            name_bytes_max: 256,
        }
    }
}

//! The configuration of a client.

use std::time::Duration;

use squall_grpc::Dial;

/// How a [`Transport`](crate::Transport) calls. All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientConfig {
    /// The time limit of a call whose caller sets none, dialling included. The node does not get to know it; a caller's
    /// own limit is sent along.
    pub timeout: Duration,
    /// The longest request, in bytes of its JSON: servers refuse longer ones, by default from the same length on. A
    /// payload takes a third more than its own size there.
    pub send_bytes_max: usize,
    /// The longest accepted answer, in bytes of its JSON.
    pub receive_bytes_max: usize,
    /// How often a call that may be repeated is repeated when its node is unavailable.
    pub repeats_max: u32,
    /// The pause before the first repetition. It doubles each time, up to [`ClientConfig::pause_max`], and is shortened
    /// at random by up to a half.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How connections are opened and kept.
    pub dial: Dial,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            timeout: Duration::from_secs(30),
            send_bytes_max: crate::MESSAGE_BYTES_MAX,
            receive_bytes_max: crate::MESSAGE_BYTES_MAX,
            repeats_max: 5,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(2),
            dial: Dial::default(),
        }
    }
}

//! What every TCP stream of a platform is set to: how its kernel notices that the peer's machine is gone, and how much
//! it takes in advance. The simulator does the same, from the same numbers.
//!
//! | option | value | why |
//! |---|---|---|
//! | `SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL` | [`KEEPALIVE_IDLE`], [`KEEPALIVE_INTERVAL`] | silence is probed |
//! | `TCP_USER_TIMEOUT` | [`USER_TIMEOUT`] | it ends when nothing has been heard for so long |
//! | `TCP_NOTSENT_LOWAT` | [`UNSENT_MAX`] | what is written next does not wait behind megabytes in the kernel |
//!
//! Probes are answered by the kernel of the peer, so a process that is busy or stopped keeps its connections, and they
//! cost a server of gRPC nothing: no strike against pings ever counts them. Without them a machine that lost its power
//! is noticed after two hours when nothing is sent, and after a quarter of an hour when something is.
//!
//! One thing to know of `TCP_USER_TIMEOUT`: Linux also ends a connection whose peer has not made any room for so long
//! while there is more to send: its process has stopped reading altogether. The simulator does not.

use std::time::Duration;

/// After so long without a sign of the peer it is probed.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// How often it is probed from then on, while it does not answer.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// After so long without an answer, to probes or to data, a connection ends with `TimedOut`. Of data it counts from the
/// first time that it is sent again, as Linux does.
pub const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that a stream takes beyond what it may send at once; more waits with its writer, who can still choose what
/// goes first.
pub const UNSENT_MAX: u32 = 128 * 1024;

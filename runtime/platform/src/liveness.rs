//! The socket options of every TCP stream of a platform: detection of a dead peer machine, and the send buffer. The
//! simulator models them from the same numbers.
//!
//! | option | value | why |
//! |---|---|---|
//! | `SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL` | [`KEEPALIVE_IDLE`], [`KEEPALIVE_INTERVAL`] | silence is probed |
//! | `TCP_USER_TIMEOUT` | [`USER_TIMEOUT`] | the connection ends when nothing was received for this long |
//! | `TCP_NOTSENT_LOWAT` | [`UNSENT_MAX`] | the next write does not wait behind megabytes in the kernel |
//!
//! The peer's kernel answers probes, so a busy or stopped process keeps its connections, and probes cost a gRPC
//! server nothing: no ping limit counts them. Without them a machine without power is noticed after two hours when
//! nothing is sent, and after a quarter of an hour when something is.
//!
//! `TCP_USER_TIMEOUT` has a side effect: Linux also ends a connection whose peer has not read for this long while
//! there is more to send, because its process has stopped reading. The simulator does not.

use std::time::Duration;

/// The silence of the peer after which it is probed.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// The interval of further probes while the peer does not answer.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// The time without an answer, to probes or to data, after which a connection ends with `TimedOut`. For data it
/// counts from the first retransmission, as on Linux.
pub const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The bytes that a stream buffers beyond its send window. The writer keeps the rest, and can still decide about its
/// order.
pub const UNSENT_MAX: u32 = 128 * 1024;

//! Opening a connection.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use h2::client::{Builder, Connection};
use squall_platform::{Authority, Platform};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::goodbye::Orderly;
use crate::keepalive::{Counted, Reads};
use crate::sender::{Piece, Shared};
use crate::{
    CONNECTION_WINDOW, Driver, FRAME_MAX, Keepalive, RESET_STREAMS_MAX, STREAM_WINDOW, Sender, trouble,
};

/// How connections are opened and kept. All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial {
    /// The time limit for opening one, including name resolution and the peer's SETTINGS.
    pub connect_timeout: Duration,
    /// When a connection is pinged, and when its peer counts as gone; `None`: never.
    pub keepalive: Option<Keepalive>,
}

impl Default for Dial {
    fn default() -> Self {
        Dial {
            connect_timeout: Duration::from_secs(5),
            keepalive: Some(Keepalive::client()),
        }
    }
}

/// Why there is no connection. Nothing was sent on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The peer refused, was not found, or does not speak HTTP/2.
    #[error("cannot connect to {peer}: {cause}")]
    Failed {
        /// The address that was dialled.
        peer: Authority,
        /// The reason.
        #[source]
        cause: io::Error,
    },
    /// The peer did not answer within [`Dial::connect_timeout`].
    #[error("cannot connect to {peer}: connect timed out")]
    TimedOut {
        /// The address that was dialled.
        peer: Authority,
    },
    /// The peer accepted the connection, but did not send its SETTINGS within [`Dial::connect_timeout`].
    #[error(
        "cannot connect to {peer}: it accepted the connection, but its HTTP/2 SETTINGS did not come within {after:?}"
    )]
    Silent {
        /// The address that was dialled.
        peer: Authority,
        /// The connect timeout.
        after: Duration,
    },
}

/// The assumed number of streams before the peer's SETTINGS: none is sent until then. Any number that the peer cannot
/// announce itself.
const UNSAID: usize = usize::MAX - 1;

/// Connects, and waits for the peer's SETTINGS: a kernel also accepts connections for a process that hangs, and
/// requests that are sent before the peer's limits are known may exceed them. The connection closes when the last
/// clone of the sender is dropped.
///
/// # Errors
/// When that fails or takes longer than the connect timeout.
pub async fn open<P: Platform>(
    platform: &P,
    dial: &Dial,
    peer: &Authority,
) -> Result<(Sender, Driver<P>), DialError> {
    let mut is_accepted = false;
    let opening = async {
        let stream = platform.connect(peer).await?;
        is_accepted = true;
        let (stream, reads) = Counted::new(Orderly::new(stream));
        let handshake = protocol().handshake(stream).await;
        let (requests, mut http2) = handshake.map_err(|error| unfit(&error, &reads))?;
        settled(&mut http2, &reads).await?;
        let shared = Arc::new(Shared::new(reads));
        let probe = requests.clone();
        let (sender, handle) = Sender::new(platform.clone(), requests, Arc::clone(&shared));
        let driver = Driver::new(http2, shared, probe, handle, dial.keepalive);
        Ok::<_, io::Error>((sender, driver))
    };
    match timeout(dial.connect_timeout, opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(cause)) => Err(DialError::Failed {
            peer: peer.clone(),
            cause,
        }),
        Err(_) if is_accepted => Err(DialError::Silent {
            peer: peer.clone(),
            after: dial.connect_timeout,
        }),
        Err(_) => Err(DialError::TimedOut { peer: peer.clone() }),
    }
}

fn protocol() -> Builder {
    let mut protocol = Builder::new();
    protocol
        .enable_push(false)
        .initial_max_send_streams(UNSAID)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .max_local_error_reset_streams(Some(RESET_STREAMS_MAX))
        // One frame is being written, and one waits for it.
        .max_send_buffer_size(FRAME_MAX as usize);
    protocol
}

/// The longest accepted headers, in bytes.
const HEADERS_MAX: u32 = 16 * 1024;

/// Resolves when the peer's settings are known.
async fn settled<S>(http2: &mut Connection<Counted<Orderly<S>>, Piece>, reads: &Reads) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|context| match Pin::new(&mut *http2).poll(context) {
        Poll::Ready(Ok(())) => Poll::Ready(Err(hung_up(reads))),
        Poll::Ready(Err(error)) => Poll::Ready(Err(unfit(&error, reads))),
        Poll::Pending if http2.max_concurrent_send_streams() != UNSAID => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Why HTTP/2 with a reachable peer is not possible.
fn unfit(error: &h2::Error, reads: &Reads) -> io::Error {
    if let Some(other) = other_protocol(&reads.head()) {
        return io::Error::new(io::ErrorKind::InvalidData, other);
    }
    match error.get_io() {
        Some(error) if reads.head().is_empty() && error.kind() == io::ErrorKind::UnexpectedEof => {
            hung_up(reads)
        }
        Some(error) => io::Error::new(error.kind(), error.to_string()),
        None if error.is_go_away() && error.is_remote() => io::Error::other(trouble::goodbye(error)),
        None => io::Error::other(error.to_string()),
    }
}

fn hung_up(reads: &Reads) -> io::Error {
    let text = other_protocol(&reads.head()).unwrap_or(
        "the peer closed the connection before its HTTP/2 SETTINGS: it may expect TLS, or not speak HTTP/2",
    );
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

/// The protocol of a peer whose first bytes are these, if it is not HTTP/2.
fn other_protocol(head: &[u8]) -> Option<&'static str> {
    match head {
        // A record with an alert, or with a handshake.
        [0x15 | 0x16, 0x03, ..] => {
            Some("the peer answered with TLS: it expects TLS, and only plain text is spoken here")
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => Some("the peer answered with HTTP/1: it does not speak HTTP/2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        let tls = other_protocol(&[0x15, 0x03, 0x03, 0, 2, 2, 70]);
        assert!(tls.is_some_and(|it| it.contains("expects TLS")));
        let http1 = other_protocol(b"HTTP/1.1");
        assert!(http1.is_some_and(|it| it.contains("HTTP/1")));
        assert_eq!(other_protocol(&[0, 0, 18, 4, 0, 0, 0, 0]), None);
        assert_eq!(other_protocol(&[]), None);
    }
}

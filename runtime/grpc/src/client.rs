//! Opening a connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_platform::{Authority, Executor, Platform};
use tokio::time::timeout;

use crate::{CONNECTION_WINDOW, FRAME_MAX, RESET_STREAMS_MAX, STREAM_WINDOW};

/// How connections are opened and kept. All durations are measured on tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial {
    /// How long opening one may take, name resolution included.
    pub connect_timeout: Duration,
    /// How often it is probed with a ping, also while nothing is in flight.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered before the connection counts as lost.
    pub keepalive_timeout: Duration,
}

impl Default for Dial {
    fn default() -> Self {
        Dial {
            connect_timeout: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(3),
        }
    }
}

/// Why there is no connection. Nothing was sent on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The peer refused, could not be found, or does not speak HTTP/2.
    #[error("cannot connect to {peer}: {cause}")]
    Failed {
        /// Who was dialled.
        peer: Authority,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The peer did not answer within [`Dial::connect_timeout`].
    #[error("cannot connect to {peer}: connect timed out")]
    TimedOut {
        /// Who was dialled.
        peer: Authority,
    },
}

type Http2<P, B> = Connection<TokioIo<<P as Platform>::Stream>, B, Executor<P>>;

/// Drives a connection until it ends, and says why it has. Without it nothing moves on the connection.
pub struct Driver<P: Platform, B: Body + 'static>(
    // Boxed: it is large, and a block that awaits what it owns holds it twice.
    Pin<Box<Http2<P, B>>>,
)
where
    B: Send + Unpin,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>;

impl<P, B> Future for Driver<P, B>
where
    P: Platform,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = String;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<String> {
        self.0.as_mut().poll(context).map(|ended| match ended {
            Ok(()) => "the connection is closed".to_owned(),
            Err(error) => error.to_string(),
        })
    }
}

/// Connects and shakes hands. The connection closes when the last clone of the sender is gone.
///
/// # Errors
/// When that fails or takes longer than the connect timeout.
pub async fn open<P, B>(
    platform: &P,
    dial: &Dial,
    peer: &Authority,
) -> Result<(SendRequest<B>, Driver<P, B>), DialError>
where
    P: Platform,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let opening = async {
        let stream = platform.connect(peer).await?;
        let handshake = protocol(platform, dial).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        Ok::<_, io::Error>((sender, Driver(Box::pin(connection))))
    };
    match timeout(dial.connect_timeout, opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(cause)) => Err(DialError::Failed {
            peer: peer.clone(),
            cause,
        }),
        Err(_) => Err(DialError::TimedOut { peer: peer.clone() }),
    }
}

fn protocol<P: Platform>(platform: &P, dial: &Dial) -> Builder<Executor<P>> {
    let mut protocol = Builder::new(Executor::new(platform.clone()));
    protocol
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_frame_size(FRAME_MAX)
        .max_local_error_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(dial.keepalive_interval)
        .keep_alive_timeout(dial.keepalive_timeout)
        // Without it a dead peer is noticed only by the next call.
        .keep_alive_while_idle(true);
    protocol
}

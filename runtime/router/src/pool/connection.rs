//! One HTTP/2 connection, and how far each request on it got.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http::Uri;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_platform::{Authority, Executor, Platform};
use tokio::time::timeout;
use tonic::Status;

use super::Refusal;
use crate::unary::{self, RequestBody};
use crate::{Method, Options, Outcome};

/// Flow control windows, in bytes: the default of 64 KiB stalls a message of the largest size.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;
pub(crate) const CONNECTION_WINDOW: u32 = 4 << 20;
/// How many streams may be reset at once before HTTP/2 takes it for an attack. A partition that heals after
/// many deadlines have passed brings many resets at once.
pub(crate) const RESET_STREAMS_MAX: usize = 16 * 1024;

/// A connection that is ready for requests. Clones share it; it closes when the last one is gone.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: SendRequest<RequestBody>,
    target: Arc<Target>,
}

/// Whom a connection leads to.
struct Target {
    peer: Authority,
    /// Where the methods are.
    send: Uri,
    message: Uri,
}

/// Connects and shakes hands. The second value drives the connection and gives the reason when it ends.
///
/// # Errors
/// When that fails or takes longer than the connect timeout.
pub(super) async fn open<P: Platform>(
    platform: &P,
    options: &Options,
    peer: &Authority,
) -> Result<(Connection, impl Future<Output = String> + Send + use<P>), Refusal> {
    let opening = async {
        let stream = platform.connect(peer).await?;
        let handshake = protocol(platform, options).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(io::Error::other)?;
        // Boxed: it is large, and a block that awaits what it owns holds it twice.
        let driver = Box::pin(driver);
        let uri = |method: Method| {
            let uri = Uri::builder()
                .scheme("http")
                .authority(peer.clone())
                .path_and_query(method.path())
                .build();
            uri.expect("a scheme, an authority and a path make a URI")
        };
        let target = Arc::new(Target {
            peer: peer.clone(),
            send: uri(Method::Send),
            message: uri(Method::Message),
        });
        let driver = async move {
            match driver.await {
                Ok(()) => "the connection is closed".to_owned(),
                Err(error) => error.to_string(),
            }
        };
        Ok::<_, io::Error>((Connection { sender, target }, driver))
    };
    match timeout(options.connect_timeout, opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => Err(Refusal::new(format!("cannot connect to {peer}: {error}"))),
        Err(_) => Err(Refusal::new(format!(
            "cannot connect to {peer}: connect timed out"
        ))),
    }
}

fn protocol<P: Platform>(platform: &P, options: &Options) -> Builder<Executor<P>> {
    let mut protocol = Builder::new(Executor::new(platform.clone()));
    protocol
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(options.keepalive_interval)
        .keep_alive_timeout(options.keepalive_timeout)
        // Without it a dead peer is noticed only by the next call.
        .keep_alive_while_idle(true);
    protocol
}

impl Connection {
    pub(crate) fn peer(&self) -> &Authority {
        &self.target.peer
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and waits for its answer; `progress` says how far it gets.
    ///
    /// # Errors
    /// As [`unary::call`].
    pub(crate) async fn call<Q, A>(
        &self,
        method: Method,
        request: tonic::Request<Q>,
        limit: usize,
        progress: &Arc<Progress>,
    ) -> Result<tonic::Response<A>, Status>
    where
        Q: unary::Carries,
        A: prost::Message + Default,
    {
        let uri = match method {
            Method::Send => &self.target.send,
            Method::Message => &self.target.message,
        };
        unary::call(&mut self.sender.clone(), uri.clone(), request, limit, progress).await
    }
}

/// How far a request has got. Only ever moves forward.
#[derive(Debug, Default)]
pub(crate) struct Progress(AtomicU8);

impl Progress {
    /// hyper has taken the message's bytes to write them: the peer may have them.
    const SENT: u8 = 1;
    /// The peer has answered with nothing but a status.
    const STATUS: u8 = 2;
    /// The peer has begun to answer.
    const ANSWERED: u8 = 3;

    /// Begins anew, for a request that is known to have reached no handler.
    pub(crate) fn restart(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// What is known of a request whose answer will not come.
    pub(crate) fn outcome_if_lost(&self) -> Outcome {
        if self.0.load(Ordering::Acquire) >= Self::SENT {
            Outcome::Unknown
        } else {
            Outcome::Failed
        }
    }

    pub(crate) fn only_a_status_came(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::STATUS
    }

    pub(crate) fn sent(&self) {
        self.reached(Self::SENT);
    }

    /// The answer is a status without a message.
    pub(crate) fn status(&self) {
        self.reached(Self::STATUS);
    }

    pub(crate) fn answered(&self) {
        self.reached(Self::ANSWERED);
    }

    fn reached(&self, stage: u8) {
        self.0.fetch_max(stage, Ordering::Release);
    }
}

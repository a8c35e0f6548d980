//! One HTTP/2 connection, and how far each request on it got.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use squall_platform::{Authority, Executor, Platform};
use squall_proto::module::module_service_client::ModuleServiceClient;
use tokio::time::timeout;

use super::Refusal;
use crate::{Options, Outcome};

/// Flow control windows, in bytes: the default of 64 KiB stalls a message of the largest size.
pub(crate) const STREAM_WINDOW: u32 = 1 << 20;
pub(crate) const CONNECTION_WINDOW: u32 = 4 << 20;
/// How many streams may be reset at once before HTTP/2 takes it for an attack. A partition that heals after
/// many deadlines have passed brings many resets at once.
pub(crate) const RESET_STREAMS_MAX: usize = 16 * 1024;

/// A connection that is ready for requests. Clones share it; it closes when the last one is gone.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: SendRequest<TrackedBody>,
    origin: Uri,
    peer: Authority,
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
        let origin = Uri::builder()
            .scheme("http")
            .authority(peer.clone())
            .path_and_query("/")
            .build();
        let origin = origin.expect("a scheme, an authority and a path make a URI");
        let driver = async move {
            match driver.await {
                Ok(()) => "the connection is closed".to_owned(),
                Err(error) => error.to_string(),
            }
        };
        Ok::<_, io::Error>((
            Connection {
                sender,
                origin,
                peer: peer.clone(),
            },
            driver,
        ))
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
        &self.peer
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// A client for one call, which records how far its request gets.
    pub(crate) fn client(&self, progress: Arc<Progress>) -> ModuleServiceClient<Call> {
        let call = Call {
            sender: self.sender.clone(),
            progress,
        };
        ModuleServiceClient::with_origin(call, self.origin.clone())
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

    fn reached(&self, stage: u8) {
        self.0.fetch_max(stage, Ordering::Release);
    }
}

/// The tower service that a generated client calls: one request on a shared connection.
pub(crate) struct Call {
    sender: SendRequest<TrackedBody>,
    progress: Arc<Progress>,
}

impl tower_service::Service<Request<tonic::body::Body>> for Call {
    type Response = Response<Answer>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    /// Always ready: a closed connection is reported by the call, where its error keeps its source.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let progress = Arc::clone(&self.progress);
        let request = request.map(|body| TrackedBody {
            body,
            progress: Arc::clone(&progress),
        });
        let response = self.sender.send_request(request);
        Box::pin(async move {
            let mut response = response.await?;
            response.headers_mut().remove(STATUS_DETAILS);
            let only_a_status = response.headers().contains_key("grpc-status");
            progress.reached(if only_a_status {
                Progress::STATUS
            } else {
                Progress::ANSWERED
            });
            Ok(response.map(Answer))
        })
    }
}

/// Details of a status: nobody here reads them, and tonic panics when they are not base64.
const STATUS_DETAILS: &str = "grpc-status-details-bin";

/// A response's body without what could do harm.
pub(crate) struct Answer(Incoming);

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                trailers.remove(STATUS_DETAILS);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// A request's body that tells when its bytes are taken. Headers alone start no handler, so until then the
/// request certainly has not been handled.
pub(crate) struct TrackedBody {
    body: tonic::body::Body,
    progress: Arc<Progress>,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && frame.is_data()
        {
            self.progress.reached(Progress::SENT);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

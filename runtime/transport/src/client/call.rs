//! One call: its headers, its deadline, its repetitions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE, USER_AGENT};
use squall_cluster::Error;
use squall_grpc::{Channel, Outcome, Progress, set_timeout};
use squall_platform::Platform;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use super::Shared;
use crate::{Method, status};

const AGENT: &str = concat!("grpc-rust-squall/", env!("CARGO_PKG_VERSION"));

/// A call of a node.
pub(super) struct Call<'a> {
    pub(super) node: &'a str,
    pub(super) method: Method,
    pub(super) message: Bytes,
    /// The caller's own time limit.
    pub(super) timeout: Option<Duration>,
    pub(super) repeat: Repeat,
}

/// When a call is repeated whose node is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Never,
    /// When the node has certainly not received it.
    IfNotReceived,
    Always,
}

/// Why there is no answer.
pub(super) struct Failed {
    pub(super) error: Error,
    /// What the node said, if it did.
    pub(super) status: Option<Status>,
}

impl<P: Platform> Shared<P> {
    /// Calls a node.
    pub(super) async fn call(&self, channel: &Channel<P>, call: Call<'_>) -> Result<Response<Bytes>, Failed> {
        let limit = self.config.send_bytes_max;
        let length = call.message.len();
        if length > limit {
            return Err(Failed {
                error: Error::BadPayload {
                    id: String::new(),
                    reason: format!(
                        "the request takes {length} bytes, more than the limit of {limit} (send_bytes_max)"
                    ),
                },
                status: None,
            });
        }
        let deadline = Instant::now().checked_add(call.timeout.unwrap_or(self.config.timeout));
        let mut pause = self.config.pause;
        let mut repeats = 0..self.config.repeats_max;
        let mut may_have_happened = false;
        loop {
            let mut failed = match self.attempt(channel, &call, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            failed.happens_with(&mut may_have_happened);
            let next = Instant::now() + self.jittered(pause);
            let is_in_time = deadline.is_none_or(|deadline| next < deadline);
            if !call.repeat.permits(&failed) || !is_in_time || repeats.next().is_none() {
                return Err(failed);
            }
            self.platform.sleep_until(next).await;
            pause = (pause * 2).min(self.config.pause_max);
        }
    }

    async fn attempt(
        &self,
        channel: &Channel<P>,
        call: &Call<'_>,
        deadline: Option<Instant>,
    ) -> Result<Response<Bytes>, Failed> {
        // The default limit is ours alone, so that requests look as those of Go.
        let left = call
            .timeout
            .and(deadline)
            .map(|at| at.saturating_duration_since(Instant::now()));
        let progress = Arc::new(Progress::default());
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Failed {
                error: late(call.node, &progress),
                status: None,
            });
        }
        let (path, message) = (call.method.path(), call.message.clone());
        let limit = self.config.receive_bytes_max;
        let answer = channel.call_bytes(path, headers(left), message, limit, &progress);
        let answer = match deadline {
            Some(deadline) => timeout_at(deadline, answer).await,
            None => Ok(answer.await),
        };
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(Failed {
                error: status::to_error(&status, call.node, &progress),
                status: Some(status),
            }),
            Err(_) => Err(Failed {
                error: late(call.node, &progress),
                status: None,
            }),
        }
    }

    /// Between a half and all of it.
    fn jittered(&self, pause: Duration) -> Duration {
        let half = pause / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        let random = self.platform.random_u64().checked_rem(nanos).unwrap_or(0);
        half + Duration::from_nanos(random)
    }
}

impl Failed {
    /// What an earlier attempt may have done, the last one's failure does not undo.
    fn happens_with(&mut self, earlier: &mut bool) {
        if let Error::Unavailable {
            may_have_happened, ..
        } = &mut self.error
        {
            *may_have_happened |= *earlier;
            *earlier = *may_have_happened;
        }
    }
}

impl Repeat {
    fn permits(self, failed: &Failed) -> bool {
        let Error::Unavailable {
            may_have_happened, ..
        } = failed.error
        else {
            return false;
        };
        match self {
            Repeat::Never => false,
            Repeat::IfNotReceived => !may_have_happened,
            Repeat::Always => true,
        }
    }
}

/// The error of a call that has run out of time.
fn late(node: &str, progress: &Progress) -> Error {
    let node = node.to_owned();
    match progress.outcome_if_lost() {
        Outcome::Unknown => Error::DeadlineExceeded { node },
        Outcome::Failed => Error::Unavailable {
            node,
            reason: "the call could not be sent in time".to_owned(),
            may_have_happened: false,
        },
    }
}

/// The headers of a request, in the order of grpc-go.
fn headers(left: Option<Duration>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    let content_type = HeaderValue::from_static("application/grpc+crucible-json");
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let Some(left) = left else { return headers };
    let mut metadata = MetadataMap::from_headers(headers);
    set_timeout(&mut metadata, left);
    metadata.into_headers()
}

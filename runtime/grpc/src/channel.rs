//! One peer, dialled on demand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::{HeaderMap, Uri};
use prost::Message;
use squall_platform::{Authority, OwnedTask, Platform};
use squall_proto::Bulk;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::{Again, Dial, Keepalive, Progress, Sender, client, set_timeout, timeout, unary};

/// One peer, and at most one connection to it. Clones are the same channel.
///
/// The first call dials it, once for all waiting calls. The first call after a lost connection dials again. No call
/// is handled twice. The connection closes when the last clone is dropped and the last call has ended.
///
/// Deliberately absent: backoff. The caller decides whether to try again.
pub struct Channel<P: Platform>(Arc<Inner<P>>);

struct Inner<P: Platform> {
    platform: P,
    peer: Authority,
    /// The dial settings: with fewer pings once the peer has asked for that.
    dial: Mutex<Dial>,
    state: Mutex<State>,
}

/// ```text
///            a call               connected
///   Idle ------------> Dialling ------------> Open
///    ^                    | failed              | closed, and a call
///    +--------------------+---------------------+
/// ```
enum State {
    Idle,
    Dialling {
        /// First come, first served, so that a simulated run repeats exactly.
        waiters: Vec<oneshot::Sender<Result<Sender, Arc<str>>>>,
        /// The dial outlives each of the waiters, and ends with the channel.
        _dial: OwnedTask,
    },
    Open(Sender),
}

impl<P: Platform> Clone for Channel<P> {
    fn clone(&self) -> Self {
        Channel(Arc::clone(&self.0))
    }
}

impl<P: Platform> Channel<P> {
    /// A channel to `peer`, which is not dialled yet.
    pub fn new(platform: P, dial: Dial, peer: Authority) -> Self {
        Channel(Arc::new(Inner {
            platform,
            peer,
            dial: Mutex::new(dial),
            state: Mutex::new(State::Idle),
        }))
    }

    /// The peer.
    pub fn peer(&self) -> &Authority {
        &self.0.peer
    }

    /// True when both are clones of one channel.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// True while the peer may hang: prefer another one. See [`Sender::is_suspect`].
    pub fn is_suspect(&self) -> bool {
        matches!(&*self.0.lock(), State::Open(sender) if sender.is_suspect() && !sender.is_closed())
    }

    /// Calls the method of this path, such as `/package.Service/Method`; `progress` records how far the call gets. A
    /// response longer than `limit` bytes is an error. The deadline is sent with [`set_timeout`], and enforced by
    /// dropping the future. A call that certainly no handler has seen is sent again: see [`Again`].
    ///
    /// # Errors
    /// As [`unary::call`]; for an unreachable peer `Unavailable`, with `progress` unchanged.
    pub async fn call<Q, A>(
        &self,
        path: &'static str,
        request: tonic::Request<Q>,
        limit: usize,
        progress: &Arc<Progress>,
    ) -> Result<tonic::Response<A>, Status>
    where
        Q: Bulk,
        A: Message + Default,
    {
        let (metadata, _, message) = request.into_parts();
        let headers = unary::protobuf_headers(metadata.into_headers());
        let answer = self.send(path, headers, unary::framed(message), limit, progress);
        unary::decoded_answer(answer.await?)
    }

    /// As [`Channel::call`], for a message that is already encoded, in whatever codec: `headers` are all headers of the
    /// request, `content-type` and `te` included. The message of the answer is not decoded.
    ///
    /// # Errors
    /// As [`Channel::call`].
    pub async fn call_bytes(
        &self,
        path: &'static str,
        headers: HeaderMap,
        message: Bytes,
        limit: usize,
        progress: &Arc<Progress>,
    ) -> Result<tonic::Response<Bytes>, Status> {
        self.send(path, headers, unary::framed_bytes(message), limit, progress)
            .await
    }

    async fn send(
        &self,
        path: &'static str,
        mut headers: HeaderMap,
        frames: unary::Frames,
        limit: usize,
        progress: &Arc<Progress>,
    ) -> Result<tonic::Response<Bytes>, Status> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.0.peer.clone())
            .path_and_query(path)
            .build()
            .expect("a scheme, an authority and a path make a URI");
        // The callee reports an unreadable header.
        let left = timeout(&headers).ok().flatten();
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        let mut again = Again::default();
        loop {
            let sender = self
                .connection()
                .await
                .map_err(|why| Status::unavailable(&*why))?;
            let (to, with, body) = (uri.clone(), headers.clone(), frames.clone());
            match unary::send(&sender, to, with, body, deadline, limit, progress).await {
                Err(status) if again.permits(&status, progress) => {}
                result => return result,
            }
            if let Some(deadline) = deadline {
                let mut metadata = MetadataMap::from_headers(headers);
                set_timeout(&mut metadata, deadline.saturating_duration_since(Instant::now()));
                headers = metadata.into_headers();
            }
        }
    }

    async fn connection(&self) -> Result<Sender, Arc<str>> {
        let answer = {
            let mut state = self.0.lock();
            if let State::Open(sender) = &*state
                && !sender.is_closed()
            {
                return Ok(sender.clone());
            }
            let (waiter, answer) = oneshot::channel();
            match &mut *state {
                State::Dialling { waiters, .. } => waiters.push(waiter),
                State::Idle | State::Open(_) => {
                    let dial = self.0.platform.spawn(dial(Arc::downgrade(&self.0)));
                    *state = State::Dialling {
                        waiters: vec![waiter],
                        _dial: dial.into(),
                    };
                }
            }
            answer
        };
        answer
            .await
            .unwrap_or_else(|_| Err("the dial was given up".into()))
    }
}

/// Opens a connection for all waiters, and outlives each of them.
async fn dial<P: Platform>(channel: Weak<Inner<P>>) {
    let Some(inner) = channel.upgrade() else { return };
    let (platform, dial, peer) = (inner.platform.clone(), *inner.dial(), inner.peer.clone());
    drop(inner);
    let dialled = match client::open(&platform, &dial, &peer).await {
        Ok((sender, mut driver)) => {
            let channel = channel.clone();
            platform.spawn(async move {
                if driver.leaving().await.too_many_pings
                    && let Some(inner) = channel.upgrade()
                {
                    let mut dial = inner.dial();
                    dial.keepalive = dial.keepalive.map(Keepalive::doubled);
                }
                driver.await;
            });
            Ok(sender)
        }
        Err(error) => Err(Arc::from(error.to_string())),
    };
    let Some(inner) = channel.upgrade() else { return };
    let next = match &dialled {
        Ok(sender) => State::Open(Sender::clone(sender)),
        Err(_) => State::Idle,
    };
    let previous = std::mem::replace(&mut *inner.lock(), next);
    if let State::Dialling { waiters, .. } = previous {
        for waiter in waiters {
            // A waiter that has given up needs no connection.
            drop(waiter.send(dialled.clone()));
        }
    }
}

impl<P: Platform> Inner<P> {
    fn dial(&self) -> MutexGuard<'_, Dial> {
        self.dial.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

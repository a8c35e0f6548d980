//! The right to send requests on one connection, and what all who have it share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use bytes::{Buf, Bytes};
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use squall_platform::Platform;
use tonic::Status;

use crate::progress::Mark;
use crate::trouble;

/// Sends requests on one connection. Clones share it; it closes when the last one is gone and the last call has ended.
#[derive(Clone)]
pub struct Sender(Arc<Handle>);

/// What the last clone takes with it.
pub(crate) struct Handle {
    requests: SendRequest<Piece>,
    shared: Arc<Shared>,
    spawn: Box<Spawn>,
}

type Spawn = dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync;

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(driver) = self.shared.driver().take() {
            driver.wake();
        }
    }
}

/// What the calls of a connection and its driver know of each other.
#[derive(Default)]
pub(crate) struct Shared {
    /// No more requests are taken.
    closed: AtomicBool,
    /// How many calls are in flight.
    calls: AtomicUsize,
    /// How many large bodies are being sent.
    bodies: AtomicUsize,
    /// Headers or data came since the driver last asked.
    answered: AtomicBool,
    /// Why the driver has ended the connection, where HTTP/2 cannot know it.
    why: OnceLock<Arc<str>>,
    /// Wakes the driver.
    driver: Mutex<Option<Waker>>,
}

impl Shared {
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > 0
    }

    /// Headers or data came.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Whether headers or data came since this was last asked.
    pub(crate) fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Says why the connection ends. The first reason stands.
    pub(crate) fn explain(&self, why: String) {
        drop(self.why.set(why.into()));
    }

    pub(crate) fn why(&self) -> Option<&str> {
        self.why.get().map(|it| &**it)
    }

    pub(crate) fn driver(&self) -> MutexGuard<'_, Option<Waker>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a large body until the guard is dropped.
    pub(crate) fn body(self: &Arc<Self>) -> Counting {
        Counting::new(Arc::clone(self), |it| &it.bodies)
    }

    pub(crate) fn bodies(&self) -> usize {
        self.bodies.load(Ordering::Relaxed)
    }
}

/// Counts something for as long as it is kept.
pub(crate) struct Counting {
    shared: Arc<Shared>,
    counter: fn(&Shared) -> &AtomicUsize,
}

impl Counting {
    fn new(shared: Arc<Shared>, counter: fn(&Shared) -> &AtomicUsize) -> Self {
        counter(&shared).fetch_add(1, Ordering::Relaxed);
        Counting { shared, counter }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        (self.counter)(&self.shared).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sender {
    pub(crate) fn new<P: Platform>(
        platform: P,
        requests: SendRequest<Piece>,
        shared: Arc<Shared>,
    ) -> (Self, std::sync::Weak<Handle>) {
        let handle = Arc::new(Handle {
            requests,
            shared,
            spawn: Box::new(move |task| drop(platform.spawn(task))),
        });
        let weak = Arc::downgrade(&handle);
        (Sender(handle), weak)
    }

    /// True once the connection takes no more requests: it has ended, or the peer has asked to go away.
    pub fn is_closed(&self) -> bool {
        self.shared().is_closed()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Runs a task of the connection's platform.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.0.spawn)(Box::pin(task));
    }

    /// Counts a call in flight until the guard is dropped.
    pub(crate) fn call(&self) -> Counting {
        Counting::new(Arc::clone(self.shared()), |it| &it.calls)
    }

    /// Opens a stream. Beyond the number of streams that the peer permits, it waits inside HTTP/2.
    ///
    /// # Errors
    /// When the connection takes no more. Nothing was sent then.
    pub(crate) fn open(&self, request: Request<()>) -> Result<(ResponseFuture, SendStream<Piece>), Status> {
        // A handle of its own has no stream that it would have to wait for.
        let mut requests = self.0.requests.clone();
        requests.send_request(request, false).map_err(|error| {
            if !self.is_closed() {
                // Its driver has not seen it yet.
                self.shared().close();
            }
            self.lost(&error, false)
        })
    }

    /// What an error of HTTP/2 means to a call. `answered`: the peer had begun to answer.
    pub(crate) fn lost(&self, error: &h2::Error, answered: bool) -> Status {
        trouble::of_http2(error, self.shared().why(), answered)
    }
}

/// A piece of a request's body.
pub(crate) struct Piece {
    bytes: Bytes,
    /// What is marked once HTTP/2 takes the bytes to write them.
    mark: Option<Mark>,
}

impl Piece {
    pub(crate) fn new(bytes: Bytes, mark: Option<Mark>) -> Self {
        Piece { bytes, mark }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        if count > 0
            && let Some(mark) = self.mark.take()
        {
            mark.sent();
        }
        self.bytes.advance(count);
    }
}

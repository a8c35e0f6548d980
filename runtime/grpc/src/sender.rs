//! The right to send requests on one connection, and the state that its holders share.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::{Buf, Bytes};
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use squall_platform::Platform;
use tokio::time::Instant;
use tonic::Status;

use crate::keepalive::Reads;
use crate::progress::Mark;
use crate::trouble;

/// Sends requests on one connection. Clones share it; it closes when the last one is dropped and the last call has
/// ended.
#[derive(Clone)]
pub struct Sender(Arc<Handle>);

/// Dropped with the last clone.
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

/// After this many consecutive calls that waited until their deadlines without any received bytes, a connection is
/// suspect.
const MISSES_MAX: usize = 3;

/// The shared state of a connection's calls and its driver.
#[derive(Default)]
pub(crate) struct Shared {
    reads: Reads,
    /// No more requests are taken.
    closed: AtomicBool,
    /// The number of calls in flight.
    calls: AtomicUsize,
    /// The number of large bodies being sent.
    bodies: AtomicUsize,
    /// Headers or data came since the driver's last check.
    answered: AtomicBool,
    /// Why the connection ends, if HTTP/2 does not report it to the calls.
    why: Mutex<Option<Arc<str>>>,
    /// Wakes the driver.
    driver: Mutex<Option<Waker>>,
    /// The peer may hang.
    suspect: AtomicBool,
    /// The driver has to check a peer that has become suspect.
    alarm: AtomicBool,
    misses: Mutex<Misses>,
}

/// Calls without a response.
#[derive(Default)]
struct Misses {
    count: usize,
    /// The number of reads by then: after further reads, counting starts again.
    reads: u64,
}

impl Shared {
    pub(crate) fn new(reads: Reads) -> Self {
        Shared {
            reads,
            ..Shared::default()
        }
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.count()
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    pub(crate) fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Something came.
    pub(crate) fn alive(&self) {
        if self.is_suspect() {
            self.suspect.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the peer has become suspect since the last query.
    pub(crate) fn take_alarm(&self) -> bool {
        self.alarm.load(Ordering::Relaxed) && self.alarm.swap(false, Ordering::Relaxed)
    }

    /// A call got no response, and no bytes came meanwhile.
    #[cold]
    fn missed(&self) {
        let reads = self.reads();
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        if misses.reads != reads {
            *misses = Misses { count: 0, reads };
        }
        misses.count += 1;
        if misses.count >= MISSES_MAX && !self.is_suspect() {
            self.suspect();
            self.alarm.store(true, Ordering::Relaxed);
            if let Some(driver) = &*self.driver() {
                driver.wake_by_ref();
            }
        }
    }

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

    /// Whether headers or data came since the last query.
    pub(crate) fn take_answered(&self) -> bool {
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Records why the connection ends.
    pub(crate) fn explain(&self, why: String) {
        *self.lock_why() = Some(why.into());
    }

    pub(crate) fn why(&self) -> Option<Arc<str>> {
        self.lock_why().clone()
    }

    fn lock_why(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Counts something while it is kept.
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

/// A call in flight, counted while it is kept.
pub(crate) struct InFlight {
    call: Counting,
    /// The number of reads when it began.
    reads: u64,
    deadline: Option<Instant>,
}

impl InFlight {
    /// It has a response, or will have none: no wait was cut short.
    pub(crate) fn ended(&mut self) {
        self.deadline = None;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let shared = &self.call.shared;
        if let Some(deadline) = self.deadline
            && shared.reads() == self.reads
            && Instant::now() >= deadline
        {
            shared.missed();
        }
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

    /// True while the peer may hang: a ping has had no response for a while, or several calls in a row waited until
    /// their deadlines without any received bytes. Prefer another peer.
    pub fn is_suspect(&self) -> bool {
        self.shared().is_suspect()
    }

    /// Counts a call in flight until the guard is dropped. If it is dropped after the deadline and before
    /// [`InFlight::ended`], the call counts as one without a response.
    pub(crate) fn call(&self, deadline: Option<Instant>) -> InFlight {
        let shared = self.shared();
        InFlight {
            call: Counting::new(Arc::clone(shared), |it| &it.calls),
            reads: shared.reads(),
            deadline,
        }
    }

    /// Opens a stream. Beyond the number of streams that the peer permits, it waits inside HTTP/2.
    ///
    /// # Errors
    /// When the connection takes no more requests. Nothing was sent then.
    pub(crate) fn open(&self, request: Request<()>) -> Result<(ResponseFuture, SendStream<Piece>), Status> {
        // A handle of its own has no stream that it would have to wait for.
        let mut requests = self.0.requests.clone();
        requests.send_request(request, false).map_err(|error| {
            if !self.is_closed() {
                // Its driver has not noticed it yet.
                self.shared().close();
            }
            self.lost(&error, false)
        })
    }

    /// The meaning of an HTTP/2 error for a call. `answered`: the peer had begun to answer.
    pub(crate) fn lost(&self, error: &h2::Error, answered: bool) -> Status {
        trouble::of_http2(error, self.shared().why().as_deref(), answered)
    }
}

/// A piece of a request's body.
pub(crate) struct Piece {
    bytes: Bytes,
    /// Marked when HTTP/2 takes the bytes to write them.
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

//! The boundary between Squall's production code and its environment.
//!
//! Everything in `runtime/` is generic over [`Platform`]. [`TokioPlatform`] is real sockets, real tasks and the
//! system's clock and randomness; the simulator's platform (in `harness/sim`) is one simulated host. Code that uses
//! only this trait behaves the same on both.
//!
//! The clock is `tokio::time` everywhere; under simulation it is paused and driven. Its timers have a granularity of
//! one millisecond, which suits deadlines and intervals. Delays that must be exact in virtual time use
//! [`Platform::sleep`].
//!
//! Files are behind a trait of their own, [`Storage`], because most code has none.
//!
//! Deliberately absent: threads and blocking work, which would bypass the virtual clock.

mod disk_storage;
#[cfg(feature = "hyper")]
mod executor;
mod liveness;
mod storage;
mod tokio_platform;

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

pub use disk_storage::{DiskFile, DiskLock, DiskStorage};
#[cfg(feature = "hyper")]
pub use executor::Executor;
/// The destination of a connection: `host:port`, where the host is a name or an address.
pub use http::uri::Authority;
pub use liveness::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, UNSENT_MAX, USER_TIMEOUT};
pub use storage::{Storage, StorageFile};
pub use tokio_platform::{TokioListener, TokioPlatform};

/// Thirty years: longer than any wait, and far below the range of a clock.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The environment of production code.
///
/// A platform is a cheap handle: clones belong to the same process (in simulation, to the same incarnation of the
/// same host).
pub trait Platform: Clone + Send + Sync + 'static {
    /// A connected byte stream.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// A bound, listening socket.
    type Listener: Listener<Stream = Self::Stream>;

    /// Listens on `port` at every address of this host, unless the platform says otherwise; port 0 takes a
    /// free one.
    ///
    /// # Errors
    /// Those of the operating system: `AddrInUse` when the port is taken.
    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Resolves `to` and opens a connection to it. Has no time limit of its own beyond the
    /// operating system's: callers set one.
    ///
    /// # Errors
    /// Those of the operating system: `ConnectionRefused`, `TimedOut`, `HostUnreachable`; `InvalidInput` when `to`
    /// has no port.
    fn connect(&self, to: &Authority) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// The current addresses of `name`, each with the port of `name`, in no particular order. An address resolves to
    /// itself. Has no time limit of its own beyond the operating system's: callers set one.
    ///
    /// # Errors
    /// Those of the operating system, of no particular kind; `InvalidInput` when `name` has no port.
    fn resolve(&self, name: &Authority) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Runs `task` as part of this process. It ends when it completes, is aborted through its handle, or the process
    /// dies; a dropped handle leaves it running.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle;

    /// Waits until `at`: with tokio's timers in production, exact to the nanosecond of virtual time in simulation.
    /// The wait belongs to this process: dropping the future cancels it.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + use<Self> {
        tokio::time::sleep_until(at)
    }

    /// Waits for `duration` from now on, as [`Platform::sleep_until`].
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<Self> {
        let now = Instant::now();
        // No wait is longer than thirty years, which no clock overflows at.
        self.sleep_until(now.checked_add(duration).unwrap_or(now + FAR))
    }

    /// The host's wall clock, which may be skewed under test. For human-readable timestamps; intervals are measured
    /// with `tokio::time::Instant`.
    fn wall_clock(&self) -> SystemTime;

    /// Randomness for jitter and identifiers, seeded under test. Not for secrets.
    fn random_u64(&self) -> u64;

    /// Whether a fault is to be injected here. Always false in production.
    #[inline(always)]
    fn fault(&self, point: FaultPoint<'_>) -> bool {
        let _ = point;
        false
    }
}

/// The host and the port of `authority`; an IPv6 address without its brackets.
///
/// # Errors
/// `InvalidInput` when there is no port.
pub fn host_and_port(authority: &Authority) -> io::Result<(&str, u16)> {
    let port = authority.port_u16().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("no port in the address {authority}: write host:port"),
        )
    })?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    Ok((host, port))
}

/// A bound, listening socket.
pub trait Listener: Send + 'static {
    /// The stream of [`Listener::accept`].
    type Stream;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// Those of the operating system. An error concerns one connection, not the listener: continue to accept, after a
    /// pause in case of a lack of resources.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// The address that the socket is bound to.
    ///
    /// # Errors
    /// Those of the operating system.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A place in production code where a test may inject a fault that no network fault can express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultPoint<'a> {
    /// A provider is about to send a heartbeat. Spec: provider section 2.7.
    Heartbeat,
    /// A manager is about to acknowledge a heartbeat.
    HeartbeatAck {
        /// The id of the heartbeat's connection.
        connection: &'a str,
    },
}

/// A running task of a process. Dropping it detaches the task.
#[derive(Debug)]
pub struct TaskHandle(tokio::task::AbortHandle);

impl TaskHandle {
    /// Wraps tokio's handle of a spawned task.
    pub fn new(handle: tokio::task::AbortHandle) -> Self {
        TaskHandle(handle)
    }

    /// Ends the task at its next await point; its future is dropped by the runtime.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// True once the task has ended and its future is dropped.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// A task that ends with its owner: aborts on drop.
#[derive(Debug)]
pub struct OwnedTask(TaskHandle);

impl From<TaskHandle> for OwnedTask {
    fn from(handle: TaskHandle) -> Self {
        OwnedTask(handle)
    }
}

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

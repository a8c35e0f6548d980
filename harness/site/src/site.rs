//! A service's access to its host.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use squall_platform::{Platform, TaskHandle, TokioPlatform};
use squall_sim::SimPlatform;
use tokio::net;
use tokio::time::Instant;

use crate::address;
use crate::connector::Connector;
use crate::incoming::Incoming;
use crate::layer::{ClientLayer, ServerLayer};
use crate::names::Names;
use crate::net::{TcpListener, TcpStream};

/// The host that a service runs on: simulated, or a name among real sockets. Clones share it (in simulation: the same
/// process of the same host).
#[derive(Clone)]
pub struct Site(Place);

#[derive(Clone)]
enum Place {
    Simulated(SimPlatform),
    Real { name: Arc<str>, names: Names },
}

impl Site {
    /// A process of a simulated host. The host should adopt tasks:
    /// [`HostOptions::adopts`](squall_sim::HostOptions::adopts).
    pub fn simulated(process: SimPlatform) -> Self {
        Site(Place::Simulated(process))
    }

    /// The host with this name on real sockets, with the addresses of the others.
    pub fn real(name: &str, names: Names) -> Self {
        let name = name.into();
        Site(Place::Real { name, names })
    }

    /// The simulated process of the current task, for code that does not get a site. `None` elsewhere.
    pub fn here() -> Option<Self> {
        squall_sim::process().map(Site::simulated)
    }

    /// The host's name.
    pub fn name(&self) -> &str {
        match &self.0 {
            Place::Simulated(process) => process.host(),
            Place::Real { name, .. } => name,
        }
    }

    /// Whether this is a simulated host.
    pub fn is_simulated(&self) -> bool {
        self.simulated_process().is_some()
    }

    pub(crate) fn simulated_process(&self) -> Option<&SimPlatform> {
        match &self.0 {
            Place::Simulated(process) => Some(process),
            Place::Real { .. } => None,
        }
    }

    /// Listens on a port of this host, in place of an address. On real sockets it is bound at the address of this port in
    /// [`Names`], else at every IPv4 address of the machine.
    ///
    /// # Errors
    /// I/O errors of the operating system: `AddrInUse` if the port is taken.
    pub async fn listen(&self, port: u16) -> io::Result<Incoming> {
        let listener = match &self.0 {
            Place::Simulated(process) => TcpListener::bind_on(process, port).await?,
            Place::Real { name, names } => {
                let known = names.get(name, port);
                let at = known.unwrap_or_else(|| ([0, 0, 0, 0], port).into());
                let listener = TcpListener::bind_really(net::TcpListener::bind(at).await)?;
                if known.is_some_and(|at| at.port() == 0) {
                    names.set_port(name, port, listener.local_addr()?);
                }
                listener
            }
        };
        Ok(listener.into())
    }

    /// Opens a connection to `host:port`.
    ///
    /// # Errors
    /// I/O errors of the operating system: `ConnectionRefused`, `TimedOut`, `HostUnreachable`; `InvalidInput` if there
    /// is no port.
    pub async fn connect(&self, to: &str) -> io::Result<TcpStream> {
        match &self.0 {
            Place::Simulated(process) => TcpStream::connect_from(process, to).await,
            Place::Real { names, .. } => {
                let (host, port) = address::split(to)?;
                let stream = match names.get(host, port) {
                    // Not bound yet: the same error as for a port without a listener.
                    Some(at) if at.port() == 0 => Err(io::ErrorKind::ConnectionRefused.into()),
                    Some(at) => net::TcpStream::connect(at).await,
                    None => net::TcpStream::connect((host, port)).await,
                };
                let stream = TcpStream::connect_really(stream)?;
                stream.set_nodelay(true)?;
                Ok(stream)
            }
        }
    }

    /// For `Endpoint::connect_with_connector` and `connect_with_connector_lazy`: channels that connect from this host.
    pub fn connector(&self) -> Connector {
        Connector::new(self.clone())
    }

    /// For `Endpoint::executor`: a channel's own tasks are then suspended while their process is paused. Once it is
    /// dead they are suspended forever: tasks of `tokio::spawn` that wait for a response of the channel, or request
    /// one, stay pending, and get no error apart from timeouts. (If the channel's tasks ended, such a task would get
    /// errors without any time passing.)
    pub fn executor(&self) -> Executor {
        Executor(self.clone())
    }

    /// Spawns a task that reliably ends with its process. Dropping the handle does not stop it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        match &self.0 {
            Place::Simulated(process) => process.spawn(task),
            Place::Real { .. } => TokioPlatform::new().spawn(task),
        }
    }

    /// Waits for `duration`: exact to the nanosecond of virtual time, where tokio's timers fire at whole milliseconds.
    pub fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.0 {
            Place::Simulated(process) => Box::pin(process.sleep(duration)),
            Place::Real { .. } => Box::pin(tokio::time::sleep(duration)),
        }
    }

    /// The monotonic clock, which is tokio's; in simulation it is virtual.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The host's wall clock, which faults may shift.
    pub fn wall_clock(&self) -> SystemTime {
        match &self.0 {
            Place::Simulated(process) => process.wall_clock(),
            Place::Real { .. } => TokioPlatform::new().wall_clock(),
        }
    }

    /// Randomness, in simulation from the run's seed. Not for secrets.
    pub fn random_u64(&self) -> u64 {
        match &self.0 {
            Place::Simulated(process) => process.random_u64(),
            Place::Real { .. } => TokioPlatform::new().random_u64(),
        }
    }

    /// For `Server::builder().layer(..)`: records the start and end of each request's handler.
    pub fn layer_server(&self) -> ServerLayer {
        ServerLayer::new(self.clone())
    }

    /// For a channel: records the start and end of each call, and sends its number in a header.
    pub fn layer_client(&self) -> ClientLayer {
        ClientLayer::new(self.clone())
    }

    /// Whether the current task may continue: see [`SimPlatform::poll_turn`]. On real sockets it is always true.
    pub(crate) fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        match &self.0 {
            Place::Simulated(process) => process.poll_turn(context),
            Place::Real { .. } => Poll::Ready(()),
        }
    }

    /// Whether its process is alive.
    pub(crate) fn is_alive(&self) -> bool {
        self.simulated_process().is_none_or(SimPlatform::is_alive)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({})", self.name())
    }
}

/// Runs tasks of a channel: see [`Site::executor`].
#[derive(Debug, Clone)]
pub struct Executor(Site);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let task = Box::pin(task);
        match self.0.simulated_process() {
            Some(process) => {
                let process = process.clone();
                tokio::spawn(Still { process, task });
            }
            None => {
                tokio::spawn(task);
            }
        }
    }
}

/// Is only polled while its process runs.
struct Still<F> {
    process: SimPlatform,
    task: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> Future for Still<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.process.is_alive() {
            return Poll::Pending;
        }
        ready!(self.process.poll_turn(context));
        self.task.as_mut().poll(context)
    }
}

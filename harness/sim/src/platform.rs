//! The simulated platform: one process of a simulated host.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use squall_platform::{Authority, FaultPoint, Listener, Platform, TaskHandle, host_and_port};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::adopted;
use crate::engine::{Owner, SocketId};
use crate::host::{HostId, Process};
use crate::segment::Direction;
use crate::task;
use crate::timers::Sleep;
use crate::world::World;

/// One process of a simulated host. Once it is dead, its sockets are gone and it can open no new ones; tasks that it
/// spawns end at once.
#[derive(Clone)]
pub struct SimPlatform {
    world: Arc<World>,
    process: Arc<Process>,
}

impl SimPlatform {
    pub(crate) fn new(world: Arc<World>, process: Arc<Process>) -> Self {
        SimPlatform { world, process }
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        &self.process.name
    }

    /// The host's number.
    pub fn host_id(&self) -> HostId {
        self.process.host
    }

    /// The host's address.
    pub fn address(&self) -> IpAddr {
        self.world.address(self.process.host)
    }

    /// 0 for the host's first process, incremented by each restart.
    pub fn incarnation(&self) -> u32 {
        self.process.incarnation
    }

    /// Whether this process is alive. Once false, it stays false.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Whether the current task may continue, as checked at each use of the network. On a host that adopts tasks
    /// ([`HostOptions::adopts`](crate::HostOptions::adopts)) it is pending while the task's process is paused, and
    /// never returns once the process is dead. On other hosts, and for tasks of other processes, it is true.
    pub fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        adopted::poll_turn(&self.world, &self.process, context)
    }

    async fn turn(&self) {
        poll_fn(|context| self.poll_turn(context)).await;
    }

    fn socket(&self, id: SocketId) -> Socket {
        Socket {
            world: self.world.clone(),
            process: self.process.clone(),
            id,
        }
    }

    fn owner(&self) -> io::Result<Owner> {
        if self.process.is_alive() {
            Ok(self.process.owner())
        } else {
            Err(io::Error::new(
                io::ErrorKind::NetworkDown,
                "the process of this task is dead",
            ))
        }
    }
}

impl std::fmt::Debug for SimPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimPlatform({:?})", self.process)
    }
}

impl Platform for SimPlatform {
    type Stream = SimStream;
    type Listener = SimListener;

    async fn bind(&self, port: u16) -> io::Result<SimListener> {
        self.turn().await;
        let owner = self.owner()?;
        let bound = self.world.state().engine.bind(owner, port);
        let (socket, address) = bound.map_err(|error| match error.kind() {
            kind @ io::ErrorKind::AddrInUse => io::Error::new(kind, format!("{kind}: port {port}")),
            _ => error,
        })?;
        let socket = self.socket(socket);
        Ok(SimListener { socket, address })
    }

    async fn connect(&self, to: &Authority) -> io::Result<SimStream> {
        self.turn().await;
        let owner = self.owner()?;
        let (name, port) = host_and_port(to)?;
        let host = self
            .world
            .resolve(name)
            .ok_or_else(|| not_known(&self.world, name))?;
        let id = self.world.connect(owner, host, port)?;
        // Owned from here on: a caller that stops waiting closes it.
        let stream = SimStream {
            socket: self.socket(id),
        };
        poll_fn(|context| {
            ready!(stream.socket.poll_turn(context));
            self.world.state().engine.poll_connected(id, context)
        })
        .await?;
        Ok(stream)
    }

    /// Immediate: no resolver is simulated.
    async fn resolve(&self, name: &Authority) -> io::Result<Vec<SocketAddr>> {
        self.turn().await;
        self.owner()?;
        let (name, port) = host_and_port(name)?;
        match &self.world.resolve_all(name)[..] {
            [] => Err(not_known(&self.world, name)),
            hosts => Ok(hosts
                .iter()
                .map(|host| SocketAddr::new(self.world.address(*host), port))
                .collect()),
        }
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        task::spawn(&self.world, &self.process, future)
    }

    /// Exact to the nanosecond of virtual time, where tokio's timers fire at whole milliseconds. A paused process wakes
    /// late; a dead one never does.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + use<> {
        Sleep::until(
            self.world.clone(),
            Some(self.process.clone()),
            self.world.nanos_at(at),
        )
    }

    /// On a simulation thread the system's clock is that of the current host, which may be another one.
    fn wall_clock(&self) -> SystemTime {
        let before = self.world.current_owner();
        self.world.set_current(self.process.owner());
        let now = SystemTime::now();
        self.world.set_current(before);
        now
    }

    fn random_u64(&self) -> u64 {
        self.process.random_u64()
    }

    fn fault(&self, point: FaultPoint<'_>) -> bool {
        self.world.is_injected(self.process.host, point)
    }
}

fn not_known(world: &World, name: &str) -> io::Error {
    let replicas = world.replicas_of(name);
    let has_replicas = match replicas.is_empty() {
        true => String::new(),
        false => format!("; its replicas have: {}", replicas.join(", ")),
    };
    io::Error::other(format!(
        "failed to look up {name}: no host of the topology has this name{has_replicas}"
    ))
}

/// A socket of the engine, closed on drop.
struct Socket {
    world: Arc<World>,
    /// Its process.
    process: Arc<Process>,
    id: SocketId,
}

impl Socket {
    #[inline]
    fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        adopted::poll_turn(&self.world, &self.process, context)
    }

    /// The addresses of this end and of the other one.
    fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let SocketId::Stream(flow, receives) = self.id else {
            unreachable!("a listener is no stream")
        };
        let addresses = self.world.state().engine.addresses(flow);
        let (client, server) = addresses.ok_or(io::ErrorKind::NotConnected)?;
        Ok(match receives {
            Direction::ToServer => (server, client),
            Direction::ToClient => (client, server),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.process.puts_off(self.id) {
            return;
        }
        self.world
            .change(|state, effects| state.engine.close(self.id, effects));
        self.world.mark_dirty();
    }
}

/// A connected stream of the simulated network.
pub struct SimStream {
    socket: Socket,
}

impl std::fmt::Debug for SimStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimStream({:?})", self.socket.id)
    }
}

impl SimStream {
    /// The address of this end.
    ///
    /// # Errors
    /// `NotConnected` once both ends are done with the connection.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.addresses()?.0)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` once both ends are done with the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.addresses()?.1)
    }

    /// A write of a dead process fails, and does not end its task: HTTP/2 writes under locks that its other tasks need.
    #[inline]
    fn poll_written(&self, context: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Socket { world, process, id } = &self.socket;
        ready!(adopted::poll_resumed(process, context));
        world.mark_dirty();
        world.state().engine.poll_write(*id, context, buffers)
    }
}

/// Two tasks may use one stream, one half each.
impl AsyncRead for &SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.socket.poll_turn(context));
        let Socket { world, id, .. } = &self.socket;
        world.state().engine.poll_read(*id, context, buffer)
    }
}

/// Two tasks may use one stream, one half each.
impl AsyncWrite for &SimStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_written(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Socket { world, process, id } = &self.socket;
        ready!(adopted::poll_resumed(process, context));
        world.mark_dirty();
        Poll::Ready(world.state().engine.shutdown(*id))
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_read(context, buffer)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_written(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_shutdown(context)
    }
}

/// A listening socket of the simulated network.
pub struct SimListener {
    socket: Socket,
    address: SocketAddr,
}

impl std::fmt::Debug for SimListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimListener({})", self.address)
    }
}

impl SimListener {
    /// Accepts the next connection, if there is one.
    ///
    /// # Errors
    /// `NotConnected` once its process is dead.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(SimStream, SocketAddr)>> {
        ready!(self.socket.poll_turn(context));
        let Socket { world, process, id } = &self.socket;
        let (id, peer) = ready!(world.state().engine.poll_accept(*id, context))?;
        let (world, process) = (world.clone(), process.clone());
        let socket = Socket { world, process, id };
        Poll::Ready(Ok((SimStream { socket }, peer)))
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&mut self) -> io::Result<(SimStream, SocketAddr)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

//! An in-memory platform, for the tests of the runtime's crates on tokio's paused clock: no delay, and links that can
//! be cut. Also a recorder of `tracing` events ([`Events`]). Only tests depend on it.
//!
//! Deliberately absent: latency, loss, and everything else that the simulator is for.

mod events;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use squall_platform::{Authority, Listener, Platform, TaskHandle};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

pub use events::{Events, Fields};

/// The result of connects to a port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// They succeed if there is a listener.
    Open,
    /// They are refused.
    Refused,
    /// They are never answered.
    BlackHole,
    /// They succeed, but the peer sends nothing: a process that hangs.
    Silent,
}

/// A network: a listener on one of its ports can be reached there, under any name. Clones share it.
#[derive(Clone, Default)]
pub struct Network(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    listeners: BTreeMap<u16, mpsc::UnboundedSender<Pipe>>,
    links: BTreeMap<u16, Link>,
    dials: BTreeMap<u16, usize>,
    starved: BTreeMap<u16, usize>,
    names: BTreeMap<String, io::Result<Vec<SocketAddr>>>,
    fate: Arc<Fate>,
    open: Arc<()>,
    last_port: u16,
}

/// The fate of bytes written on some connections.
#[derive(Default)]
struct Fate {
    /// They are discarded.
    frozen: AtomicBool,
    /// They are answered with a reset.
    forgotten: AtomicBool,
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// A new process on the network.
    pub fn host(&self) -> Memory {
        Memory {
            network: self.clone(),
            tasks: Arc::default(),
            random: Arc::default(),
        }
    }

    /// Sets the result of connects to the port of `to` from now on.
    ///
    /// # Panics
    /// When `to` has no port.
    pub fn set_link(&self, to: &Authority, link: Link) {
        self.lock().links.insert(port(to), link);
    }

    /// Sets the addresses of a name, for any port; unset names do not resolve.
    pub fn set_name(&self, name: &str, addresses: io::Result<Vec<SocketAddr>>) {
        self.lock().names.insert(name.to_owned(), addresses);
    }

    /// The number of dials of `to`.
    ///
    /// # Panics
    /// When `to` has no port.
    pub fn dials(&self, to: &Authority) -> usize {
        self.lock().dials.get(&port(to)).copied().unwrap_or(0)
    }

    /// Makes accepting at `to` fail this many times, as in a process without descriptors.
    ///
    /// # Panics
    /// When `to` has no port.
    pub fn starve(&self, to: &Authority, times: usize) {
        self.lock().starved.insert(port(to), times);
    }

    /// The number of stream ends.
    pub fn open_streams(&self) -> usize {
        Arc::strong_count(&self.lock().open) - 1
    }

    /// As [`Network::freeze`], for the current connections only.
    pub fn cut(&self) {
        self.freeze();
        self.lock().fate = Arc::default();
    }

    /// The machines at the other ends of the current connections have crashed, and are back. Nothing is notified
    /// until something is written, which is answered with a reset. Later connections work.
    pub fn forget(&self) {
        self.lock().fate.forgotten.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// From now on written bytes are lost, without any notification.
    pub fn freeze(&self) {
        self.lock().fate.frozen.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn port(authority: &Authority) -> u16 {
    authority.port_u16().expect("a port")
}

/// One process on the network. Clones belong to the same process.
#[derive(Clone)]
pub struct Memory {
    network: Network,
    tasks: Arc<Mutex<Vec<tokio::task::AbortHandle>>>,
    random: Arc<AtomicU64>,
}

impl Memory {
    /// Ends all tasks of the process, which closes its sockets.
    pub fn kill(&self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl Platform for Memory {
    type Stream = Pipe;
    type Listener = MemoryListener;

    async fn bind(&self, port: u16) -> io::Result<MemoryListener> {
        let mut state = self.network.lock();
        state.last_port += 1;
        let port = if port == 0 { state.last_port } else { port };
        let (sender, accepted) = mpsc::unbounded_channel();
        state.listeners.insert(port, sender);
        Ok(MemoryListener {
            network: self.network.clone(),
            port,
            accepted,
            waiting: None,
        })
    }

    async fn connect(&self, to: &Authority) -> io::Result<Pipe> {
        let (link, listener, fate, open) = {
            let mut state = self.network.lock();
            *state.dials.entry(port(to)).or_default() += 1;
            let link = state.links.get(&port(to)).copied().unwrap_or(Link::Open);
            (
                link,
                state.listeners.get(&port(to)).cloned(),
                Arc::clone(&state.fate),
                Arc::clone(&state.open),
            )
        };
        // A connect yields once, as a real one does.
        tokio::task::yield_now().await;
        match link {
            Link::BlackHole => std::future::pending().await,
            Link::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Link::Silent => {
                let (near, _far) = tokio::io::duplex(1 << 16);
                let fate = Arc::new(Fate {
                    frozen: AtomicBool::new(true),
                    ..Fate::default()
                });
                Ok(Pipe {
                    stream: near,
                    fate,
                    _open: open,
                })
            }
            Link::Open => {
                let (near, far) = tokio::io::duplex(1 << 16);
                let near = Pipe {
                    stream: near,
                    fate: Arc::clone(&fate),
                    _open: Arc::clone(&open),
                };
                let far = Pipe {
                    stream: far,
                    fate,
                    _open: open,
                };
                let sent = listener.and_then(|listener| listener.send(far).ok());
                sent.map(|()| near)
                    .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    async fn resolve(&self, name: &Authority) -> io::Result<Vec<SocketAddr>> {
        tokio::task::yield_now().await;
        match self.network.lock().names.get(name.host()) {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is a platform")]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let handle = tokio::spawn(task).abort_handle();
        lock(&self.tasks).push(handle.clone());
        TaskHandle::new(handle)
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn random_u64(&self) -> u64 {
        self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
    }
}

/// A listening socket.
pub struct MemoryListener {
    network: Network,
    port: u16,
    accepted: mpsc::UnboundedReceiver<Pipe>,
    /// The next accept fails.
    waiting: Option<Pipe>,
}

impl MemoryListener {
    /// True when this one has to fail.
    fn is_starved(&self) -> bool {
        let mut network = self.network.lock();
        let left = network.starved.get_mut(&self.port).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

impl Listener for MemoryListener {
    type Stream = Pipe;

    async fn accept(&mut self) -> io::Result<(Pipe, SocketAddr)> {
        let stream = match self.waiting.take() {
            Some(stream) => stream,
            None => match self.accepted.recv().await {
                Some(stream) => stream,
                None => std::future::pending().await,
            },
        };
        if self.is_starved() {
            self.waiting = Some(stream);
            return Err(io::Error::other("too many open files"));
        }
        Ok((stream, (Ipv4Addr::LOCALHOST, 1).into()))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok((Ipv4Addr::LOCALHOST, self.port).into())
    }
}

/// A stream that falls silent for ever when the network is frozen.
pub struct Pipe {
    stream: DuplexStream,
    fate: Arc<Fate>,
    _open: Arc<()>,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.fate.frozen.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.fate.forgotten.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.fate.frozen.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! The platform in memory, with a clock that runs, heartbeats that can be lost, and tasks that can be counted.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use squall_memory::{Memory, Network};
use squall_platform::{Authority, FaultPoint, Platform, TaskHandle};
use tokio::time::Instant;

/// One process. Clones speak for the same one.
#[derive(Clone)]
pub(crate) struct Host {
    memory: Memory,
    started: Instant,
    loses_heartbeats: Arc<AtomicBool>,
    tasks: Arc<AtomicUsize>,
}

/// What the wall clock shows at the start, in milliseconds since 1970.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;

impl Host {
    pub(crate) fn new(network: &Network) -> Self {
        Host {
            memory: network.host(),
            started: Instant::now(),
            loses_heartbeats: Arc::default(),
            tasks: Arc::default(),
        }
    }

    pub(crate) fn lose_heartbeats(&self, lose: bool) {
        self.loses_heartbeats.store(lose, Ordering::SeqCst);
    }

    /// How many tasks there are now.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.load(Ordering::SeqCst)
    }

    /// The process dies.
    pub(crate) fn kill(&self) {
        self.memory.kill();
    }
}

impl Platform for Host {
    type Stream = <Memory as Platform>::Stream;
    type Listener = <Memory as Platform>::Listener;

    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>> + Send {
        self.memory.bind(port)
    }

    fn connect(&self, to: &Authority) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        self.memory.connect(to)
    }

    fn resolve(&self, name: &Authority) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.memory.resolve(name)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.tasks.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(Arc::clone(&self.tasks));
        self.memory.spawn(async move {
            let _counted = counted;
            task.await;
        })
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH_MS) + self.started.elapsed()
    }

    fn random_u64(&self) -> u64 {
        self.memory.random_u64()
    }

    fn fault(&self, point: FaultPoint<'_>) -> bool {
        point == FaultPoint::Heartbeat && self.loses_heartbeats.load(Ordering::SeqCst)
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

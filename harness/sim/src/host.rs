//! Hosts and their processes.
//!
//! A host is a machine with a name and an address. It runs a process: one incarnation of the host, with a set of tasks. A
//! killed or crashed process never comes back; the host may start another.
//!
//! ```text
//!            start              kill, crash, fail
//!   down  ----------->  up  ------------------------->  down
//!                      |  ^
//!                pause v  | resume
//!                      paused
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::task::AbortHandle;

use crate::engine::{Owner, SocketId};
use crate::platform::SimPlatform;
use crate::seed::Stream;
use crate::turns::Turns;

/// A host's number: 0 is the world itself, which has no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub(crate) u32);

impl HostId {
    /// The world: the scenario's director, which belongs to no host.
    pub const WORLD: HostId = HostId(0);
}

/// The main function of a host, run at each start. If it returns an error or panics, the host goes down.
pub(crate) type Main =
    Arc<dyn Fn(SimPlatform) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

pub(crate) struct Host {
    pub(crate) name: Arc<str>,
    pub(crate) main: Option<Main>,
    /// The running process, or the last one.
    pub(crate) process: Option<Arc<Process>>,
    pub(crate) power: Power,
    /// The cost of a poll of its tasks in nanoseconds, by fault.
    pub(crate) poll_costs: Vec<(u32, u64)>,
    /// Tasks of `tokio::spawn` belong to its processes.
    pub(crate) adopts: bool,
}

impl Host {
    /// The sum.
    pub(crate) fn poll_cost(&self) -> u64 {
        let costs = self.poll_costs.iter().map(|(_, cost)| *cost);
        costs.fold(0, u64::saturating_add)
    }
}

/// Whether a host's kernel responds, and whether it runs a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// The kernel is up and a process runs.
    Up,
    /// The kernel is up without a process: connects are refused.
    Idle,
    /// The machine is off: no response.
    Off,
}

/// The address of the host with this number.
pub(crate) fn address(host: HostId) -> IpAddr {
    let [_, b, c, d] = host.0.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b, c, d))
}

/// The number of the host with this address.
pub(crate) fn host_at(address: Ipv4Addr) -> Option<HostId> {
    let [a, b, c, d] = address.octets();
    (a == 10).then_some(HostId(u32::from_be_bytes([0, b, c, d])))
}

/// One incarnation of a host.
pub(crate) struct Process {
    pub(crate) host: HostId,
    pub(crate) incarnation: u32,
    pub(crate) name: Arc<str>,
    /// It owns the tasks that its tasks start with `tokio::spawn`: see [`crate::adopted`].
    pub(crate) adopts: bool,
    adopted: AtomicU64,
    alive: AtomicBool,
    paused: AtomicBool,
    slow: AtomicBool,
    turns: Turns,
    inner: Mutex<Inner>,
}

struct Inner {
    tasks: Slab,
    /// Tasks that became ready, or used the network, while the process was paused.
    waiting: Vec<Waker>,
    /// Sockets that were dropped while the process was paused.
    put_off: Vec<SocketId>,
    random: Stream,
}

impl Process {
    pub(crate) fn new(host: HostId, incarnation: u32, entry: &Host, seed: u64) -> Arc<Self> {
        let name = entry.name.clone();
        let random = Stream::new(seed, &format!("application/{name}/{incarnation}"));
        Arc::new(Process {
            host,
            incarnation,
            name,
            adopts: entry.adopts,
            adopted: AtomicU64::new(0),
            alive: AtomicBool::new(true),
            paused: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            turns: Turns::default(),
            inner: Mutex::new(Inner {
                tasks: Slab::default(),
                waiting: Vec::new(),
                put_off: Vec::new(),
                random,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner {
            host: self.host,
            incarnation: self.incarnation,
        }
    }

    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether a poll of its tasks costs virtual time.
    #[inline]
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Sets the cost of a poll, in nanoseconds.
    pub(crate) fn set_poll_cost(&self, cost: u64) {
        self.slow.store(cost > 0, Ordering::Relaxed);
        self.turns.set_cost(cost);
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn random_u64(&self) -> u64 {
        self.lock().random.bits()
    }

    pub(crate) fn reserve_task(&self) -> usize {
        self.lock().tasks.reserve()
    }

    pub(crate) fn set_task(&self, key: usize, handle: AbortHandle) {
        self.lock().tasks.set(key, handle);
    }

    pub(crate) fn task_ended(&self, key: usize) {
        // Dropping the handle may free the task: not under the lock.
        let handle = self.lock().tasks.remove(key);
        drop(handle);
    }

    /// The number of running tasks.
    pub(crate) fn task_count(&self) -> usize {
        self.lock().tasks.len
    }

    /// Increments or decrements the number of tasks that it started with `tokio::spawn`.
    pub(crate) fn adopt(&self) {
        self.adopted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn adopted_ended(&self) {
        self.adopted.fetch_sub(1, Ordering::Relaxed);
    }

    /// The number of running adopted tasks.
    pub(crate) fn adopted(&self) -> u64 {
        self.adopted.load(Ordering::Relaxed)
    }

    /// Ends every task: each is dropped, under this host, before anything else happens at this instant. Returns their
    /// number. Adopted ones end at their next use of the network.
    pub(crate) fn die(&self) -> u64 {
        self.alive.store(false, Ordering::Relaxed);
        let (handles, waiting) = {
            let mut inner = self.lock();
            (inner.tasks.handles(), std::mem::take(&mut inner.waiting))
        };
        for handle in &handles {
            handle.abort();
        }
        if self.adopts {
            // Some may be adopted, and end when they are polled.
            waiting.into_iter().for_each(Waker::wake);
        }
        self.turns.clear();
        handles.len() as u64 + self.adopted()
    }

    pub(crate) fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    pub(crate) fn resume(&self) {
        self.paused.store(false, Ordering::Relaxed);
        let waiting = std::mem::take(&mut self.lock().waiting);
        for waker in waiting {
            waker.wake();
        }
    }

    pub(crate) fn wait_for_resume(&self, waker: &Waker) {
        let mut inner = self.lock();
        // An adopted task may be polled, and wait again, any number of times.
        if !self.adopts || !inner.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            inner.waiting.push(waker.clone());
        }
    }

    /// Whether the close of this socket, which is dropped now, is deferred until the process resumes: actions of an
    /// adopted task of a paused process must not be visible before.
    pub(crate) fn puts_off(&self, socket: SocketId) -> bool {
        let puts_off = self.adopts && self.is_paused() && self.is_alive();
        if puts_off {
            self.lock().put_off.push(socket);
        }
        puts_off
    }

    /// Sockets to close now.
    pub(crate) fn take_put_off(&self) -> Vec<SocketId> {
        std::mem::take(&mut self.lock().put_off)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name, self.incarnation)
    }
}

/// Abort handles by key, in a deterministic order.
#[derive(Default)]
struct Slab {
    entries: Vec<Entry>,
    free: Vec<usize>,
    len: usize,
}

enum Entry {
    Free,
    /// Its task is being spawned. It may end before the spawn returns: a runtime in shutdown runs no tasks.
    Reserved,
    Running(AbortHandle),
}

impl Slab {
    fn reserve(&mut self) -> usize {
        self.len += 1;
        let key = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::Free);
            self.entries.len() - 1
        });
        self.entries[key] = Entry::Reserved;
        key
    }

    /// Does nothing if the task has already ended: a handle that is never removed would keep the runtime's parts, and
    /// with them the world, alive forever.
    fn set(&mut self, key: usize, handle: AbortHandle) {
        if let Entry::Reserved = self.entries[key] {
            self.entries[key] = Entry::Running(handle);
        }
    }

    fn remove(&mut self, key: usize) -> Option<AbortHandle> {
        self.len -= 1;
        self.free.push(key);
        match std::mem::replace(&mut self.entries[key], Entry::Free) {
            Entry::Running(handle) => Some(handle),
            Entry::Free | Entry::Reserved => None,
        }
    }

    fn handles(&self) -> Vec<AbortHandle> {
        let running = self.entries.iter().filter_map(|entry| match entry {
            Entry::Running(handle) => Some(handle.clone()),
            Entry::Free | Entry::Reserved => None,
        });
        running.collect()
    }
}

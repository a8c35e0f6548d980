//! The director's handle: creates hosts and controls them.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::FaultPoint;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock::ClockShift;
use crate::host::{HostId, Power};
use crate::link::{Effect, HostPairs, LinkRule};
use crate::observe::Down;
use crate::platform::SimPlatform;
use crate::task;
use crate::timers::Sleep;
use crate::world::World;

/// The world, as its director sees it. Clones share it.
#[derive(Clone)]
pub struct Sim {
    world: Arc<World>,
}

/// The future's process died before the future ended, or there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the host is down")]
pub struct HostDown;

/// A misleading result of a name lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mislead {
    /// The name does not resolve.
    Nothing,
    /// An unused address: segments to it are lost.
    Nobody,
}

/// Options of a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostOptions {
    /// Whether tasks that its tasks start with `tokio::spawn` belong to its process, as far as possible. They are
    /// attributed to the process that started them, counted with it, and not reported as [`SimEvent::StrayTask`].
    ///
    /// Such a task cannot be aborted or suspended from outside. So:
    ///
    /// - Once its process is dead, its next use of the network, or of a timer of the platform, ends it there: its poll
    ///   is unwound, without a message, and its future dropped. A task that waits for one of these at the death ends at
    ///   that instant. A write fails instead of ending the task, because HTTP/2 writes under locks that other tasks
    ///   need to end.
    /// - While its process is paused, uses of the network and of such timers wait for the end of the pause.
    /// - A task that uses neither continues: it computes, or waits for tokio's timers or for other tasks. None of that is
    ///   visible on the network. [`Left::adopted`] counts the tasks that have not ended.
    /// - A panic ends only the task, and is reported like any task's ([`SimEvent::Panicked`]) if the program's panic
    ///   hook calls [`panicked()`](crate::panicked); not after the death of its process.
    /// - [`Sim::slow_down`] and [`Config::interleave`](crate::Config::interleave) do not apply to it.
    ///
    /// [`SimEvent::StrayTask`]: crate::SimEvent::StrayTask
    /// [`SimEvent::Panicked`]: crate::SimEvent::Panicked
    pub adopts: bool,
}

impl HostOptions {
    /// The defaults, as in [`Sim::add_host`].
    pub fn new() -> Self {
        HostOptions::default()
    }

    /// With [`HostOptions::adopts`].
    #[must_use]
    pub fn adopting(mut self) -> Self {
        self.adopts = true;
        self
    }
}

/// Resources of ended processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Tasks that have not ended.
    pub tasks: u64,
    /// Sockets that are not closed.
    pub sockets: u64,
    /// Timers of [`Platform::sleep_until`](squall_platform::Platform::sleep_until) that are not dropped.
    pub timers: u64,
    /// Adopted tasks (see [`HostOptions::adopts`]) that have not ended. There may be some, which wait for something
    /// outside of their host.
    pub adopted: u64,
}

impl Sim {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Sim { world }
    }

    /// Adds a host that is off until it is started. `main` runs at each start; if it returns an error or panics, the
    /// host goes down. If it returns Ok, the host's other tasks continue.
    pub fn add_host<F>(&self, name: &str, main: impl Fn(SimPlatform) -> F + Send + Sync + 'static) -> HostId
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add_host_with(name, HostOptions::default(), main)
    }

    /// As [`Sim::add_host`], with options.
    pub fn add_host_with<F>(
        &self,
        name: &str,
        options: HostOptions,
        main: impl Fn(SimPlatform) -> F + Send + Sync + 'static,
    ) -> HostId
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let main = Arc::new(move |platform| Box::pin(main(platform)) as _);
        self.world.add_host(name, options, main)
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.world.host_named(name)
    }

    /// Binds `name` to these hosts, in place of its former meaning, like a service's name in DNS. A connect by name
    /// goes to the first of them. Without hosts the name does not resolve.
    pub fn set_name(&self, name: &str, hosts: &[HostId]) {
        self.world.set_name(name, hosts.to_vec());
    }

    /// Overrides `name` until the effects of this fault end, for connects and lookups. Open connections are unaffected.
    /// The last of several faults wins.
    pub fn mislead(&self, fault: u32, name: &str, means: Mislead) {
        self.world.mislead(fault, name, means);
    }

    /// Ends the overrides of this fault.
    pub fn end_mislead(&self, fault: u32) {
        self.world.end_mislead(fault);
    }

    /// Each poll of a task of the host costs virtual time on its process's only CPU; tasks that become ready meanwhile
    /// queue. Concurrent faults add up, and outlive the host's processes.
    pub fn slow_down(&self, fault: u32, host: HostId, cost: Duration) {
        let cost = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self.world.slow_down(fault, host, cost);
    }

    /// Ends the slowdown by this fault.
    pub fn end_slow_down(&self, fault: u32, host: HostId) {
        self.world.end_slow_down(fault, host);
    }

    /// The host's address.
    pub fn address(&self, host: HostId) -> IpAddr {
        self.world.address(host)
    }

    /// Starts a process on a host without one.
    pub fn start(&self, host: HostId) {
        self.world.start(host);
    }

    /// Kills the process; its kernel closes its sockets: peers get FIN, or RST where data was unread.
    /// Connects are refused until the host is started again.
    pub fn kill(&self, host: HostId) {
        self.world.stop(host, Down::Killed, String::new());
    }

    /// Powers the machine off: no segments leave or reach it. Once it is started again, it answers segments of old
    /// connections with RST.
    pub fn crash(&self, host: HostId) {
        self.world.stop(host, Down::Crashed, String::new());
    }

    /// Stops scheduling the process; its kernel keeps running. Timers that are due meanwhile fire late.
    pub fn pause(&self, host: HostId) {
        self.world.set_paused(host, true);
    }

    /// Resumes scheduling the process.
    pub fn resume(&self, host: HostId) {
        self.world.set_paused(host, false);
    }

    /// The host's wall clock jumps. Jumps add up, and outlive the host's processes. Timers are unaffected: they use the
    /// monotonic clock.
    pub fn shift_clock(&self, host: HostId, shift: ClockShift) {
        self.world.shift_clock(host, shift);
    }

    /// Whether a process runs on the host.
    pub fn is_up(&self, host: HostId) -> bool {
        self.world.power(host) == Power::Up
    }

    /// Sets exceptions to the network's default; later rules win.
    pub fn set_link_rules(&self, rules: Vec<LinkRule>) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.set_rules(now, rules));
    }

    /// Starts an effect of a fault on links; several effects of one fault add up. Segments in transit are unaffected.
    /// Segments that wait for a link's bandwidth are affected: they leave at the new rate.
    pub fn start_effect(&self, fault: u32, effect: Effect) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.start(now, fault, effect));
    }

    /// Ends a fault, with all of its effects.
    pub fn end_effect(&self, fault: u32) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.end(now, fault));
    }

    /// Resets open connections dialled by hosts of `pairs`, at both ends at once. Connects in progress are unaffected.
    pub fn reset(&self, fault: u32, pairs: &HostPairs) {
        self.world.reset(fault, pairs);
    }

    /// Sets the fault injector: `inject` decides at each fault point in code of a host. It is set once per run, and
    /// must not block. Without it no fault is injected.
    pub fn inject(&self, inject: impl Fn(HostId, FaultPoint<'_>) -> bool + Send + Sync + 'static) {
        self.world.set_injector(Box::new(inject));
    }

    /// Virtual time since the start of the run.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.world.now())
    }

    /// Runs a future as a task of the host's process, and waits for its result.
    ///
    /// # Errors
    /// If no process runs there, or it dies before the future has ended.
    pub async fn run_on<T, F>(&self, host: HostId, make: impl FnOnce(SimPlatform) -> F) -> Result<T, HostDown>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let process = self.world.process(host).ok_or(HostDown)?;
        // Boxed: a block that awaits a value it owns stores it twice.
        let future = Box::pin(make(SimPlatform::new(self.world.clone(), process.clone())));
        let (sender, receiver) = oneshot::channel();
        task::spawn(&self.world, &process, async move {
            // The receiver has given up.
            let _ = sender.send(future.await);
        });
        receiver.await.map_err(|_| HostDown)
    }

    /// Runs a future on no host, concurrently with the director. If it panics, so does the run.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        task::spawn_world(&self.world, future);
    }

    /// Waits until `at`, exact to the nanosecond of virtual time.
    pub fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + use<> {
        Sleep::until(self.world.clone(), None, self.world.nanos_at(at))
    }

    /// Waits for `duration` from now, exact to the nanosecond of virtual time.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Sleep::until(self.world.clone(), None, self.world.now().saturating_add(nanos))
    }

    /// Resources of ended processes. All should be zero after the instant of their death, apart from adopted tasks.
    pub fn left_behind(&self) -> Left {
        self.world.left_behind()
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sim(at {:?})", self.now())
    }
}

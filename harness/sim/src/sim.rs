//! What a director holds: the handle through which it makes hosts and does things to them.

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

/// The world, as its director sees it. Clones are the same world.
#[derive(Clone)]
pub struct Sim {
    world: Arc<World>,
}

/// The process that a future ran on died before the future ended, or there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the host is down")]
pub struct HostDown;

/// What a name means that misleads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mislead {
    /// Nothing: it does not resolve.
    Nothing,
    /// An address where nobody is: what is sent there is lost.
    Nobody,
}

/// How a host differs from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostOptions {
    /// What its tasks start with `tokio::spawn` is part of its process, as far as that can be had. It is attributed to
    /// the process that started it, and counted with it; and it is not told of as [`SimEvent::StrayTask`].
    ///
    /// Nothing can abort such a task, or keep it from being polled. So:
    ///
    /// - Once its process is dead, its next touch of the network, or of a timer of the platform, ends it there: its poll
    ///   is unwound, without a message, and its future dropped. Whoever waits for one of these at the death ends at that
    ///   instant. A write ends nobody but fails, for HTTP/2 writes under locks that others need to end, too.
    /// - While its process is paused, what it wants of the network or of such timers waits for the end of the pause.
    /// - What touches neither goes on: a task that computes, or waits for tokio's timers or for other tasks. Nothing of
    ///   that is seen on the network. [`Left::adopted`] counts those that have not ended.
    /// - A panic ends it alone, and is told of as any task's ([`SimEvent::Panicked`]) where the program's panic hook calls
    ///   [`panicked()`](crate::panicked); not after the death of its process.
    /// - [`Sim::slow_down`] and [`Config::interleave`](crate::Config::interleave) do not apply to it.
    ///
    /// [`SimEvent::StrayTask`]: crate::SimEvent::StrayTask
    /// [`SimEvent::Panicked`]: crate::SimEvent::Panicked
    pub adopts: bool,
}

impl HostOptions {
    /// As any host of [`Sim::add_host`].
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

/// What processes that have ended still hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Tasks that have not ended.
    pub tasks: u64,
    /// Sockets that are not closed.
    pub sockets: u64,
    /// Timers of [`Platform::sleep_until`](squall_platform::Platform::sleep_until) that are not dropped.
    pub timers: u64,
    /// Adopted tasks (see [`HostOptions::adopts`]) that have not ended: of these there may be some, which wait for
    /// something that is no part of their host.
    pub adopted: u64,
}

impl Sim {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Sim { world }
    }

    /// Adds a host that is off until it is started. `main` runs each time that it starts; when it returns
    /// an error or panics, the host goes down. When it returns Ok, the host's other tasks go on.
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

    /// From now on `name` means these hosts, in place of what it meant: a service's name in DNS. A connect
    /// by name goes to the first of them. With none of them it does not resolve any more.
    pub fn set_name(&self, name: &str, hosts: &[HostId]) {
        self.world.set_name(name, hosts.to_vec());
    }

    /// Until the effects of this fault end, `name` does not mean what it meant: for connects, and for whoever resolves it.
    /// Open connections go on. Of several faults the last one counts.
    pub fn mislead(&self, fault: u32, name: &str, means: Mislead) {
        self.world.mislead(fault, name, means);
    }

    /// Names mean again what they meant without this fault.
    pub fn end_mislead(&self, fault: u32) {
        self.world.end_mislead(fault);
    }

    /// Each poll of a task of the host costs so much virtual CPU time, of the one CPU that its process has: what becomes
    /// ready meanwhile waits in a queue. Several such faults add up, and outlive the host's processes.
    pub fn slow_down(&self, fault: u32, host: HostId, cost: Duration) {
        let cost = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self.world.slow_down(fault, host, cost);
    }

    /// What this fault cost the host it costs no more.
    pub fn end_slow_down(&self, fault: u32, host: HostId) {
        self.world.end_slow_down(fault, host);
    }

    /// The host's address.
    pub fn address(&self, host: HostId) -> IpAddr {
        self.world.address(host)
    }

    /// Starts a process on a host that runs none.
    pub fn start(&self, host: HostId) {
        self.world.start(host);
    }

    /// The process dies, and its kernel closes its sockets: peers see FIN, or RST where data was unread.
    /// Connects are refused until the host is started again.
    pub fn kill(&self, host: HostId) {
        self.world.stop(host, Down::Killed, String::new());
    }

    /// The machine dies: nothing comes from it or reaches it. Once it is started again, it answers
    /// segments of old connections with RST.
    pub fn crash(&self, host: HostId) {
        self.world.stop(host, Down::Crashed, String::new());
    }

    /// The process is not scheduled from here on; its kernel goes on. Timers that are due meanwhile fire
    /// late.
    pub fn pause(&self, host: HostId) {
        self.world.set_paused(host, true);
    }

    /// The process is scheduled again.
    pub fn resume(&self, host: HostId) {
        self.world.set_paused(host, false);
    }

    /// The host's wall clock jumps. Jumps add up, and outlive the host's processes. No timer is disturbed: they go by the
    /// monotonic clock.
    pub fn shift_clock(&self, host: HostId, shift: ClockShift) {
        self.world.shift_clock(host, shift);
    }

    /// Whether a process runs on the host.
    pub fn is_up(&self, host: HostId) -> bool {
        self.world.power(host) == Power::Up
    }

    /// Sets what differs from the network's default; later rules win.
    pub fn set_link_rules(&self, rules: Vec<LinkRule>) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.set_rules(now, rules));
    }

    /// A fault begins to act on links; several effects of one fault act together. Segments that are on their
    /// way already are not touched. Those that still wait for a link's bandwidth are: they wait as long as the
    /// link is now like.
    pub fn start_effect(&self, fault: u32, effect: Effect) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.start(now, fault, effect));
    }

    /// A fault ends, with all of its effects.
    pub fn end_effect(&self, fault: u32) {
        let now = self.world.now();
        self.world.change(|state, _| state.net.end(now, fault));
    }

    /// A fault resets the open connections that hosts of `pairs` have dialled: both ends hear of it at once.
    /// Connects in progress go on.
    pub fn reset(&self, fault: u32, pairs: &HostPairs) {
        self.world.reset(fault, pairs);
    }

    /// From now on `inject` says whether a fault is injected, whenever code of a host asks at one of its points. It is
    /// set once in a run, and may not wait for anything. Without it nothing is ever injected.
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
    /// When no process runs there, or it dies before the future has ended.
    pub async fn run_on<T, F>(&self, host: HostId, make: impl FnOnce(SimPlatform) -> F) -> Result<T, HostDown>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let process = self.world.process(host).ok_or(HostDown)?;
        // Boxed: a block that awaits what it owns holds it twice.
        let future = Box::pin(make(SimPlatform::new(self.world.clone(), process.clone())));
        let (sender, receiver) = oneshot::channel();
        task::spawn(&self.world, &process, async move {
            // Nobody waits any more: nobody to tell.
            let _ = sender.send(future.await);
        });
        receiver.await.map_err(|_| HostDown)
    }

    /// Runs a future beside the director, on no host. When it panics, so does the run.
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

    /// What processes that have ended still hold. All of it should be zero as soon as the instant of their death is
    /// over, but for tasks that are adopted.
    pub fn left_behind(&self) -> Left {
        self.world.left_behind()
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sim(at {:?})", self.now())
    }
}

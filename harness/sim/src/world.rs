//! The world of one run: hosts, sockets and the network.
//!
//! Everything runs on one thread. The locks exist because handles to the world are `Send`; none is
//! held while code of a host runs, or while a waker is woken.

mod hosts;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use squall_hermetic as hermetic;
use squall_platform::FaultPoint;
use tokio::time::Instant;

use crate::adopted::Spawned;
use crate::clock::{ClockShift, Clocks};
use crate::engine::{Effects, Engine, FlowEnds, Owner, SocketId};
use crate::host::{Host, HostId, Power, Process};
use crate::link::HostPairs;
use crate::net::{Arrival, Net};
use crate::observe::{Connection, Observer, SimEvent};
use crate::seed::{Chance, Stream};
use crate::segment::{Body, Cause, Direction, FlowId, Header, Segment};
use crate::timers::Timers;

/// Polls of tasks within one instant of virtual time after which a run counts as stuck.
const POLLS_PER_INSTANT: u64 = 1_000_000;

pub(crate) struct World {
    pub(crate) seed: u64,
    /// Something ran, or arrived, since the network was last drained.
    dirty: AtomicBool,
    now: AtomicU64,
    /// The process whose task is being polled: its host, and in the lower half its incarnation.
    current: AtomicU64,
    clocks: Clocks,
    pub(crate) timers: Timers,
    polls: AtomicU64,
    /// The host that exceeded the polls of an instant.
    stuck: AtomicU32,
    /// The message of the first panic of a task of the world.
    panic: OnceLock<String>,
    interleave: Option<Mutex<(Chance, Stream)>>,
    spawned: Spawned,
    /// The fault injector of the run.
    injector: OnceLock<Injector>,
    state: Mutex<State>,
    observer: Mutex<Box<dyn Observer>>,
    /// Woken by the runtime when every task is pending while the world is dirty.
    pub(crate) driver: Mutex<Option<Waker>>,
    /// Set by the runtime at that moment.
    pub(crate) all_pending: AtomicBool,
    start: OnceLock<Instant>,
}

/// Whether to inject a fault at this point of a host's code.
pub(crate) type Injector = Box<dyn Fn(HostId, FaultPoint<'_>) -> bool + Send + Sync>;

pub(crate) struct State {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) net: Net,
    pub(crate) hosts: Vec<Host>,
    by_name: BTreeMap<Arc<str>, HostId>,
    /// Names that are not a host's own.
    names: BTreeMap<Arc<str>, Vec<HostId>>,
    /// Overridden names, by fault; the last one wins.
    misled: Vec<(u32, Arc<str>, Vec<HostId>)>,
    /// A host that is never up, created when a name first resolves to it.
    nowhere: Option<HostId>,
    /// Processes that have ended: their tasks and sockets must be gone.
    ended: Vec<Arc<Process>>,
}

impl State {
    /// The override of a name.
    fn meaning(&self, name: &str) -> Option<&[HostId]> {
        let misled = self.misled.iter().rev().find(|(_, it, _)| **it == *name);
        let given = misled.map(|(_, _, hosts)| hosts).or_else(|| self.names.get(name));
        given.map(Vec::as_slice)
    }
}

const NOBODY: u32 = u32::MAX;

impl World {
    pub(crate) fn new(
        seed: u64,
        interleave: Chance,
        engine: Box<dyn Engine>,
        net: Net,
        observer: Box<dyn Observer>,
    ) -> Arc<Self> {
        let world = Host {
            name: "".into(),
            main: None,
            process: None,
            power: Power::Idle,
            poll_costs: Vec::new(),
            adopts: false,
        };
        Arc::new(World {
            seed,
            dirty: AtomicBool::new(false),
            now: AtomicU64::new(0),
            current: AtomicU64::new(0),
            clocks: Clocks::default(),
            timers: Timers::default(),
            polls: AtomicU64::new(0),
            stuck: AtomicU32::new(NOBODY),
            panic: OnceLock::new(),
            interleave: (interleave.numerator > 0)
                .then(|| Mutex::new((interleave, Stream::new(seed, "interleave")))),
            spawned: Spawned::default(),
            injector: OnceLock::new(),
            state: Mutex::new(State {
                engine,
                net,
                hosts: vec![world],
                by_name: BTreeMap::new(),
                names: BTreeMap::new(),
                misled: Vec::new(),
                nowhere: None,
                ended: Vec::new(),
            }),
            observer: Mutex::new(observer),
            driver: Mutex::new(None),
            all_pending: AtomicBool::new(false),
            start: OnceLock::new(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first injector stays.
    pub(crate) fn set_injector(&self, injector: Injector) {
        let _ = self.injector.set(injector);
    }

    pub(crate) fn is_injected(&self, host: HostId, point: FaultPoint<'_>) -> bool {
        self.injector.get().is_some_and(|inject| inject(host, point))
    }

    // ---- time

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The runtime's clock at the start of the run. Only within the runtime.
    pub(crate) fn start_instant(&self) -> Instant {
        *self.start.get_or_init(Instant::now)
    }

    /// `at` in nanoseconds since the start of the run; 0 for earlier times.
    pub(crate) fn nanos_at(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start_instant());
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Follows the runtime's clock, which jumps when the runtime parks.
    pub(crate) fn follow_clock(&self) {
        if let Some(start) = self.start.get() {
            self.set_now(start.elapsed().as_nanos() as u64);
        }
    }

    #[inline]
    pub(crate) fn set_now(&self, nanos: u64) {
        if nanos != self.now() {
            self.now.store(nanos, Ordering::Relaxed);
            self.polls.store(0, Ordering::Relaxed);
            hermetic::set_now(nanos);
        }
    }

    #[inline]
    pub(crate) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Relaxed)
    }

    pub(crate) fn clear_dirty(&self) {
        self.dirty.store(false, Ordering::Relaxed);
    }

    pub(crate) fn wake_driver(&self) {
        let waker = self.driver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // ---- the current process

    #[inline]
    pub(crate) fn current(&self) -> HostId {
        self.current_owner().host
    }

    /// The process whose task is being polled.
    #[inline]
    pub(crate) fn current_owner(&self) -> Owner {
        let current = self.current.load(Ordering::Relaxed);
        Owner {
            host: HostId((current >> 32) as u32),
            incarnation: current as u32,
        }
    }

    #[inline]
    pub(crate) fn set_current(&self, owner: Owner) {
        let current = u64::from(owner.host.0) << 32 | u64::from(owner.incarnation);
        self.current.store(current, Ordering::Relaxed);
        self.clocks.show(owner.host);
    }

    /// The host's wall clock jumps.
    pub(crate) fn shift_clock(&self, host: HostId, shift: ClockShift) {
        self.clocks.shift(host, shift);
        self.clocks.show(self.current());
    }

    /// Counts a poll of a task of `host`, and stops a run in which virtual time does not advance.
    #[inline]
    pub(crate) fn count_poll(&self, host: HostId) {
        self.mark_dirty();
        let polls = self.polls.load(Ordering::Relaxed) + 1;
        self.polls.store(polls, Ordering::Relaxed);
        if polls > POLLS_PER_INSTANT && self.stuck.load(Ordering::Relaxed) == NOBODY {
            self.stuck.store(host.0, Ordering::Relaxed);
            self.wake_driver();
        }
    }

    /// A task of the world panicked: the run is aborted.
    pub(crate) fn fail(&self, message: String) {
        // Only the first panic is reported.
        let _ = self.panic.set(message);
        self.mark_dirty();
    }

    pub(crate) fn panic(&self) -> Option<&String> {
        self.panic.get()
    }

    pub(crate) fn stuck(&self) -> Option<HostId> {
        let host = self.stuck.load(Ordering::Relaxed);
        (host != NOBODY).then_some(HostId(host))
    }

    /// Whether to requeue a ready task once before it is polled.
    #[inline]
    pub(crate) fn puts_back(&self) -> bool {
        self.interleave.as_ref().is_some_and(|interleave| {
            let (chance, stream) = &mut *interleave.lock().unwrap_or_else(PoisonError::into_inner);
            stream.happens(*chance)
        })
    }

    pub(crate) fn spawned(&self) -> &Spawned {
        &self.spawned
    }

    pub(crate) fn host_name(&self, host: HostId) -> Arc<str> {
        self.state().hosts[host.0 as usize].name.clone()
    }

    /// The running host, for the watchdog: never waits for a lock.
    pub(crate) fn running_host(&self) -> String {
        let host = self.current();
        match self.state.try_lock() {
            _ if host == HostId::WORLD => "(the world)".to_owned(),
            Ok(state) => state.hosts[host.0 as usize].name.to_string(),
            Err(_) => format!("#{}", host.0),
        }
    }

    pub(crate) fn observe(&self, host: HostId, event: SimEvent) {
        let name = (host != HostId::WORLD).then(|| self.host_name(host));
        self.observer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .observe(self.now(), name.as_ref(), event);
    }

    // ---- the network

    /// Applies `change` to sockets and network, then wakes tasks and notifies observers.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State, &mut Effects) -> R) -> R {
        let mut effects = Effects::default();
        let (result, touched) = {
            let mut state = self.state();
            let result = change(&mut state, &mut effects);
            for (ends, _) in &effects.closed {
                state.net.closed(ends.flow);
            }
            (result, std::mem::take(&mut state.net.touched))
        };
        for waker in effects.wakers {
            waker.wake();
        }
        for touched in touched {
            let event = SimEvent::Touched {
                touch: touched.touch,
                flow: touched.flow,
                from: self.host_name(touched.from),
                to: self.host_name(touched.to),
                bytes: touched.bytes,
                faults: touched.faults,
            };
            self.observe(HostId::WORLD, event);
        }
        for ends in effects.opened {
            self.observe(HostId::WORLD, SimEvent::Opened(self.connection(ends)));
        }
        for (ends, how) in effects.closed {
            self.observe(HostId::WORLD, SimEvent::Closed(self.connection(ends), how));
        }
        result
    }

    fn connection(&self, ends: FlowEnds) -> Connection {
        Connection {
            flow: ends.flow.number,
            from: self.host_name(ends.client),
            to: self.host_name(ends.server),
        }
    }

    /// When the next segment arrives or the next exact timer fires.
    pub(crate) fn next(&self) -> Option<u64> {
        let arrival = self.state().net.next();
        arrival.into_iter().chain(self.timers.next()).min()
    }

    /// Processes what is due at this instant: segments arrive, then timers fire.
    pub(crate) fn do_due(&self) {
        self.deliver_due();
        let mut wakers = Vec::new();
        self.timers.take_due(self.now(), &mut wakers);
        if !wakers.is_empty() {
            self.mark_dirty();
        }
        for waker in wakers {
            waker.wake();
        }
    }

    fn deliver_due(&self) {
        let now = self.now();
        if self.state().net.next().is_none_or(|at| at > now) {
            return;
        }
        self.change(|state, effects| {
            while let Some(arrival) = state.net.pop(now) {
                match arrival {
                    Arrival::Segment(segment) => {
                        if let Some(capture) = &mut state.net.capture {
                            capture.arrival(now, &segment, state.engine.addresses(segment.flow));
                        }
                        if let Some(segment) = state.engine.deliver(segment, effects) {
                            state.net.bounce(now, segment);
                        }
                    }
                    Arrival::Refused(connect) => state.engine.refuse(connect),
                    Arrival::GiveUp {
                        flow,
                        direction,
                        resets,
                    } => {
                        if !state.engine.give_up(flow, direction, effects) {
                            continue;
                        }
                        match resets {
                            Some((from, to)) => state.net.send(now, farewell(flow, direction, from, to)),
                            // Its peer detects it by a probe.
                            None => state.net.expect_probe(now, flow, direction),
                        }
                    }
                    Arrival::Answer(flow, at) => state.engine.answer(flow, at, effects),
                    Arrival::Nothing => {}
                }
            }
        });
        self.mark_dirty();
    }

    /// Passes what hosts have written to the network.
    pub(crate) fn drain(&self, buffer: &mut Vec<Segment>) {
        let now = self.now();
        self.change(|state, _| {
            state.engine.drain(buffer);
            for segment in buffer.drain(..) {
                state.net.send(now, segment);
            }
        });
    }

    /// A fault resets open connections dialled by hosts of `pairs`.
    pub(crate) fn reset(&self, fault: u32, pairs: &HostPairs) {
        self.change(|state, effects| {
            for ends in state.engine.reset(pairs, effects) {
                state.net.forget(ends.flow, &[fault], (ends.client, ends.server));
            }
        });
        self.mark_dirty();
    }

    /// Starts to open a connection, with a window that fills its links.
    pub(crate) fn connect(&self, owner: Owner, to: HostId, port: u16) -> io::Result<SocketId> {
        let mut state = self.state();
        let socket = state.engine.connect(owner, to, port)?;
        if let Some(pipe) = state.net.pipe(owner.host, to) {
            state.engine.fit(socket, pipe);
        }
        drop(state);
        self.mark_dirty();
        Ok(socket)
    }

    /// Drops all references back to the world, once the run is over.
    pub(crate) fn dissolve(&self, engine: Box<dyn Engine>) {
        *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.timers.clear();
        let mut state = self.state();
        let engine = std::mem::replace(&mut state.engine, engine);
        let mains: Vec<_> = state.hosts.iter_mut().map(|host| host.main.take()).collect();
        drop(state);
        drop((engine, mains));
    }

    /// From here on there is no observer.
    pub(crate) fn blindfold(&self) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(crate::observe::Blind);
    }
}

/// The reset by which a kernel aborts a connection.
fn farewell(flow: FlowId, direction: Direction, from: HostId, to: HostId) -> Segment {
    Segment {
        flow,
        direction,
        from,
        to,
        header: Header::default(),
        order: 0,
        body: Body::Reset(Cause::Close),
    }
}

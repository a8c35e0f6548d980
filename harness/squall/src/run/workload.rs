//! The calls of a plan's workloads.

mod ended;
mod request;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use squall_engine::pipeline::Pipeline;
use squall_router::Message;
use squall_sim::{HostId, Sim, Stream};
use squall_value::CValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::ended::Ended;
use self::request::{Content, Request};
use super::Front;
use super::behalf::OnBehalfOf;
use super::fleet::Fleet;
use super::recorder::Recorder;
use super::services::Sites;
use super::world::World;
use crate::journal::{Event, Id, Outcome};
use crate::plan::{Arrival, Plan, Service, Target, Workload};

/// How far apart calls are that are made to see whether all have recovered.
pub(super) const BETWEEN_PROBES: Duration = Duration::from_millis(100);

/// All calls of a run. Clones are the same calls.
#[derive(Clone)]
pub(super) struct Calls(Arc<Shared>);

struct Shared {
    sim: Sim,
    plan: Arc<Plan>,
    start: Instant,
    places: Places,
    front: Arc<dyn Front>,
    recorder: Recorder,
    /// By workload.
    prepared: Vec<Prepared>,
    traces: Mutex<Stream>,
    next_call: AtomicU64,
    /// Workloads that still start calls, and calls that have not ended.
    busy: AtomicU64,
    ended: Notify,
}

/// What runs where calls start.
pub(super) struct Places {
    pub(super) world: World,
    pub(super) fleet: Fleet,
    pub(super) services: Sites,
}

impl Calls {
    pub(super) fn new(
        sim: &Sim,
        plan: &Arc<Plan>,
        start: Instant,
        places: Places,
        front: Arc<dyn Front>,
        recorder: &Recorder,
    ) -> Self {
        Calls(Arc::new(Shared {
            sim: sim.clone(),
            plan: plan.clone(),
            start,
            front,
            recorder: recorder.clone(),
            prepared: prepare(sim, plan, &places.fleet),
            places,
            traces: Mutex::new(Stream::new(plan.seed, "workload")),
            next_call: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            ended: Notify::new(),
        }))
    }

    /// Starts every workload.
    pub(super) fn start_all(&self) {
        for (index, workload) in self.0.plan.workloads.iter().enumerate() {
            match workload.arrival {
                Arrival::Open { calls, per } => self.spawn(self.clone().open_loop(index, calls, per)),
                Arrival::Closed { clients, think } => {
                    let budget = Arc::new(AtomicU64::new(workload.limit.unwrap_or(u64::MAX)));
                    for client in 0..clients {
                        self.spawn(self.clone().closed_loop(index, client, think, budget.clone()));
                    }
                }
            }
        }
    }

    /// Makes so many calls more for each place where calls of a workload start.
    pub(super) async fn probe(&self, count: u32) {
        for turn in 0..u64::from(count) {
            for (index, prepared) in self.0.prepared.iter().enumerate() {
                let sources = prepared.from.len() as u64;
                for source in 0..sources {
                    let calls = self.clone();
                    self.spawn(async move { calls.call(index, turn * sources + source).await });
                }
            }
            self.0.sim.sleep(BETWEEN_PROBES).await;
        }
    }

    /// Waits until every workload is done and every call has ended.
    pub(super) async fn all_ended(&self) {
        while self.0.busy.load(Ordering::Relaxed) > 0 {
            self.0.ended.notified().await;
        }
    }

    /// Runs something that [`Calls::all_ended`] waits for.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // Boxed: a block that awaits what it owns holds it twice.
        let future = Box::pin(future);
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        let shared = self.0.clone();
        self.0.sim.spawn(async move {
            future.await;
            shared.busy.fetch_sub(1, Ordering::Relaxed);
            shared.ended.notify_one();
        });
    }

    /// One call each interval, however long the calls take.
    async fn open_loop(self, index: usize, calls: u64, per: Duration) {
        let shared = self.0.clone();
        let workload = &shared.plan.workloads[index];
        for turn in 0..workload.limit.unwrap_or(u64::MAX) {
            let nanos = per.as_nanos() * u128::from(turn) / u128::from(calls.max(1));
            let at = workload.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            if at >= workload.end {
                return;
            }
            shared.sim.sleep_until(shared.start + at).await;
            let calls = self.clone();
            self.spawn(async move { calls.call(index, turn).await });
        }
    }

    /// One client with one call at a time.
    async fn closed_loop(self, index: usize, client: u32, think: Duration, budget: Arc<AtomicU64>) {
        let shared = self.0.clone();
        let workload = &shared.plan.workloads[index];
        shared.sim.sleep_until(shared.start + workload.start).await;
        while shared.start.elapsed() < workload.end {
            let left = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if left.is_err() {
                return;
            }
            let before = Instant::now();
            self.call(index, u64::from(client)).await;
            if !think.is_zero() {
                shared.sim.sleep(think).await;
            } else if before.elapsed().is_zero() {
                // An answer that took no time: without a pause, virtual time would stand still for ever.
                shared.sim.sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// One call from start to end.
    async fn call(&self, index: usize, turn: u64) {
        let shared = &*self.0;
        let prepared = &shared.prepared[index];
        let call = shared.next_call.fetch_add(1, Ordering::Relaxed);
        let from = &prepared.from[(turn % prepared.from.len() as u64) as usize];
        let Some(host) = from.host else { return };
        let timeout = from.timeout;
        let trace = self.trace();
        let request = prepared.content.request(&prepared.to, trace, call);
        let (bytes, digest) = request.size_and_digest();
        shared.recorder.record_on(
            &from.name,
            Event::CallStarted {
                call,
                workload: index as u32,
                to: prepared.to.clone(),
                trace: Id(trace as u64),
                timeout: timeout.as_nanos() as u64,
                bytes,
                digest,
            },
        );
        let ended = match request {
            _ if !shared.sim.is_up(host) => {
                Ended::broken(Outcome::Failed, "source_down", "where the call starts is down")
            }
            Request::Message(message) => self.send(host, message, timeout).await,
            Request::Input(input) => {
                let name = prepared.to.clone();
                self.call_module(host, Id(trace as u64), (name, input), timeout)
                    .await
            }
            Request::Client(name, payload) => {
                self.ask(host, (call, Id(trace as u64)), (name, payload), timeout)
                    .await
            }
            Request::Program(program, input) => {
                self.run_program(host, Id(trace as u64), (program, input), timeout)
                    .await
            }
        };
        shared.recorder.record_on(&from.name, ended.into_event(call));
    }

    fn trace(&self) -> u128 {
        let mut traces = self.0.traces.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(traces.bits()) << 64) | u128::from(traces.bits().max(1))
    }

    /// Gives a message to the scheduler of the module where the call starts.
    async fn send(&self, host: HostId, message: Message, timeout: Duration) -> Ended {
        let shared = self.0.clone();
        let message = message.timeout(timeout);
        let world = shared.places.world.clone();
        let front = shared.front.clone();
        let result = shared
            .sim
            .run_on(host, move |platform| async move {
                let incarnation = platform.incarnation();
                let module = loop {
                    match world.module(host, incarnation) {
                        Some(module) => break module,
                        // The process has just started, and has not set its module up yet.
                        None => tokio::task::yield_now().await,
                    }
                };
                // The scheduler's own timer covers calls to other modules only.
                let call = front.handle(module.scheduler(), message);
                tokio::time::timeout(timeout, call).await
            })
            .await;
        Ended::after(result, Ended::of_message)
    }

    /// Calls a module of the provider protocol from the manager where the call starts.
    async fn call_module(
        &self,
        host: HostId,
        trace: Id,
        (name, input): (Arc<str>, CValue),
        timeout: Duration,
    ) -> Ended {
        let shared = self.0.clone();
        let fleet = shared.places.fleet.clone();
        let result = shared
            .sim
            .run_on(host, move |platform| async move {
                let call = fleet.call(&platform, name, input, timeout);
                // The manager has a timer of its own, too. But a module of its own process could block it.
                tokio::time::timeout(timeout, OnBehalfOf::new(trace, call)).await
            })
            .await;
        Ended::after(result, Ended::of_module)
    }

    /// Has a client make a call, on the host of a service.
    async fn ask(
        &self,
        host: HostId,
        call: (u64, Id),
        request: (Arc<str>, serde_json::Value),
        timeout: Duration,
    ) -> Ended {
        let shared = self.0.clone();
        let services = shared.places.services.clone();
        let result = shared
            .sim
            .run_on(host, move |platform| async move {
                let calling = services.call(platform, request, call, timeout);
                tokio::time::timeout(timeout, calling).await
            })
            .await;
        Ended::after(result, Ended::of_client)
    }

    /// Runs a program at the manager where the call starts.
    async fn run_program(
        &self,
        host: HostId,
        trace: Id,
        (program, input): (Arc<Pipeline>, CValue),
        timeout: Duration,
    ) -> Ended {
        let shared = self.0.clone();
        let fleet = shared.places.fleet.clone();
        let result = shared
            .sim
            .run_on(host, move |platform| async move {
                let run = fleet.run(&platform, &program, input, timeout);
                tokio::time::timeout(timeout, OnBehalfOf::new(trace, run)).await
            })
            .await;
        Ended::after(result, Ended::of_module)
    }
}

/// What all calls of one workload have in common, worked out once.
struct Prepared {
    from: Vec<Source>,
    to: Arc<str>,
    content: Content,
}

/// Where calls start.
struct Source {
    name: Arc<str>,
    /// None when the topology has no such host.
    host: Option<HostId>,
    timeout: Duration,
}

fn prepare(sim: &Sim, plan: &Plan, fleet: &Fleet) -> Vec<Prepared> {
    let hosts = plan.topology.hosts();
    let timeouts: BTreeMap<_, _> = hosts.map(|(name, module)| (name, module.call_timeout)).collect();
    let usual = |name: &str| timeouts.get(name).copied().or_else(|| fleet.call_timeout(name));
    let of_client = |workload: &Workload| matches!(workload.target, Target::Client { .. });
    let source = |name: &String, workload: &Workload| Source {
        name: name.as_str().into(),
        host: sim.host(name),
        timeout: match workload.timeout.or_else(|| usual(name)) {
            None if of_client(workload) => Service::CALL_TIMEOUT,
            timeout => timeout.unwrap_or_default(),
        },
    };
    let prepare = |workload: &Workload| Prepared {
        from: workload.from.iter().map(|name| source(name, workload)).collect(),
        to: workload.target.to_string().into(),
        content: Content::of(&workload.target),
    };
    plan.workloads.iter().map(prepare).collect()
}

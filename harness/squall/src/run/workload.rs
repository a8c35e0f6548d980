//! The calls of a plan's workloads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use squall_router::{ContentType, Error, Message, Payload};
use squall_sim::{HostId, Sim, Stream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use xxhash_rust::xxh3::xxh3_64;

use super::Front;
use super::recorder::Recorder;
use super::world::World;
use crate::journal::{Event, Id, Outcome};
use crate::plan::{Arrival, Plan, Target, Workload};

/// What a string in a payload may hold to make every call's payload its own.
const CALL_NUMBER: &str = "{call}";

/// All calls of a run. Clones are the same calls.
#[derive(Clone)]
pub(super) struct Calls(Arc<Shared>);

struct Shared {
    sim: Sim,
    plan: Arc<Plan>,
    start: Instant,
    world: World,
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

impl Calls {
    pub(super) fn new(
        sim: &Sim,
        plan: &Arc<Plan>,
        start: Instant,
        world: World,
        front: Arc<dyn Front>,
        recorder: &Recorder,
    ) -> Self {
        Calls(Arc::new(Shared {
            sim: sim.clone(),
            plan: plan.clone(),
            start,
            world,
            front,
            recorder: recorder.clone(),
            prepared: prepare(sim, plan),
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
            sleep_until(shared.start + at).await;
            let calls = self.clone();
            self.spawn(async move { calls.call(index, turn).await });
        }
    }

    /// One client with one call at a time.
    async fn closed_loop(self, index: usize, client: u32, think: Duration, budget: Arc<AtomicU64>) {
        let shared = self.0.clone();
        let workload = &shared.plan.workloads[index];
        sleep_until(shared.start + workload.start).await;
        while shared.start.elapsed() < workload.end {
            let left = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if left.is_err() {
                return;
            }
            let before = Instant::now();
            self.call(index, u64::from(client)).await;
            if !think.is_zero() {
                sleep(think).await;
            } else if before.elapsed().is_zero() {
                // An answer that took no time: without a pause, virtual time would stand still for ever.
                sleep(Duration::from_millis(1)).await;
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
        let message = self.message(prepared, call);
        shared.recorder.record_on(
            &from.name,
            Event::CallStarted {
                call,
                workload: index as u32,
                to: message.to.clone(),
                trace: Id(message.context.trace as u64),
                timeout: timeout.as_nanos() as u64,
                bytes: message.data.len() as u64,
                digest: Id(xxh3_64(message.data.bytes())),
            },
        );
        let ended = self.execute(host, message, timeout).await;
        shared.recorder.record_on(&from.name, ended.into_event(call));
    }

    fn message(&self, prepared: &Prepared, call: u64) -> Message {
        let text = match &prepared.payload {
            Text::Fixed(text) => text.clone(),
            Text::Numbered(text) => text.replace(CALL_NUMBER, &call.to_string()).into(),
        };
        let trace = {
            let mut traces = self.0.traces.lock().unwrap_or_else(PoisonError::into_inner);
            (u128::from(traces.bits()) << 64) | u128::from(traces.bits().max(1))
        };
        Message::new(prepared.to.clone(), Payload::new(text, ContentType::Json)).trace(trace)
    }

    async fn execute(&self, host: HostId, message: Message, timeout: Duration) -> Ended {
        let shared = self.0.clone();
        if !shared.sim.is_up(host) {
            return Ended::broken(
                Outcome::Failed,
                "source_down",
                "the module where the call starts is down",
            );
        }
        let message = message.timeout(timeout);
        let world = shared.world.clone();
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
        match result {
            Ok(Ok(result)) => Ended::of(result),
            Ok(Err(_)) => Ended::broken(Outcome::Unknown, "timeout", "the call timed out"),
            Err(_) => Ended::broken(
                Outcome::Unknown,
                "caller_died",
                "the module where the call started went down",
            ),
        }
    }
}

/// What all calls of one workload have in common, worked out once.
struct Prepared {
    from: Vec<Source>,
    to: Arc<str>,
    payload: Text,
}

/// JSON.
enum Text {
    /// The same for all calls.
    Fixed(Bytes),
    /// Holds [`CALL_NUMBER`].
    Numbered(String),
}

/// Where calls start.
struct Source {
    name: Arc<str>,
    /// None when the topology has no such host.
    host: Option<HostId>,
    timeout: Duration,
}

fn prepare(sim: &Sim, plan: &Plan) -> Vec<Prepared> {
    let hosts = plan.topology.hosts();
    let timeouts: BTreeMap<_, _> = hosts.map(|(name, module)| (name, module.call_timeout)).collect();
    let source = |name: &String, workload: &Workload| Source {
        name: name.as_str().into(),
        host: sim.host(name),
        timeout: workload
            .timeout
            .or_else(|| timeouts.get(name.as_str()).copied())
            .unwrap_or_default(),
    };
    let prepare = |workload: &Workload| {
        let text = match &workload.target {
            Target::Port { payload, .. } => payload.to_string(),
            Target::Module { .. } => String::new(),
        };
        Prepared {
            from: workload.from.iter().map(|name| source(name, workload)).collect(),
            to: workload.target.to_string().into(),
            payload: if text.contains(CALL_NUMBER) {
                Text::Numbered(text)
            } else {
                Text::Fixed(text.into())
            },
        }
    };
    plan.workloads.iter().map(prepare).collect()
}

/// How a call ended.
struct Ended {
    outcome: Outcome,
    class: Arc<str>,
    error: Arc<str>,
    bytes: u64,
    digest: Id,
}

impl Ended {
    fn broken(outcome: Outcome, class: &str, error: &str) -> Self {
        Ended {
            outcome,
            class: class.into(),
            error: error.into(),
            bytes: 0,
            digest: Id::NONE,
        }
    }

    fn of(result: Result<Option<Payload>, Error>) -> Self {
        match result {
            Ok(value) => {
                let bytes = value.as_ref().map_or(0, Payload::len) as u64;
                let digest = value
                    .as_ref()
                    .map_or(Id::NONE, |value| Id(xxh3_64(value.bytes())));
                Ended {
                    outcome: Outcome::Ok,
                    class: "".into(),
                    error: "".into(),
                    bytes,
                    digest,
                }
            }
            Err(error) => {
                let outcome = match error.outcome() {
                    squall_router::Outcome::Failed => Outcome::Failed,
                    squall_router::Outcome::Unknown => Outcome::Unknown,
                };
                Ended::broken(outcome, error.class(), &error.to_string())
            }
        }
    }

    fn into_event(self, call: u64) -> Event {
        let Ended {
            outcome,
            class,
            error,
            bytes,
            digest,
        } = self;
        Event::CallEnded {
            call,
            outcome,
            class,
            error,
            bytes,
            digest,
        }
    }
}

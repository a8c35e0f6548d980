//! The calls of a plan's workloads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use squall_sim::{HostDown, HostId, Sim, Stream};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::recorder::Recorder;
use crate::hosting::Systems;
use crate::journal::{Event, Id, Outcome};
use crate::plan::{Arrival, Plan, Workload};
use crate::target::{Ended, Prepared};

/// The interval between the calls that show recovery.
pub(super) const BETWEEN_PROBES: Duration = Duration::from_millis(100);

/// All calls of a run. Clones share them.
#[derive(Clone)]
pub(super) struct Calls(Arc<Shared>);

struct Shared {
    sim: Sim,
    plan: Arc<Plan>,
    start: Instant,
    recorder: Recorder,
    /// By workload.
    streams: Vec<Calling>,
    traces: Mutex<Stream>,
    next_call: AtomicU64,
    /// The number of workloads that still start calls, plus calls without an end.
    busy: AtomicU64,
    ended: Notify,
}

impl Calls {
    pub(super) fn new(
        sim: &Sim,
        plan: &Arc<Plan>,
        start: Instant,
        systems: &Systems,
        recorder: &Recorder,
    ) -> Self {
        Calls(Arc::new(Shared {
            sim: sim.clone(),
            plan: plan.clone(),
            start,
            recorder: recorder.clone(),
            streams: streams(sim, plan, systems),
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

    /// Makes `count` more calls for each source of a workload's calls.
    pub(super) async fn probe(&self, count: u32) {
        for turn in 0..u64::from(count) {
            for (index, stream) in self.0.streams.iter().enumerate() {
                let sources = stream.from.len() as u64;
                for source in 0..sources {
                    let calls = self.clone();
                    self.spawn(async move { calls.call(index, turn * sources + source).await });
                }
            }
            self.0.sim.sleep(BETWEEN_PROBES).await;
        }
    }

    /// Waits until all workloads are done and all calls have ended.
    pub(super) async fn all_ended(&self) {
        while self.0.busy.load(Ordering::Relaxed) > 0 {
            self.0.ended.notified().await;
        }
    }

    /// Runs a future that [`Calls::all_ended`] waits for.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // Boxed: a block that awaits a value it owns stores it twice.
        let future = Box::pin(future);
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        let shared = self.0.clone();
        self.0.sim.spawn(async move {
            future.await;
            shared.busy.fetch_sub(1, Ordering::Relaxed);
            shared.ended.notify_one();
        });
    }

    /// One call per interval, regardless of how long calls take.
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
                // The response took no time: without a pause, virtual time would never advance.
                shared.sim.sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// One call from start to end.
    async fn call(&self, index: usize, turn: u64) {
        let shared = &*self.0;
        let stream = &shared.streams[index];
        let call = shared.next_call.fetch_add(1, Ordering::Relaxed);
        let from = &stream.from[(turn % stream.from.len() as u64) as usize];
        let (Some(host), Some(prepared)) = (from.host, &stream.prepared) else {
            return;
        };
        let timeout = from.timeout;
        let trace = self.trace();
        let request = prepared.request(call, trace);
        shared.recorder.record_on(
            &from.name,
            Event::CallStarted {
                call,
                workload: index as u32,
                to: stream.to.clone(),
                trace: Id(trace as u64),
                timeout: timeout.as_nanos() as u64,
                bytes: request.bytes,
                digest: request.digest,
            },
        );
        let ended = if shared.sim.is_up(host) {
            let make = request.make;
            // A timer of our own around the whole call: one inside may cover less.
            // It starts when the host first polls the call, so on a paused host it starts late.
            let made = shared.sim.run_on(host, move |platform| async move {
                tokio::time::timeout(timeout, make(platform, timeout)).await
            });
            ended(made.await)
        } else {
            Ended::broken(Outcome::Failed, "source_down", "where the call starts is down")
        };
        shared.recorder.record_on(&from.name, event(call, ended));
    }

    fn trace(&self) -> u128 {
        let mut traces = self.0.traces.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(traces.bits()) << 64) | u128::from(traces.bits().max(1))
    }
}

/// The end of a call that ran on a host, with a timer around it.
fn ended(result: Result<Result<Ended, Elapsed>, HostDown>) -> Ended {
    match result {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => Ended::broken(Outcome::Unknown, "timeout", "the call timed out"),
        Err(_) => Ended::broken(
            Outcome::Unknown,
            "caller_died",
            "where the call started went down",
        ),
    }
}

fn event(call: u64, ended: Ended) -> Event {
    let Ended {
        outcome,
        class,
        error,
        bytes,
        digest,
    } = ended;
    Event::CallEnded {
        call,
        outcome,
        class,
        error,
        bytes,
        digest,
    }
}

/// A workload, prepared for its calls.
struct Calling {
    from: Vec<Source>,
    to: Arc<str>,
    /// `None` if the run has no system with such targets.
    prepared: Option<Box<dyn Prepared>>,
}

/// The source hosts.
struct Source {
    name: Arc<str>,
    /// `None` if the topology has no such host.
    host: Option<HostId>,
    timeout: Duration,
}

fn streams(sim: &Sim, plan: &Plan, systems: &Systems) -> Vec<Calling> {
    let timeouts: BTreeMap<_, _> = plan.topology.call_timeouts().collect();
    let source = |name: &String, workload: &Workload| Source {
        name: name.as_str().into(),
        host: sim.host(name),
        timeout: workload
            .timeout
            .or_else(|| timeouts.get(name.as_str()).copied())
            .unwrap_or_default(),
    };
    let calling = |workload: &Workload| Calling {
        from: workload.from.iter().map(|name| source(name, workload)).collect(),
        to: workload.target.text().into(),
        prepared: workload.target.prepare(systems),
    };
    plan.workloads.iter().map(calling).collect()
}

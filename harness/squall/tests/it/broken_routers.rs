//! The alarms work: for each oracle there is a router that breaks its promise, and that oracle alone tells of it.
//!
//! What is broken stands in the router's way, as a `Front` before the scheduler, as a component, as options that no
//! deployment should have, or as somebody who tells modules what is not so. Where nothing can stand in its way, it is what the
//! router says that is broken. Beside each runs the same without it, which
//! must break nothing: else the oracle would tell of the scenario.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::topology_with;
use squall::file::scenario_from_str;
use squall::journal::{Entry, Event, Handling, RouterEvent};
use squall::oracle;
use squall::plan::Plan;
use squall::router::{
    Component, ComponentError, Error, Input, Message, Outcome, Output, Payload, RetryPolicy, Scheduler,
    async_trait,
};
use squall::verdict::{self, Judged};
use squall::{Front, Harness, NoSettings};
use squall_events::router::{HopEnded, HopStarted};
use squall_sim::SimPlatform;
use tokio::sync::oneshot;

type Answer = Result<Option<Payload>, Error>;

/// They have no router to catch: see `broken_fleets.rs`.
const OF_PROVIDERS: [&str; 5] = ["silent provider", "one owner", "fair", "right provider", "canary"];

/// Oracles about actors. `ci/mutants` breaks the cluster for each of them.
const OF_ACTORS: [&str; 2] = ["ordered", "told"];

const TOPOLOGY: &str = r#"
    name = "small"
    [network]
    latency = "2ms"
    [module.front.node.home]
    component = "echo"
    settings = { delay = "50ms" }
    [module.front.node.slow]
    component = "echo"
    settings = { delay = "3s" }
    [module.front.node.door]
    component = "door"
    edges = [{ port = "out", to = "n.in" }]
    [module.front.node.hasty]
    component = "impatient"
    settings = { for = "100ms" }
    edges = [{ port = "out", to = "lag.in" }]
    [module.front.node.round]
    component = "forward"
    edges = [{ port = "out", to = "trip.in" }]
    [module.back]
    replicas = 2
    [module.back.node.n]
    component = "echo"
    settings = { delay = "20ms" }
    [module.back.node.m]
    component = "echo"
    [module.back.node.lag]
    component = "echo"
    settings = { delay = "1s" }
    [module.back.node.trip]
    component = "forward"
    edges = [{ port = "out", to = "round.in" }]
"#;

/// Passes on what it gets: what the broken one stands in for.
struct Door {
    waits: bool,
}

#[async_trait]
impl Component for Door {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        if self.waits {
            return Ok(output.emit("out", input.data).await?);
        }
        let (later, data) = (output.clone(), input.data);
        drop(output.spawn(async move {
            drop(later.emit("out", data).await);
        }));
        Ok(None)
    }
}

fn harness(waits: bool) -> Harness {
    Harness::new().component("door", move |_: NoSettings| Ok(Door { waits }))
}

/// Ten calls a second to `to` for half a minute, and what else the file says.
fn plan(to: &str, faults: &str) -> Plan {
    let harness = harness(true);
    let topology = topology_with(TOPOLOGY, &harness.component_names());
    let text = format!(
        r#"
        name = "broken"
        topology = "in this test"
        duration = "60s"
        [[workload]]
        name = "calls"
        from = "front"
        to = "{to}"
        rate = "10/s"
        timeout = "2s"
        payload = {{ call = "{{call}}" }}
        {faults}
        "#
    );
    match scenario_from_str("broken.toml", &text, Arc::new(topology)) {
        Ok(scenario) => scenario.plan(Some(11)),
        Err(report) => panic!("{}", squall::file::render(&report, false, 100)),
    }
}

/// The oracles that have been seen to tell of something.
static PROVEN: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

/// What each oracle says.
fn oracles(harness: &Harness, plan: Plan) -> Vec<Judged> {
    let run = harness.run(plan).expect("the run ends");
    run.judge().verdict().oracles.clone()
}

fn broken(oracles: &[Judged]) -> Vec<&str> {
    let broken = oracles.iter().filter(|oracle| !oracle.held);
    broken.map(|oracle| oracle.name.as_str()).collect()
}

/// A scheduler breaks this promise and no other one; without what breaks it none is broken, and not because the oracle
/// had nothing to judge.
#[track_caller]
fn assert_caught(oracle: &'static str, sound: &Harness, unsound: &Harness, plan: Plan) {
    let without = oracles(sound, plan.clone());
    assert_eq!(broken(&without), Vec::<&str>::new(), "without it");
    let has_judged = |judged: &&Judged| judged.name == oracle && judged.judged > Some(0);
    assert!(
        without.iter().any(|judged| has_judged(&judged)),
        "{oracle} had nothing to judge"
    );
    assert_eq!(broken(&oracles(unsound, plan)), [oracle]);
    PROVEN.lock().expect("no test panics with it").insert(oracle);
}

/// The same of a router in whose way nothing can stand: of a run without any fault of its own, this change of the journal
/// is what it would say if it broke this promise.
#[track_caller]
fn assert_told(oracle: &'static str, plan: Plan, change: impl FnMut(&mut Entry)) {
    let mut run = harness(true).run(plan).expect("the run ends");
    let without = verdict::judge(&run.plan, &run.journal).oracles;
    assert_eq!(broken(&without), Vec::<&str>::new(), "without it");
    run.journal.entries.iter_mut().for_each(change);
    let with = verdict::judge(&run.plan, &run.journal).oracles;
    assert_eq!(broken(&with), [oracle]);
    PROVEN.lock().expect("no test panics with it").insert(oracle);
}

const FEWER: &str = r#"
    [[fault]]
    name = "fewer"
    at = "5s"
    for = "10s"
    announce = { module = "back", hosts = "back-1", late = "1s" }
"#;

const DEAF: &str = r#"
    [[fault]]
    name = "deaf"
    at = "5s"
    for = "1s"
    partition = { from = "back", to = "front" }
"#;

const DOWN: &str = r#"
    [[fault]]
    name = "down"
    at = "5s"
    for = "2s"
    kill = { hosts = "back" }
"#;

/// A front that is a function.
struct With<F>(F);

#[async_trait]
impl<F, T> Front for With<F>
where
    F: Fn(Scheduler<SimPlatform>, Message) -> T + Send + Sync + 'static,
    T: Future<Output = Answer> + Send,
{
    async fn handle(&self, scheduler: &Scheduler<SimPlatform>, message: Message) -> Answer {
        (self.0)(scheduler.clone(), message).await
    }
}

/// True for one call in twenty.
fn now_and_then() -> impl Fn() -> bool {
    let calls = AtomicU64::new(0);
    move || calls.fetch_add(1, Ordering::Relaxed) % 20 == 19
}

fn ends_once() {
    // Says of a hop that has ended that it ended.
    let stutter = With(|scheduler: Scheduler<SimPlatform>, message: Message| async move {
        let answer = scheduler.handle(message).await;
        HopEnded::say(|| HopEnded {
            span: 7,
            outcome: "ok".into(),
            status: "ok".into(),
            peer: "back-0:50051".into(),
            at_transport: false,
            error: "".into(),
            bytes: 0,
            digest: 0,
        });
        answer
    });
    let broken = harness(true).front(stutter);
    assert_caught("ends once", &harness(true), &broken, plan("n.in", ""));
}

fn deadline() {
    let hasty = With(
        |scheduler: Scheduler<SimPlatform>, mut message: Message| async move {
            message.timeout = Some(Duration::from_millis(30));
            scheduler.handle(message).await
        },
    );
    let broken = harness(true).front(hasty);
    assert_caught("deadline", &harness(true), &broken, plan("home.in", ""));
}

fn right_place() {
    let astray = now_and_then();
    let misrouting = With(move |scheduler: Scheduler<SimPlatform>, mut message: Message| {
        if astray() {
            message.to = "m.in".into();
        }
        async move { scheduler.handle(message).await }
    });
    let broken = harness(true).front(misrouting);
    assert_caught("right place", &harness(true), &broken, plan("n.in", ""));
}

fn executed() {
    // Eight callers share one idempotency key: two replicas execute one of them each, and answer the others with that.
    let calls = AtomicU64::new(0);
    let sharing = With(move |scheduler: Scheduler<SimPlatform>, mut message: Message| {
        let key = calls.fetch_add(1, Ordering::Relaxed) / 8;
        message.context.key = Some(key.to_string().into());
        async move { scheduler.handle(message).await }
    });
    let broken = harness(true).front(sharing);
    assert_caught("executed", &harness(true), &broken, plan("n.in", ""));
}

fn converges() {
    // Told by hand where `back` runs, the pool does not follow what is said of it later.
    let broken = harness(true).prepare(|module| {
        let hosts = ["back-0:50051", "back-1:50051"].map(|host| host.parse().expect("an authority"));
        module.register("back", hosts.into());
    });
    assert_caught("converges", &harness(true), &broken, plan("n.in", FEWER));
}

fn payload() {
    let garbling = With(
        |scheduler: Scheduler<SimPlatform>, mut message: Message| async move {
            message.data = Payload::from_json(&serde_json::json!({ "call": "another" }));
            scheduler.handle(message).await
        },
    );
    let broken = harness(true).front(garbling);
    assert_caught("payload", &harness(true), &broken, plan("n.in", ""));
}

fn budget() {
    // It does not take over what time its call has.
    let generous = With(
        |scheduler: Scheduler<SimPlatform>, mut message: Message| async move {
            (message.timeout, message.context.deadline) = (None, None);
            scheduler.handle(message).await
        },
    );
    let broken = harness(true).front(generous);
    assert_caught("budget", &harness(true), &broken, plan("n.in", ""));
}

fn abandoned() {
    // A server that does not pass on that its caller gave up.
    assert_told("abandoned", plan("hasty.in", ""), |entry| {
        if matches!(
            &entry.event,
            Event::HandleEnded {
                how: Handling::Dropped,
                ..
            }
        ) && &*entry.host != "front"
        {
            entry.at += 500_000_000;
        }
    });
}

fn dismissed() {
    // A pool that forgets the endpoint, and not its connection.
    assert_told("dismissed", plan("n.in", FEWER), |entry| {
        let window = 5_000_000_000..15_000_000_000;
        if matches!(entry.event, Event::ConnectionClosed { .. }) && window.contains(&entry.at) {
            entry.at += 4_000_000_000;
        }
    });
}

fn turns() {
    // A pool that prefers the first of its endpoints.
    let mut hops = 0;
    assert_told("turns", plan("n.in", ""), |entry| {
        if let Event::HopEnded { peer, .. } = &mut entry.event {
            hops += 1;
            if hops % 4 == 0 {
                *peer = "back-0:50051".into();
            }
        }
    });
}

fn dials() {
    // A pool that dials for each call.
    assert_told("dials", plan("n.in", DOWN), |entry| {
        if let Some(RouterEvent::Endpoint { state, .. }) = entry.event.get_mut()
            && &**state == "backoff"
        {
            *state = "connecting".into();
        }
    });
}

fn drains() {
    // A server that does not wait for what is in the works.
    let drain = r#"
        [[fault]]
        name = "drain"
        at = "5s"
        for = "3s"
        drain = { hosts = "back-0", grace = "2s" }
    "#;
    assert_told("drains", plan("n.in", drain), |entry| {
        if let Some(RouterEvent::ServerDrain { phase, in_flight, .. }) = entry.event.get_mut()
            && &**phase == "stopped"
        {
            *in_flight = 1;
        }
    });
}

fn once() {
    let impatient = With(|scheduler: Scheduler<SimPlatform>, message: Message| async move {
        let half = Duration::from_millis(900);
        match scheduler.handle(message.clone().timeout(half)).await {
            Err(error) if error.outcome() == Outcome::Unknown => {
                scheduler.handle(message.timeout(half)).await
            }
            answer => answer,
        }
    });
    let broken = harness(true).front(impatient);
    assert_caught("once", &harness(true), &broken, plan("n.in", DEAF));
}

fn idempotent() {
    let persistent = || {
        With(|scheduler: Scheduler<SimPlatform>, message: Message| async move {
            let policy = RetryPolicy::attempts(20)
                .delays(Duration::from_millis(50), 1.0, Duration::from_millis(50))
                .attempt_timeout(Duration::from_millis(80))
                .idempotent();
            scheduler.handle(message.retry(policy)).await
        })
    };
    let sound = harness(true).front(persistent());
    let forgetful = harness(true).front(persistent()).options(|_, mut options| {
        options.duplicates_max = 0;
        options.duplicate_window = Duration::ZERO;
        options
    });
    assert_caught("idempotent", &sound, &forgetful, plan("n.in", DEAF));
}

fn no_self_dial() {
    let broken = harness(true).prepare(|module| {
        if module.name() == "front" {
            module.register("back", vec!["front:50051".parse().expect("an authority")]);
        }
    });
    assert_caught("no self-dial", &harness(true), &broken, plan("n.in", ""));
}

fn depth() {
    let broken = harness(true).options(|_, mut options| {
        options.max_depth = 300;
        options
    });
    let mut plan = plan("round.in", "");
    plan.workloads[0].limit = Some(3);
    assert_caught("depth", &harness(true), &broken, plan);
}

fn blocking() {
    assert_caught("blocking", &harness(true), &harness(false), plan("door.in", ""));
}

fn nothing_left() {
    let leaks = now_and_then();
    let leaking = With(move |scheduler: Scheduler<SimPlatform>, message: Message| {
        let leak = leaks();
        async move {
            if !leak {
                return scheduler.handle(message).await;
            }
            // Begun, and then neither ended nor dropped.
            let mut call = Box::pin(async move { scheduler.handle(message).await });
            let begun = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(begun, Poll::Pending));
            std::mem::forget(call);
            std::future::pending().await
        }
    });
    let broken = harness(true).front(leaking);
    assert_caught("nothing left", &harness(true), &broken, plan("n.in", ""));
}

fn honest_outcome() {
    // Once, long before there is anything that fails.
    let lied = AtomicBool::new(false);
    let lying = With(move |scheduler: Scheduler<SimPlatform>, message: Message| {
        let lie = !lied.swap(true, Ordering::Relaxed);
        async move {
            let answer = scheduler.handle(message).await;
            match lie {
                true => Err(Error::Unavailable {
                    module: "back".into(),
                    cause: "I was told so".into(),
                    outcome: Outcome::Failed,
                }),
                false => answer,
            }
        }
    });
    let broken = harness(true).front(lying);
    assert_caught("honest outcome", &harness(true), &broken, plan("n.in", DOWN));
}

fn metrics() {
    // Makes a hop past the counters of its module, and tells of it as the others.
    let untold = AtomicU64::new(0);
    let uncounted = With(move |scheduler: Scheduler<SimPlatform>, message: Message| {
        let span = untold.fetch_add(1, Ordering::Relaxed) + 1;
        HopStarted::say(|| HopStarted {
            trace: 0,
            span,
            parent: 0,
            from: "".into(),
            to: "n.in".into(),
            source_module: "front".into(),
            target_module: "back".into(),
            depth: 0,
            attempt: 1,
            previous: 0,
            key: 0,
            timeout: 1_000_000_000,
            bytes: 0,
            digest: 0,
        });
        HopEnded::say(|| HopEnded {
            span,
            outcome: "failed".into(),
            status: "unavailable".into(),
            peer: "".into(),
            at_transport: false,
            error: "".into(),
            bytes: 0,
            digest: 0,
        });
        async move { scheduler.handle(message).await }
    });
    let broken = harness(true).front(uncounted);
    assert_caught("metrics", &harness(true), &broken, plan("n.in", ""));
}

fn overtime() {
    // What it has begun goes on without its deadline, and is carried on by whoever calls next.
    type Begun = Pin<Box<dyn Future<Output = ()> + Send>>;
    let begun: Arc<Mutex<Vec<Begun>>> = Arc::default();
    let tireless = With(move |scheduler: Scheduler<SimPlatform>, mut message: Message| {
        (message.timeout, message.context.deadline) = (None, None);
        let (done, mut answer) = oneshot::channel();
        begun.lock().expect("nobody panics").push(Box::pin(async move {
            drop(done.send(scheduler.handle(message).await));
        }));
        let begun = Arc::clone(&begun);
        std::future::poll_fn(move |context| {
            let mut begun = begun.lock().expect("nobody panics");
            begun.retain_mut(|work| work.as_mut().poll(context).is_pending());
            Pin::new(&mut answer)
                .poll(context)
                .map(|answer| answer.expect("it is carried on"))
        })
    });
    let others = r#"
        [[workload]]
        name = "slow"
        from = "front"
        to = "slow.in"
        limit = 5
        rate = "1/s"
        timeout = "2s"
    "#;
    let broken = harness(true).front(tireless);
    assert_caught("overtime", &harness(true), &broken, plan("home.in", others));
}

fn recovers() {
    let resentful = || {
        With({
            let grudge: Arc<Mutex<Option<Error>>> = Arc::default();
            move |scheduler: Scheduler<SimPlatform>, message: Message| {
                let grudge = grudge.clone();
                async move {
                    if let Some(error) = grudge.lock().expect("nobody panics").clone() {
                        return Err(error);
                    }
                    let answer = scheduler.handle(message).await;
                    if let Err(error @ Error::Unavailable { .. }) = &answer {
                        *grudge.lock().expect("nobody panics") = Some(match error.outcome() {
                            Outcome::Failed => error.clone(),
                            Outcome::Unknown => return answer,
                        });
                    }
                    answer
                }
            }
        })
    };
    let broken = harness(true).front(resentful());
    assert_caught("recovers", &harness(true), &broken, plan("n.in", DOWN));
    // And a plan that is over as soon as its fault: the run goes on.
    let mut short = plan("n.in", DOWN);
    short.duration = Duration::from_secs(8);
    short.workloads[0].end = short.duration;
    let broken = harness(true).front(resentful());
    assert_caught("recovers", &harness(true), &broken, short);
}

/// One after the other: what all of them have proven is looked at in the end.
#[test]
fn each_oracle_catches_a_router_that_is_broken_for_it_and_no_other_oracle_complains() {
    for broken in [
        ends_once,
        deadline,
        right_place,
        executed,
        converges,
        payload,
        once,
        idempotent,
        no_self_dial,
        depth,
        blocking,
        nothing_left,
        honest_outcome,
        metrics,
        overtime,
        budget,
        abandoned,
        dismissed,
        turns,
        dials,
        drains,
        recovers,
    ] {
        broken();
    }
    let proven = PROVEN.lock().expect("no test panics with it").clone();
    let names = oracle::ALL.iter().map(|oracle| oracle.name());
    let of_others = [&OF_PROVIDERS[..], &OF_ACTORS].concat();
    let all: BTreeSet<&str> = names.filter(|name| !of_others.contains(name)).collect();
    assert_eq!(proven, all, "an oracle without a router that it catches");
}

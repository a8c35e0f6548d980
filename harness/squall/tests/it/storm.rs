//! The property: whatever faults strike a system of five modules, all oracles hold, and once the faults are over
//! and things have settled, every call succeeds. And the proof that this can fail: a scheduler that misroutes
//! one call in a hundred, and a pool that sends again what may have run, are caught.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::topology_with;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::json;
use squall::faults;
use squall::file::ComponentNames;
use squall::plan::{
    Arrival, Bandwidth, Bounds, CallsExpectation, Check, ClockShift, Connects, Expectation, Fault, FaultKind,
    Latency, NodePort, Pairs, Plan, Ratio, Topology, Window, Workload,
};
use squall::router::{Error, Message, Outcome, Payload, RetryPolicy, Scheduler, async_trait};
use squall::{Front, Harness};
use squall_sim::SimPlatform;

const HOSTS: [&str; 5] = ["front", "left", "right", "middle", "store"];
/// Every fault is over by then.
const CALM: Duration = Duration::from_secs(28);
/// Keepalive finds dead connections within 13 s, and backoff lasts at most 5 s.
const SETTLED: Duration = Duration::from_secs(50);
const END: Duration = Duration::from_secs(60);

fn five_modules() -> Arc<Topology> {
    Arc::new(topology_with(
        r#"
        name = "five"
        [network]
        latency = { min = "1ms", max = "5ms" }
        [module.front.node.door]
        component = "fan_out"
        edges = [{ port = "out", to = "l.in" }, { port = "out", to = "r.in" }]
        [module.left.node.l]
        component = "forward"
        edges = [{ port = "out", to = "m.in" }]
        [module.right.node.r]
        component = "delay"
        settings = { for = "4ms" }
        edges = [{ port = "out", to = "s.in" }]
        [module.middle.node.m]
        component = "forward"
        edges = [{ port = "out", to = "s.in" }]
        [module.store.node.s]
        component = "echo"
        [module.store.node.t]
        component = "counter"
        "#,
        &ComponentNames::built_in(),
    ))
}

fn workload(name: &str, from: &str, node: &str, per: u64, timeout: u64) -> Workload {
    Workload {
        name: name.into(),
        from: vec![from.into()],
        target: Arc::new(NodePort {
            node: node.into(),
            port: "in".into(),
            payload: json!({ "call": "{call}" }),
        }),
        arrival: Arrival::Open {
            calls: 1,
            per: Duration::from_millis(per),
        },
        start: Duration::ZERO,
        end: END,
        limit: None,
        timeout: Some(Duration::from_millis(timeout)),
    }
}

fn plan(seed: u64, faults: Vec<Fault>) -> Plan {
    let workloads = vec![
        workload("nested", "front", "door", 200, 2_000),
        workload("direct", "left", "t", 130, 500),
        workload("back", "store", "l", 310, 1_000),
    ];
    let settled = Window {
        from: SETTLED,
        until: None,
        text: "once things have settled".into(),
    };
    let all_ok = |workload: &Workload| -> Arc<dyn Expectation> {
        Arc::new(CallsExpectation {
            workload: workload.name.clone(),
            window: settled.clone(),
            check: Check::SuccessRate(Bounds {
                at_least: Some(1.0),
                at_most: None,
            }),
        })
    };
    Plan {
        scenario: "storm".into(),
        topology: five_modules(),
        seed,
        duration: END,
        wall_limit: Duration::from_secs(60),
        interleave: Ratio {
            numerator: 1,
            denominator: 16,
        },
        expectations: workloads.iter().map(all_ok).collect(),
        workloads,
        faults,
        drawn: Vec::new(),
    }
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let host = 0..HOSTS.len();
    (host.clone(), host, any::<bool>()).prop_map(|(from, to, both_ways)| Pairs {
        from: vec![HOSTS[from].into()],
        to: if from == to {
            HOSTS
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != from)
                .map(|(_, host)| (*host).into())
                .collect()
        } else {
            vec![HOSTS[to].into()]
        },
        both_ways,
    })
}

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

/// As plans have it.
fn any_kind(kind: impl FaultKind) -> Arc<dyn FaultKind> {
    Arc::new(kind)
}

fn kind() -> impl Strategy<Value = Arc<dyn FaultKind>> {
    prop_oneof![
        pairs().prop_map(|pairs| any_kind(faults::Partition(pairs))),
        (pairs(), millis(1..800), any::<bool>()).prop_map(|(pairs, latency, added)| any_kind(
            faults::Latency {
                pairs,
                latency: Latency::Constant(latency),
                added
            }
        )),
        (pairs(), 1..30u32).prop_map(|(pairs, percent)| any_kind(faults::Loss {
            pairs,
            ratio: Ratio {
                numerator: percent,
                denominator: 100
            }
        })),
        (pairs(), 50..20_000u64).prop_map(|(pairs, kilobits)| any_kind(faults::Bandwidth {
            pairs,
            rate: Bandwidth {
                bits_per_second: NonZeroU64::new(1000 * kilobits).expect("not zero"),
            },
        })),
        pairs().prop_map(|pairs| any_kind(faults::Hold(pairs))),
        pairs().prop_map(|pairs| any_kind(faults::Reset(pairs))),
        pairs().prop_map(|pairs| any_kind(faults::Refuse(Connects::Between(pairs)))),
        Just(any_kind(faults::Blackhole(Connects::To(vec![
            "store".into(),
            "left".into()
        ])))),
        // What is about one node or one module is drawn at most once.
        Just(any_kind(faults::Remove { node: "s".into() })),
        (millis(0..3_000), any::<bool>()).prop_map(|(late, twice)| any_kind(faults::Move {
            node: "t".into(),
            to: "middle".into(),
            late,
            twice,
        })),
        Just(any_kind(faults::Close { node: "l".into() })),
        (millis(0..3_000), any::<bool>()).prop_map(|(late, twice)| any_kind(faults::Announce {
            module: "right".into(),
            hosts: Vec::new(),
            late,
            twice
        })),
        millis(1..2_000).prop_map(|grace| any_kind(faults::Drain {
            hosts: vec!["left".into()],
            grace
        })),
        // One host per kind of end, so that no two of them meet on one host.
        Just(any_kind(faults::Kill {
            hosts: vec!["middle".into()]
        })),
        Just(any_kind(faults::Crash {
            hosts: vec!["store".into()]
        })),
        Just(any_kind(faults::Pause {
            hosts: vec!["right".into()]
        })),
        Just(any_kind(faults::Kill {
            hosts: vec!["front".into()]
        })),
        (millis(1..10_000_000), any::<bool>()).prop_map(|(by, ahead)| any_kind(faults::Clock {
            hosts: vec!["front".into(), "store".into()],
            shift: match ahead {
                true => ClockShift::Ahead(by),
                false => ClockShift::Behind(by),
            },
        })),
    ]
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = (millis(2_000..20_000), millis(50..8_000), kind());
    prop::collection::vec(fault, 1..6).prop_map(|drawn| {
        let mut drawn_so_far: Vec<Fault> = Vec::new();
        for (at, lasts, kind) in drawn {
            let is_ending = kind.is::<faults::Kill>()
                || kind.is::<faults::Crash>()
                || kind.is::<faults::Pause>()
                || kind.is::<faults::Drain>()
                || kind.is::<faults::Remove>()
                || kind.is::<faults::Move>()
                || kind.is::<faults::Close>()
                || kind.is::<faults::Announce>();
            // The same end twice would be one fault that the other one cuts short.
            let same = |other: &dyn FaultKind| match kind.is::<faults::Kill>() {
                true => *other == *kind,
                false => other.type_id() == (*kind).type_id(),
            };
            if is_ending && drawn_so_far.iter().any(|fault| same(&*fault.kind)) {
                continue;
            }
            let name = format!("#{}", drawn_so_far.len() + 1);
            drawn_so_far.push(Fault {
                name,
                at,
                until: Some((at + lasts).min(CALM)),
                kind,
            });
        }
        drawn_so_far
    })
}

proptest! {
    #![proptest_config(Config {
        cases: 40,
        rng_seed: RngSeed::Fixed(20_260_101),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_strikes_all_oracles_hold_and_in_the_end_every_call_succeeds(
        seed in any::<u64>(),
        faults in faults(),
    ) {
        let run = Harness::new().run(plan(seed, faults)).expect("the run ends");
        run.assert_held();
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 12,
        rng_seed: RngSeed::Fixed(20_260_103),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_strikes_it_strikes_again_alike(seed in any::<u64>(), faults in faults()) {
        let (_, difference) = Harness::new().run_twice(plan(seed, faults)).expect("both runs end");
        prop_assert!(difference.is_none(), "{}", difference.expect("checked"));
    }
}

/// Sends again whatever fails, and is told of it.
struct Persistent;

#[async_trait]
impl Front for Persistent {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        let policy = RetryPolicy::attempts(6)
            .delays(Duration::from_millis(20), 2.0, Duration::from_millis(200))
            .attempt_timeout(Duration::from_millis(150))
            .jitter(50)
            .idempotent();
        scheduler.handle(message.retry(policy)).await
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 40,
        rng_seed: RngSeed::Fixed(20_260_102),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_strikes_what_is_sent_again_is_executed_to_its_end_once(
        seed in any::<u64>(),
        faults in faults(),
    ) {
        let run = Harness::new().front(Persistent).run(plan(seed, faults)).expect("the run ends");
        run.assert_held();
    }
}

/// The oracles that a run breaks.
fn broken(front: impl Front) -> Vec<String> {
    let deaf = any_kind(faults::Partition(Pairs {
        from: vec!["store".into()],
        to: vec!["left".into()],
        both_ways: false,
    }));
    let faults = vec![Fault {
        name: "deaf".into(),
        at: Duration::from_secs(5),
        until: Some(Duration::from_secs(6)),
        kind: deaf,
    }];
    let run = Harness::new()
        .front(front)
        .run(plan(3, faults))
        .expect("the run ends");
    let judgement = run.judge();
    let broken = judgement.verdict().oracles.iter().filter(|oracle| !oracle.held);
    broken.map(|oracle| oracle.name.clone()).collect()
}

/// Misroutes one call in a hundred.
#[derive(Default)]
struct BrokenScheduler(AtomicU64);

#[async_trait]
impl Front for BrokenScheduler {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        mut message: Message,
    ) -> Result<Option<Payload>, Error> {
        if self.0.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
            message.to = "s.in".into();
        }
        scheduler.handle(message).await
    }
}

/// Sends again what may have run.
struct BrokenPool;

#[async_trait]
impl Front for BrokenPool {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        let half = Duration::from_millis(250);
        match scheduler.handle(message.clone().timeout(half)).await {
            Err(error) if error.outcome() == Outcome::Unknown => {
                scheduler.handle(message.timeout(half)).await
            }
            result => result,
        }
    }
}

/// What stands there when nothing is broken.
struct Sound;

#[async_trait]
impl Front for Sound {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        scheduler.handle(message).await
    }
}

#[test]
fn a_sound_scheduler_breaks_no_oracle() {
    assert_eq!(broken(Sound), Vec::<String>::new());
}

#[test]
fn a_scheduler_that_misroutes_one_call_in_a_hundred_is_caught() {
    assert!(broken(BrokenScheduler::default()).contains(&"right place".to_owned()));
}

#[test]
fn a_pool_that_sends_again_what_may_have_run_is_caught() {
    assert!(broken(BrokenPool).contains(&"once".to_owned()));
}

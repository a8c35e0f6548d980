//! Retries and cancellations in whole runs, as the journal tells of them.

use std::sync::Arc;
use std::time::Duration;

use crate::support::topology_with;
use serde_json::json;
use squall::calls::{Call, Calls};
use squall::faults;
use squall::file::ComponentNames;
use squall::journal::{Handling, Outcome};
use squall::plan::{Arrival, Connects, Fault, FaultKind, NodePort, Pairs, Plan, Ratio, Topology, Workload};
use squall::router::{Error, Message, Payload, Scheduler, async_trait};
use squall::{Front, Harness, Run};
use squall_sim::SimPlatform;

/// One way, between any two hosts.
const LATENCY: Duration = Duration::from_millis(5);

const RETRY: &str =
    r#"retry = { attempts = 5, first = "100ms", attempt_timeout = "300ms", idempotent = true }"#;

/// `front` -> `back`, which takes 20 ms. What goes there has this key too.
fn pair(edge: &str) -> Topology {
    let text = r#"
        name = "pair"
        [network]
        latency = "5ms"
        [module.front.node.door]
        component = "forward"
        edges = [{ port = "out", to = "worker.in", EDGE }]
        [module.back.node.worker]
        component = "delay"
        settings = { for = "20ms" }
        edges = [{ port = "out", to = "tally.in" }]
        [module.back.node.tally]
        component = "counter"
        "#;
    topology_with(&text.replace("EDGE", edge), &ComponentNames::built_in())
}

fn plan(topology: Topology, faults: Vec<Fault>) -> Plan {
    let workload = Workload {
        name: "calls".into(),
        from: vec!["front".into()],
        target: Arc::new(NodePort {
            node: "door".into(),
            port: "in".into(),
            payload: json!({ "call": "{call}" }),
        }),
        arrival: Arrival::Open {
            calls: 1,
            per: Duration::from_millis(10),
        },
        start: Duration::ZERO,
        end: Duration::from_secs(8),
        limit: None,
        timeout: Some(Duration::from_secs(3)),
    };
    Plan {
        scenario: "again".into(),
        topology: Arc::new(topology),
        seed: 5,
        duration: Duration::from_secs(15),
        wall_limit: Duration::from_secs(60),
        interleave: Ratio::ZERO,
        workloads: vec![workload],
        faults,
        expectations: vec![],
        drawn: vec![],
    }
}

fn run(topology: Topology, faults: Vec<Fault>) -> Run {
    let run = Harness::new().run(plan(topology, faults)).expect("the run ends");
    run.assert_held();
    run
}

/// Connections break all the time, and once there are none to be had.
fn trouble() -> Vec<Fault> {
    let both = || Pairs {
        from: vec!["front".into()],
        to: vec!["back".into()],
        both_ways: true,
    };
    let fault = |name: &str, at: u64, until, kind: Arc<dyn FaultKind>| Fault {
        name: name.into(),
        at: Duration::from_millis(at),
        until,
        kind,
    };
    let mut faults: Vec<_> = (0..10)
        .map(|n| {
            fault(
                &format!("reset{n}"),
                500 + 333 * n,
                None,
                Arc::new(faults::Reset(both())),
            )
        })
        .collect();
    let until = Some(Duration::from_millis(5500));
    faults.push(fault(
        "refused",
        4900,
        until,
        Arc::new(faults::Refuse(Connects::Between(both()))),
    ));
    faults.push(fault("last", 5000, None, Arc::new(faults::Reset(both()))));
    faults
}

struct Tally {
    failed: usize,
    again: usize,
    from_memory: usize,
}

fn tally(run: &Run) -> Tally {
    let calls = Calls::of(&run.journal, &run.plan);
    let again = calls.hops().filter(|(_, hop)| hop.attempt > 1);
    let from_memory = calls
        .hops()
        .filter(|(_, hop)| hop.is_ok() && calls.execution(hop.span).is_none());
    Tally {
        failed: calls.iter().filter(|call| call.outcome() != Outcome::Ok).count(),
        again: again.count(),
        from_memory: from_memory.count(),
    }
}

#[test]
fn with_a_retry_on_the_edge_no_call_fails_of_what_fails_without_one() {
    let without = tally(&run(pair("timeout = \"3s\""), trouble()));
    assert!(without.failed > 20, "{} failed", without.failed);
    assert_eq!((without.again, without.from_memory), (0, 0));
    let with = tally(&run(pair(RETRY), trouble()));
    assert_eq!(with.failed, 0);
    assert!(with.again > 20, "{} sent again", with.again);
    assert!(
        with.from_memory > 0,
        "no answer was lost on its way, so that nothing came from memory"
    );
}

#[test]
fn a_run_with_retries_repeats_itself() {
    let digest = || run(pair(RETRY), trouble()).digest;
    assert_eq!(digest(), digest());
}

/// The executions of a worker that always fails so, by call, when what goes to it has this retry.
fn executions_of_failures(error: &str, retry: &str) -> Vec<usize> {
    let text = r#"
        name = "grumpy pair"
        [module.front.node.door]
        component = "forward"
        edges = [{ port = "out", to = "worker.in", retry = RETRY }]
        [module.back.node.worker]
        component = "fail"
        settings = ERROR
        "#;
    let text = text.replace("RETRY", retry).replace("ERROR", error);
    let run = run(topology_with(&text, &ComponentNames::built_in()), Vec::new());
    let calls = Calls::of(&run.journal, &run.plan);
    let of_worker = |call: &Call<'_>| call.executions.iter().filter(|it| it.node == "worker").count();
    calls.iter().map(of_worker).collect()
}

#[test]
fn a_listed_code_is_final_though_its_component_calls_it_retryable_and_an_unlisted_one_is_not() {
    const LISTED: &str = r#"{ attempts = 4, first = "10ms", non_retryable = ["E402", "E403"] }"#;
    const UNLISTED: &str = r#"{ attempts = 4, first = "10ms", non_retryable = ["E403"] }"#;
    const NO_CODES: &str = r#"{ attempts = 4, first = "10ms" }"#;
    let with_code = r#"{ code = "E402", retryable = true }"#;
    let without_code = "{ retryable = true }";
    for (error, retry, expected) in [
        (with_code, LISTED, 1),
        (with_code, UNLISTED, 4),
        (with_code, NO_CODES, 4),
        (without_code, LISTED, 4),
    ] {
        let executions = executions_of_failures(error, retry);
        assert!(executions.len() > 500, "{} calls", executions.len());
        assert!(
            executions.iter().all(|count| *count == expected),
            "{error} under {retry}: not always {expected} of {executions:?}"
        );
    }
}

/// Gives up after 12 ms, which is when the worker has been at work for 7 ms or less.
struct Impatient;

#[async_trait]
impl Front for Impatient {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        let patience = Duration::from_millis(12);
        tokio::time::timeout(patience, scheduler.handle(message))
            .await
            .unwrap_or_else(|_| {
                Err(Error::Cancelled {
                    reason: "the caller gave up".into(),
                })
            })
    }
}

#[test]
fn a_cancelled_call_ends_its_callees_work_within_a_round_trip() {
    let topology = pair("timeout = \"3s\"");
    let run = Harness::new()
        .front(Impatient)
        .run(plan(topology, Vec::new()))
        .expect("the run ends");
    run.assert_held();
    let calls = Calls::of(&run.journal, &run.plan);
    let mut cancelled = 0;
    for (_, hop) in calls.hops() {
        let end = hop.end.expect("every hop ends");
        assert_eq!(end.status, "cancelled");
        // The very first waits for its connection, and is given up before it is sent.
        let Some(execution) = calls.execution(hop.span) else {
            continue;
        };
        let ended = execution.end.expect("every execution ends");
        assert_eq!(ended.how, Handling::Dropped);
        let late = Duration::from_nanos(ended.moment.at - end.moment.at);
        assert!(late <= 2 * LATENCY, "its work went on for {late:?}");
        cancelled += 1;
    }
    assert!(cancelled > 500, "{cancelled} were at work");
}

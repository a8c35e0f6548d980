//! Clocks that jump: components see it, and nothing that the modules do goes by it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use squall::faults::Clock;
use squall::file::{load_scenario, scenario_from_str};
use squall::journal::{Entry, Event, Journal};
use squall::plan::{EngineKind, Plan};
use squall::router::{Component, ComponentError, Input, Output, Payload, async_trait};
use squall::{Harness, NoSettings};

/// Keeps what its host's wall clock shows.
struct Stamp(Arc<Mutex<Vec<SystemTime>>>);

#[async_trait]
impl Component for Stamp {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        self.0
            .lock()
            .expect("no thread has panicked")
            .push(SystemTime::now());
        Ok(None)
    }
}

const TOPOLOGY: &str = r#"
    name = "office"
    [module.front]
    [module.back.node.stamp]
    component = "stamp"
"#;

const SCENARIO: &str = r#"
    name = "stamps"
    topology = "in this test"
    duration = "6s"
    [[workload]]
    name = "letters"
    from = "front"
    to = "stamp.in"
    rate = "1/s"
    [[fault]]
    at = "1500ms"
    for = "3s"
    clock = { hosts = "back", ahead = "1h" }
    [[fault]]
    at = "2500ms"
    for = "1s"
    clock = { hosts = "back", behind = "2h" }
"#;

#[test]
fn a_component_sees_its_hosts_clock_jump_and_jump_back() {
    let stamps = Arc::default();
    let kept = Arc::clone(&stamps);
    let harness = Harness::new().component("stamp", move |_: NoSettings| Ok(Stamp(Arc::clone(&kept))));
    let topology = crate::support::topology_with(TOPOLOGY, &harness.component_names());
    let scenario = scenario_from_str("stamps.toml", SCENARIO, Arc::new(topology)).expect("a sound scenario");
    harness
        .run(scenario.plan(None))
        .expect("the run ends")
        .assert_held();

    let stamps = stamps.lock().expect("no thread has panicked");
    let between: Vec<i64> = stamps
        .windows(2)
        .map(|pair| match pair[1].duration_since(pair[0]) {
            Ok(later) => later.as_secs_f64().round() as i64,
            Err(earlier) => -(earlier.duration().as_secs_f64().round() as i64),
        })
        .collect();
    // What comes after the end of the scenario asks whether everybody has recovered.
    assert_eq!(between[..5], [1, 3601, -7199, 7201, -3599]);
}

fn plan() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/clocks-that-jump.toml");
    let scenario = load_scenario(&path, &Harness::new().component_names());
    scenario.expect("a sound scenario").plan(None)
}

/// All until the end of the scenario, but the lines that say that clocks jump.
fn lines_but_of_clocks<'j>(plan: &Plan, journal: &'j Journal) -> Vec<(u64, &'j str, &'j Event)> {
    let of_a_clock = |entry: &Entry| match &entry.event {
        Event::FaultStarted { fault, .. } | Event::FaultEnded { fault } => {
            plan.faults[*fault as usize].kind.is::<Clock>()
        }
        _ => false,
    };
    let end = plan.duration.as_nanos() as u64;
    let lines = journal
        .entries
        .iter()
        .filter(|entry| entry.at <= end && !of_a_clock(entry));
    lines.map(|it| (it.at, &*it.host, &it.event)).collect()
}

#[test]
fn a_run_is_the_same_line_by_line_whatever_its_clocks_show() {
    for engine in [EngineKind::Flow, EngineKind::Turmoil] {
        let jumping = plan().on_engine(engine);
        let mut right = jumping.clone();
        right.faults.retain(|fault| !fault.kind.is::<Clock>());
        let jumps = jumping.faults.len() - right.faults.len();
        assert!(
            jumps >= 3 && !right.faults.is_empty(),
            "clocks jump while something else goes wrong"
        );
        assert!(
            jumping.faults[right.faults.len()..]
                .iter()
                .all(|it| it.kind.is::<Clock>()),
            "the other faults keep their numbers"
        );
        let run = |plan: &Plan| Harness::new().run(plan.clone()).expect("the run ends");
        let (with, without) = (run(&jumping), run(&right));
        let (with, without) = (
            lines_but_of_clocks(&jumping, &with.journal),
            lines_but_of_clocks(&right, &without.journal),
        );
        let difference = with.iter().zip(&without).find(|(one, other)| one != other);
        assert_eq!(difference, None, "on {engine:?}");
        assert_eq!(with.len(), without.len());
        assert!(with.len() > 1000, "not much happened");
    }
}

//! Components of one's own: the test of the README, and what a component cannot do to a run.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use squall::file::{ComponentNames, scenario_from_str, topology_from_str};
use squall::plan::Plan;
use squall::router::{Component, ComponentError, Input, Output, Payload, async_trait};
use squall::{Declaration, Failure, Harness, NoSettings, Run};

/// Answers with what it got, in capitals.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shout {
    marks: usize,
}

#[async_trait]
impl Component for Shout {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        let text: String = input.data.decode()?;
        Ok(Some(Payload::encode(&format!(
            "{}{}",
            text.to_uppercase(),
            "!".repeat(self.marks)
        ))?))
    }
}

fn harness() -> Harness {
    Harness::new().component("shout", |settings: Shout| Ok(settings))
}

const TOPOLOGY: &str = r#"
    name = "hall"
    [module.caller]
    call_timeout = "2s"
    [module.hall.node.stage]
    component = "COMPONENT"
"#;

const SCENARIO: &str = r#"
    name = "loud"
    topology = "in this test"
    duration = "5s"
    [[workload]]
    name = "calls"
    from = "caller"
    to = "stage.in"
    rate = "10/s"
    payload = "hello"
    [[expect]]
    workload = "calls"
    success_rate = { at_least = 1.0 }
"#;

fn plan(harness: &Harness, component: &str) -> Plan {
    let text = TOPOLOGY.replace("COMPONENT", component);
    let topology = topology_from_str("hall.toml", &text, &harness.component_names());
    let topology = topology.unwrap_or_else(|report| panic!("{}", squall::file::render(&report, false, 100)));
    let scenario = scenario_from_str("loud.toml", SCENARIO, Arc::new(topology));
    let scenario = scenario.unwrap_or_else(|report| panic!("{}", squall::file::render(&report, false, 100)));
    scenario.plan(None)
}

/// A run of a component that is made by `make`.
fn run_of<C: Component>(make: impl Fn() -> C + Send + Sync + 'static) -> Result<Run, Failure> {
    let harness = Harness::new().component("mine", move |_: NoSettings| Ok(make()));
    let mut plan = plan(&harness, "mine");
    plan.wall_limit = Duration::from_secs(10);
    plan.expectations.clear();
    harness.run(plan)
}

#[test]
fn shouting_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let topology = TOPOLOGY.replace("\"COMPONENT\"", "\"shout\"\nsettings = { marks = 3 }");
    std::fs::write(folder.path().join("hall.toml"), topology).unwrap();
    let restart = "[[fault]]\nname = \"nap\"\nat = \"2s\"\nrestart = { hosts = [\"hall\"], down = \"100ms\" }\n\
                   [[expect]]\nworkload = \"calls\"\nafter = \"nap\"\nsettle = \"1s\"\nsuccess_rate = { at_least = 1.0 }\n";
    let scenario = SCENARIO.replace("in this test", "hall.toml");
    let (calls, expect) = scenario.split_at(scenario.find("[[expect]]").unwrap());
    let path = folder.path().join("shouting.toml");
    std::fs::write(&path, format!("{calls}{restart}")).unwrap();

    harness().run_file(&path, None).unwrap().assert_held();

    // The opposite: during the restart, not every call succeeds.
    std::fs::write(&path, format!("{calls}{restart}{expect}")).unwrap();
    let run = harness().run_file(&path, None).unwrap();
    assert!(!run.judge().held(), "{}", run.judge().summary());
}

/// Says something on behalf of the runtime, which is not as it is defined.
struct Mumbles;

#[async_trait]
impl Component for Mumbles {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        tracing::event!(
            name: "handle.ended",
            target: "squall::router",
            tracing::Level::DEBUG,
            spam = 1_u64,
            how = "ok",
            error = "",
            bytes = 0_u64,
            digest = 0_u64,
        );
        Ok(Some(input.data))
    }
}

#[test]
fn a_run_whose_events_cannot_be_read_has_failed() {
    let failure = run_of(|| Mumbles).map(drop).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "panicked: the event `handle.ended` has no field `span`: its definition is in squall-events"
    );
}

#[test]
fn settings_that_a_component_does_not_take_are_shown_at_their_place() {
    let text = TOPOLOGY.replace("\"COMPONENT\"", "\"shout\"\nsettings = { markz = 3 }");
    let report =
        topology_from_str("hall.toml", &text, &harness().component_names()).expect_err("a misspelt setting");
    let shown = squall::file::render(&report, false, 100);
    assert!(
        shown.contains("hall.toml:7:") && shown.contains("markz"),
        "{shown}"
    );
}

#[test]
fn a_component_that_is_not_registered_is_shown_with_the_nearest_name() {
    let text = TOPOLOGY.replace("COMPONENT", "ecko");
    let report =
        topology_from_str("hall.toml", &text, &ComponentNames::built_in()).expect_err("no such component");
    assert!(squall::file::render(&report, false, 100).contains("`echo`"));
}

/// Settings that are not `deny_unknown_fields`.
#[derive(Deserialize)]
struct Whisper {
    softly: Option<bool>,
}

#[async_trait]
impl Component for Whisper {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        assert_ne!(self.softly, Some(false));
        Ok(output.emit("heard", input.data).await?)
    }
}

#[test]
fn a_broken_run_shows_where_its_code_panicked_and_how_to_run_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("it's here");
    std::fs::create_dir(&folder).unwrap();
    let mine = TOPOLOGY.replace("COMPONENT", "mine");
    std::fs::write(folder.join("hall.toml"), mine).unwrap();
    let path = folder.join("loud.toml");
    std::fs::write(&path, SCENARIO.replace("in this test", "hall.toml")).unwrap();
    let harness = Harness::new().component("mine", |_: NoSettings| Ok(Fragile));
    let run = harness.run_file(&path, Some(3)).unwrap();
    let panic = std::panic::catch_unwind(|| run.assert_held()).expect_err("it is broken");
    let report = panic.downcast_ref::<String>().unwrap();
    assert!(
        report.contains("panic    50 handlers of hall, the first at"),
        "{report}"
    );
    assert!(report.contains("in the handler"), "{report}");
    // Both places, and at least one step on the way to one of them.
    assert!(report.matches("own_component.rs:").count() > 2, "{report}");
    assert!(
        report.contains("run_file(\"") && report.contains("Some(3)"),
        "{report}"
    );

    // Without a component of one's own, it is a command.
    std::fs::write(folder.join("hall.toml"), TOPOLOGY.replace("COMPONENT", "fail")).unwrap();
    let run = Harness::new().run_file(&path, Some(3)).unwrap();
    let report = run.judge().text(&run.replay(), Default::default());
    assert!(
        report.contains(r"it'\''s here/loud.toml' --seed 3 --engine flow"),
        "{report}"
    );
}

#[test]
fn a_vacuous_run_breaks_where_that_is_denied() {
    let mut plan = plan(&harness(), "echo");
    plan.expectations.clear();
    let noted = harness().run(plan.clone()).unwrap();
    assert!(noted.judge().held() && noted.judge().summary().contains("the scenario expects nothing"));
    let denied = harness().deny_vacuous().run(plan).unwrap();
    assert!(!denied.judge().held(), "{}", denied.judge().summary());
}

/// What is wrong with a topology in which `stage` is a `whisper` with these keys.
fn mistakes(harness: &Harness, keys: &str) -> String {
    let text = TOPOLOGY.replace("\"COMPONENT\"", &format!("\"whisper\"\n{keys}"));
    match topology_from_str("hall.toml", &text, &harness.component_names()) {
        Ok(_) => String::new(),
        Err(report) => squall::file::render(&report, false, 100),
    }
}

#[test]
fn unknown_settings_are_mistakes_also_where_serde_would_ignore_them() {
    let harness = Harness::new().component("whisper", |settings: Whisper| Ok(settings));
    assert_eq!(mistakes(&harness, "settings = { softly = true }"), "");
    let shown = mistakes(&harness, "settings = { sofly = true }");
    assert!(
        shown.contains("no setting `sofly`") && shown.contains("did you mean `softly`?"),
        "{shown}"
    );
}

#[test]
fn ports_of_a_component_are_checked_once_it_declares_them() {
    let edge = |port: &str| {
        format!(
            "edges = [{{ port = \"{port}\", to = \"ear.in\" }}]\n[module.hall.node.ear]\ncomponent = \"sink\""
        )
    };
    let silent = Harness::new().component("whisper", |settings: Whisper| Ok(settings));
    assert_eq!(
        mistakes(&silent, &edge("herd")),
        "",
        "it does not say which ports it has"
    );

    let declared = silent.declare("whisper", Declaration::new().inputs(["in"]).outputs(["heard"]));
    assert_eq!(mistakes(&declared, &edge("heard")), "");
    let shown = mistakes(&declared, &edge("herd"));
    assert!(
        shown.contains("never emits") && shown.contains("did you mean `heard`?"),
        "{shown}"
    );
    let shown = mistakes(&declared, "inputs = [\"mouth\"]");
    assert!(shown.contains("says itself which inputs it has"), "{shown}");
}

#[test]
fn a_message_to_a_port_that_a_node_does_not_have_is_refused_over_the_wire_too() {
    let mut plan = plan(&harness(), "echo");
    plan.expectations.clear();
    let target = &mut plan.workloads[0].target;
    let mut wrong = target
        .downcast_ref::<squall::plan::NodePort>()
        .expect("a port")
        .clone();
    wrong.port = "typo".to_owned();
    *target = std::sync::Arc::new(wrong);
    let run = harness().run(plan).expect("the run ends");
    let judgement = run.judge();
    let calls = &judgement.statistics().workloads[0];
    assert_eq!((calls.ok, calls.failed), (0, 50), "{}", judgement.summary());
    assert!(judgement.held(), "{}", judgement.summary());
}

/// Starts a task past the platform, and never answers.
struct Careless;

#[async_trait]
impl Component for Careless {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        std::future::pending().await
    }
}

#[test]
fn stray_tasks_and_calls_that_are_never_answered_do_not_hang_a_run() {
    let run = run_of(|| Careless).expect("the run ends");
    let judgement = run.judge();
    assert!(judgement.held(), "{}", judgement.summary());
    let (summary, timeouts) = (judgement.summary(), &judgement.statistics().workloads[0].errors);
    assert_eq!(timeouts.get("timeout"), Some(&50), "{summary}");
    assert!(
        summary.contains("tokio::spawn") && summary.contains("hall"),
        "{summary}"
    );
}

/// Does what a program may do, and a run cannot answer for.
struct Worldly;

fn nap() {
    std::thread::sleep(Duration::from_secs(3_600));
}

#[async_trait]
impl Component for Worldly {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        nap();
        let refused = tokio::net::TcpStream::connect("127.0.0.1:9").await;
        let refused = refused.expect_err("there is no network");
        tokio::task::spawn_blocking(|| ()).await.expect("no panic");
        Err(ComponentError::new(refused.to_string()))
    }
}

#[test]
fn what_a_run_cannot_answer_for_is_named_with_its_host_and_its_place() {
    let run = run_of(|| Worldly).expect("the run ends");
    let said = run.judge().summary();
    for expected in [
        "hall sleeps for 3600s on the system's clock, 50 times since",
        "tests/it/own_component.rs:",
        "use tokio::time::sleep",
        "a service uses site.listen and site.connector",
        "a component Output::spawn",
        "hall asks the system for a socket, 50 times since",
        "hall starts a thread",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

/// Never lets virtual time pass.
struct Restless;

#[async_trait]
impl Component for Restless {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        loop {
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn an_endless_loop_of_awaits_is_named_with_its_host() {
    match run_of(|| Restless).expect_err("virtual time stands still") {
        Failure::Stuck { host, .. } => assert_eq!(host, "hall"),
        other => panic!("not stuck: {other}"),
    }
}

/// Sleeps again and again within a call that nobody waits for any more.
struct Sleepless;

#[async_trait]
impl Component for Sleepless {
    async fn handle(&self, _: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        output.spawn(async {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Ok(None)
    }
}

#[test]
fn tasks_that_a_component_leaves_behind_end_with_their_host() {
    run_of(|| Sleepless).expect("the run ends").assert_held();
}

/// Panics outside of any await.
struct Fragile;

#[async_trait]
impl Component for Fragile {
    async fn handle(&self, _: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        output.spawn(async { panic!("in a task of its own") });
        panic!("in the handler");
    }
}

#[test]
fn panics_are_errors_of_the_call_and_lines_of_the_journal() {
    let run = run_of(|| Fragile).expect("the run ends");
    let judgement = run.judge();
    assert!(judgement.held(), "{}", judgement.summary());
    assert_eq!(
        judgement.statistics().workloads[0].errors.get("remote_error"),
        Some(&50)
    );
    assert!(
        judgement.summary().contains("in a task of its own"),
        "{}",
        judgement.summary()
    );
}

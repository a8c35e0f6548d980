//! From manifests to topologies: every shape that they have had, and what is told about what is odd.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use squall::Harness;
use squall::file::{self, ComponentNames, Report, scenario_from_str, topology_from_str};
use squall::import::{Imported, Source, import};
use squall::plan::{Edge, Module, Topology};
use squall::router::RetryPolicy;

fn source(name: &str) -> Source {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/import")
        .join(name);
    Source {
        name: name.to_owned(),
        text: std::fs::read_to_string(path).expect("a fixture"),
    }
}

fn imported(name: &str, files: &[&str]) -> Result<Imported, Report> {
    let sources: Vec<_> = files.iter().map(|file| source(file)).collect();
    import(name, &sources, &ComponentNames::built_in())
}

/// The topology, and what was told.
fn shown(imported: &Result<Imported, Report>) -> String {
    let render = |report: &Report| file::render(report, false, 100);
    match imported {
        Ok(it) => format!(
            "{}\n{}",
            it.topology,
            it.report.as_ref().map(render).unwrap_or_default()
        ),
        Err(report) => render(report),
    }
}

fn assert_snapshot(name: &str, files: &[&str]) {
    let imported = imported(name, files);
    if let Ok(imported) = &imported {
        topology_from_str(name, &imported.topology, &ComponentNames::built_in()).expect("a sound topology");
    }
    insta::with_settings!({
        snapshot_path => "../../../../snapshots/import",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, shown(&imported));
    });
}

#[test]
fn resources_of_a_cluster_become_a_topology() {
    assert_snapshot("real", &["real.yaml"]);
}

#[test]
fn resources_of_the_documentation_become_a_topology() {
    assert_snapshot("documented", &["documented_node.yaml", "documented_module.yaml"]);
}

#[test]
fn modules_alone_become_a_topology() {
    assert_snapshot("documented_module", &["documented_module.yaml"]);
}

#[test]
fn samples_become_a_topology() {
    assert_snapshot("sample", &["sample.yaml"]);
}

#[test]
fn the_node_of_the_guide_becomes_a_topology() {
    assert_snapshot("seed", &["seed.yaml"]);
}

#[test]
fn what_is_odd_is_told_and_left_out_or_guessed() {
    assert_snapshot("odd", &["odd.yaml"]);
}

#[test]
fn retry_policies_are_taken_over_and_what_is_odd_about_them_is_told() {
    assert_snapshot("retries", &["retries.yaml"]);
}

#[test]
fn what_is_no_manifest_is_told_with_its_place() {
    assert_snapshot("malformed", &["malformed.yaml"]);
}

#[test]
fn files_without_nodes_and_modules_are_told_so() {
    assert_snapshot("nothing", &["nothing.yaml"]);
}

#[test]
fn warnings_are_no_errors_and_errors_are() {
    let odd = imported("odd", &["odd.yaml"]).expect("warnings only");
    assert!(
        odd.report
            .expect("warnings")
            .mistakes()
            .iter()
            .all(|it| !it.is_error())
    );
    let malformed = imported("malformed", &["malformed.yaml"]).expect_err("no YAML");
    assert!(malformed.mistakes().iter().any(file::Mistake::is_error));
}

/// A call at the front door goes through the router, which chooses a port, and comes back.
#[test]
fn an_imported_topology_runs() {
    let topology = imported("real", &["real.yaml"]).expect("warnings only").topology;
    let names = ComponentNames::built_in();
    let topology = Arc::new(topology_from_str("real", &topology, &names).expect("sound"));
    let scenario = r#"
        name = "the imported flow"
        topology = "-"
        duration = "10s"
        seed = 1
        [[workload]]
        name = "visitors"
        from = "http-module-v0"
        to = "a1b2c3d4.http-module-v0.http-server-y2.in"
        rate = "20/s"
        timeout = "1s"
        payload = { port = "out_ok" }
        [[fault]]
        name = "outage"
        at = "4s"
        for = "1s"
        partition = { between = ["http-module-v0"], and = ["tinysystems-common-module-v0"] }
        [[expect]]
        workload = "visitors"
        until = "3s"
        success_rate = { at_least = 1.0 }
        [[expect]]
        workload = "visitors"
        during = "outage"
        unknown = { at_least = 5 }
    "#;
    run(scenario, topology);
}

fn run(scenario: &str, topology: Arc<Topology>) {
    let scenario =
        scenario_from_str("scenario", scenario, topology).unwrap_or_else(|report| panic!("{report}"));
    Harness::new()
        .run(scenario.plan(None))
        .expect("it ends")
        .assert_held();
}

/// What becomes of an edge with this policy, and what is told about it.
fn edge_with(policy: &str) -> (Edge, Option<Report>) {
    let text = format!(
        "kind: TinyModule\nmetadata: {{ name: m }}\n\
         ---\nkind: TinyNode\nmetadata: {{ name: a }}\n\
         spec: {{ module: m, edges: [{{ port: out, to: 'b:in', retryPolicy: {policy} }}] }}\n\
         ---\nkind: TinyNode\nmetadata: {{ name: b }}\nspec: {{ module: m }}\n"
    );
    let name = "one.yaml".to_owned();
    let names = ComponentNames::built_in();
    let imported = import("one", &[Source { name, text }], &names);
    let imported = imported.unwrap_or_else(|report| panic!("{report}"));
    let topology = topology_from_str("one", &imported.topology, &names);
    let mut topology = topology.unwrap_or_else(|report| panic!("{report}\n{}", imported.topology));
    let edge = topology.all_mut::<Module>()["m"].nodes["a"].edges.remove(0);
    (edge, imported.report)
}

/// The same, of a policy that there is nothing to tell about.
fn sound_edge_with(policy: &str) -> (Option<Duration>, Option<RetryPolicy>) {
    let (edge, report) = edge_with(policy);
    assert!(report.is_none(), "{policy}: {report:?}");
    (edge.timeout, edge.retry)
}

#[test]
fn a_single_attempt_is_no_retry_and_its_timeout_is_that_of_the_edge() {
    assert_eq!(sound_edge_with("~"), (None, None));
    assert_eq!(sound_edge_with("{ initialDelayMs: 5 }"), (None, None));
    let time = Duration::from_millis(700);
    let bounded = sound_edge_with("{ maxAttempts: 1, timeoutMs: 700 }");
    assert_eq!(bounded, (Some(time), None));
    let again = sound_edge_with("{ maxAttempts: 2, timeoutMs: 700 }");
    assert_eq!(
        again,
        (None, Some(RetryPolicy::attempts(2).attempt_timeout(time)))
    );
}

#[test]
fn no_attempts_are_three_as_deployed_modules_take_it() {
    let (edge, report) = edge_with("{ maxAttempts: 0 }");
    assert_eq!(edge.retry, Some(RetryPolicy::attempts(3)));
    assert!(report.is_some(), "which is told");
}

/// A ring of two, called at the first; `front` and `back` say what they run.
fn assert_ring(front: &str, back: &str, success_rate: &str) {
    let topology = format!(
        r#"
        name = "ring"
        [module.front.node.front]
        {front}
        edges = [{{ port = "out", to = "back.in" }}]
        [module.back.node.back]
        {back}
        edges = [{{ port = "out", to = "front.response" }}]
        "#
    );
    let scenario = format!(
        r#"
        name = "round and round"
        topology = "-"
        duration = "20s"
        seed = 1
        [[workload]]
        name = "calls"
        from = "front"
        to = "front.in"
        rate = "1/s"
        payload = {{ number = 1 }}
        [[expect]]
        workload = "calls"
        success_rate = {{ {success_rate} }}
        "#
    );
    let topology = topology_from_str("ring", &topology, &ComponentNames::built_in());
    run(
        &scenario,
        Arc::new(topology.unwrap_or_else(|report| panic!("{report}"))),
    );
}

#[test]
fn a_cycle_ends_where_a_stand_in_answers_and_else_at_the_depth_limit() {
    let passes = "component = \"forward\"";
    let answers = "component = \"forward\"\nsettings = { answers = [\"response\"] }";
    assert_ring(answers, passes, "at_least = 1.0");
    let routes = "component = \"router\"\n\
        settings = { field = \"port\", routes = {}, default = \"out\", answers = [\"response\"] }";
    assert_ring(routes, passes, "at_least = 1.0");
    let goes_on = "component = \"forward\"\ninputs = [\"in\", \"response\"]";
    assert_ring(goes_on, passes, "at_most = 0.0");
}

/// Pieces that manifests are made of.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "kind: TinyNode\n",
        "kind: TinyModule\n",
        "metadata: {name: a.b.c}\n",
        "metadata: {name: \"x\\ny # ]\"}\n",
        "metadata: {name: 'ü'}\n",
        "spec: {module: b, component: \"a\\nb = 1\"}\n",
        "spec: {module: 'ü\"/'}\n",
        "spec: {module: b, edges: [{port: 'o\"u.t', to: 'a.b.c:in'}]}\n",
        "status: {addr: ':1'}\n",
        "---\n",
        "spec: {module: m, edges: [{port: x, to: 'ü:y z'}, {port: error, to: 'a.b.c:\u{7f}'}]}\n",
        "  ",
        "- ",
        "[",
        "}",
        "status: {addr: \"x:1\\n[module]\"}\n",
        "status: {ports: [{name: in}]}\n",
        "spec: {module: b, edges: [{port: o, to: 'a.b.c:in', retryPolicy: {maxAttempts: 7, timeoutMs: 1}}]}\n",
        "spec: {module: b, edges: [{port: o, to: 'a.b.c:in', retryPolicy: {maxAttempts: -1, ",
        "nonRetryableErrorCodes: [\"a\\nb\", 'c\"]}#']}}]}\n",
        "maxAttempts: 3e3, backoffCoefficient: 1e308, ",
        "'",
        "\"",
    ];
    prop_oneof![9 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => ".{0,4}"]
}

/// Of a retry policy, those of numbers.
const KEYS: [&str; 5] = [
    "maxAttempts",
    "initialDelayMs",
    "backoffCoefficient",
    "maxDelayMs",
    "timeoutMs",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// What can be said in a topology reads back as it was said.
    #[test]
    fn a_retry_policy_reads_back_as_it_was(
        attempts in 2..=100_u32,
        first in 1..=315_360_000_000_u64,
        factor in prop_oneof![1.0..10.0_f64, 1.0..f64::MAX],
        max in 1..=315_360_000_000_u64,
        timeout in prop::option::of(1..=315_360_000_000_u64),
        codes in prop::collection::btree_set(".{1,8}", 0..4),
    ) {
        let mut expected = RetryPolicy::attempts(attempts).delays(
            Duration::from_millis(first),
            factor,
            Duration::from_millis(max),
        );
        expected.attempt_timeout = timeout.map(Duration::from_millis);
        expected.non_retryable_codes = codes.into_iter().collect();
        let policy = serde_json::json!({
            "maxAttempts": attempts,
            "initialDelayMs": first,
            "backoffCoefficient": factor.to_string(),
            "maxDelayMs": max,
            "timeoutMs": timeout,
            "nonRetryableErrorCodes": expected.non_retryable_codes,
        });
        // JSON is YAML.
        prop_assert_eq!(sound_edge_with(&policy.to_string()), (None, Some(expected)));
    }

    /// Whatever a policy says is in the topology, or it is told that something else is.
    #[test]
    fn nothing_that_a_retry_policy_says_is_lost_without_a_word(
        key in prop::sample::select(KEYS.to_vec()),
        value in prop_oneof![
            any::<i64>().prop_map(|it| it.to_string()),
            (-3..200_i64).prop_map(|it| it.to_string()),
            any::<f64>().prop_map(|it| it.to_string()),
            "[a-z0-9.+-]{0,4}",
        ],
    ) {
        let attempts = if key == "maxAttempts" { "" } else { "maxAttempts: 2, " };
        let (edge, report) = edge_with(&format!("{{ {attempts}{key}: '{value}' }}"));
        let retry = edge.retry.unwrap_or_else(|| RetryPolicy::attempts(1));
        let is_time = |time: Duration| value.parse() == Ok(time.as_millis());
        let is_taken = match key {
            "maxAttempts" => value.parse() == Ok(retry.max_attempts),
            "initialDelayMs" => is_time(retry.initial_delay),
            "backoffCoefficient" => value.parse() == Ok(retry.coefficient),
            "maxDelayMs" => is_time(retry.max_delay),
            "timeoutMs" => retry.attempt_timeout.is_some_and(is_time),
            _ => false,
        };
        prop_assert_eq!(is_taken, report.is_none(), "{}: {} became {:?}", key, value, retry);
    }

    /// Whatever is taken is a sound topology; whatever is not has a reason that can be shown.
    #[test]
    fn arbitrary_manifests_become_a_sound_topology_or_a_report(
        files in prop::collection::vec(prop::collection::vec(piece(), 0..16), 1..3)
    ) {
        let source = |pieces: &Vec<String>| Source { name: "any.yaml".to_owned(), text: pieces.concat() };
        let sources: Vec<_> = files.iter().map(source).collect();
        let report = match import("any", &sources, &ComponentNames::built_in()) {
            Ok(imported) => {
                let topology = topology_from_str("any", &imported.topology, &ComponentNames::built_in());
                prop_assert!(topology.is_ok(), "{}", imported.topology);
                imported.report
            }
            Err(report) => {
                prop_assert!(report.mistakes().iter().any(file::Mistake::is_error), "{report}");
                // A mistake in the topology would be ours.
                let has_place = |it: &file::Mistake| it.file() == "any" && it.line_and_column().is_some();
                prop_assert!(!report.mistakes().iter().any(has_place), "{report}");
                Some(report)
            }
        };
        prop_assert!(report.is_none_or(|report| !file::render(&report, false, 80).is_empty()));
    }
}

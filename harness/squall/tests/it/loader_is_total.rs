//! The loader has an answer to everything: a value, or a report that can be rendered. It never panics.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use squall::faults::{DrainProvider, Partition, Reset};
use squall::file::{self, ComponentNames, Report};
use squall::plan::{
    Arrival, Canary, ClusterNode, Delivery, Manager, Module, ModuleCall, NodePort, PipelineRun, Plan,
    ProviderModule, Topology,
};
use squall::scenario::Scenario;

const TOPOLOGY: &str = include_str!("../every_key/topology.toml");
const SCENARIO: &str = include_str!("../every_key/scenario.toml");

fn topology(text: &str) -> Result<Topology, Report> {
    file::topology_from_str("topology.toml", text, &ComponentNames::built_in())
}

fn scenario(text: &str) -> Result<Scenario, Report> {
    let topology = topology(TOPOLOGY).expect("it is valid");
    file::scenario_from_str("scenario.toml", text, Arc::new(topology))
}

/// Loads the text as both kinds of file, and uses whatever comes of it.
fn load(text: &str) {
    let reports = [
        topology(text).err(),
        scenario(text)
            .map(|scenario| check_plan(&scenario.plan(Some(1))))
            .err(),
    ];
    for report in reports.into_iter().flatten() {
        assert!(!report.mistakes().is_empty());
        assert!(
            report
                .mistakes()
                .iter()
                .all(|mistake| mistake.line_and_column().is_some()),
            "{report}"
        );
        assert!(!file::render(&report, false, 80).is_empty());
        assert!(!report.to_string().is_empty());
    }
}

/// What every plan promises.
fn check_plan(plan: &Plan) {
    for workload in &plan.workloads {
        assert!(
            workload.start < workload.end && workload.end <= plan.duration,
            "{workload:?}"
        );
        assert!(!workload.from.is_empty());
        let target = &workload.target;
        let managers = &plan.topology.all::<Manager>();
        if let Some(NodePort { node, .. }) = target.downcast_ref() {
            assert!(Module::owning(&plan.topology, node).is_some());
        } else if target.is::<PipelineRun>() {
            assert!(workload.from.iter().all(|host| managers.contains_key(host)));
        } else if let Some(ModuleCall { name, .. }) = target.downcast_ref() {
            let is_known = |manager| {
                ProviderModule::called(&plan.topology, manager, name)
                    .next()
                    .is_some()
            };
            assert!(
                workload.from.iter().all(|manager| is_known(manager)),
                "{workload:?}"
            );
        } else if let Some(Delivery { actor, node, .. }) = target.downcast_ref() {
            let nodes = plan.topology.all::<ClusterNode>();
            assert!(nodes[node].actors.contains_key(actor), "{workload:?}");
            assert!(workload.from.iter().all(|host| nodes.contains_key(host)));
        } else {
            panic!("nothing else is registered, and so not {target:?}");
        }
    }
    for fault in &plan.faults {
        assert!(fault.at < plan.duration, "{fault:?}");
        let kind = &fault.kind;
        let is_instant = kind.is::<Reset>() || kind.is::<DrainProvider>() || kind.is::<Canary>();
        let ends_in_order = |until| until > fault.at || (is_instant && until == fault.at);
        assert!(fault.until.is_none_or(ends_in_order), "{fault:?}");
    }
    for window in plan.expectations.iter().filter_map(|it| it.window()) {
        let until = window.until.unwrap_or(plan.duration);
        assert!(window.from < until.min(plan.duration), "{window:?}");
    }
}

/// Pieces that files are made of, so that a mutation often is TOML still.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "\"",
        "=",
        "[",
        "]",
        "{",
        "}",
        "\n",
        ".",
        "..",
        "-",
        "0",
        "1",
        "-1",
        "1e400",
        "nan",
        "\"*\"",
        "\"0s\"",
        "\"3650d\"",
        "\"99999999999y\"",
        "\"1ns..3650d\"",
        "\"0%\"",
        "\"1/0\"",
        "\"1/4294967295..1\"",
        "\"1/s\"",
        "\"1/3650d..1/ns\"",
        "9223372036854775808",
        "18446744073709551616",
        "\"1..18446744073709551615\"",
        "true",
        "2026-01-01",
        "\u{feff}",
        "\r",
        "é",
        "[[fault]]",
        "[[expect]]",
        "[module.x]",
        "[manager.x]",
        "[provider.x]",
        "\"Map<String, List<{ a: Int }>>\"",
        "\"Optional<\"",
        "\"engine\"",
        "\"ml.Analyze\"",
        "\"split\"",
        "\"orders\"",
        "\"[\"",
        "\"{a\"",
        "\"\"",
        "'''",
    ];
    prop_oneof![4 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => ".{0,4}"]
}

/// Takes out some characters of `text` and puts `insert` there. Places count from 0 to 1.
fn mutated(text: &str, edits: &[(f64, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, length, insert) in edits {
        let start = ((chars.len() as f64) * place) as usize;
        let end = (start + length).min(chars.len());
        chars.splice(start..end, insert.chars());
    }
    chars.into_iter().collect()
}

/// Replaces one value, so that the file most often is TOML still.
fn with_value(text: &str, place: f64, value: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let assignments: Vec<usize> = (0..lines.len())
        .filter(|line| lines[*line].contains(" = "))
        .collect();
    let chosen = assignments[((assignments.len() as f64) * place) as usize];
    let with = |(index, line): (usize, &&str)| match line.split_once(" = ") {
        Some((key, _)) if index == chosen => format!("{key} = {value}\n"),
        _ => format!("{line}\n"),
    };
    lines.iter().enumerate().map(with).collect()
}

/// A scenario of workloads and faults whose times leave room for one another.
fn valid_scenario() -> impl Strategy<Value = (String, usize, usize)> {
    let workload = (1..500_u32, 0..30_u32, any::<bool>());
    let fault = (1..5_u32, 0..12_usize);
    (prop::collection::vec(workload, 1..5), prop::collection::vec(fault, 0..8), any::<u64>()).prop_map(
        |(workloads, faults, seed)| {
            let mut text = format!("name = \"generated\"\ntopology = \"-\"\nduration = \"120s..200s\"\nseed = {seed}\n");
            for (index, (rate, start, open)) in workloads.iter().enumerate() {
                let arrival = if *open { format!("rate = \"{rate}/s..1000/s\"") } else { format!("clients = {rate}") };
                text += &format!(
                    "[[workload]]\nname = \"w{index}\"\nfrom = \"orders\"\nto = \"log.in\"\nstart = \"{start}s..60s\"\n{arrival}\n"
                );
            }
            for (index, (length, kind)) in faults.iter().enumerate() {
                let kind = [
                    "partition = { isolate = \"store\" }",
                    "latency = { between = \"front\", and = \"orders\", add = \"1ms..9ms\" }",
                    "loss = { from = \"front\", to = \"store\", ratio = \"1%..1/2\" }",
                    "bandwidth = { between = \"front\", and = \"store\", rate = \"9600 bit/s..1 GB/s\" }",
                    "hold = { from = \"front\", to = \"store\" }",
                    "refuse = { hosts = \"store\" }",
                    "blackhole = { between = \"front\", and = \"store\" }",
                    "kill = { hosts = \"store\" }",
                    "crash = { hosts = \"orders-*\" }",
                    "pause = { hosts = \"front\" }",
                    "heartbeat_loss = { provider = \"ml-a\", acks = true }",
                    "kill = { hosts = [\"engine\", \"data\"] }",
                ][*kind];
                let at = 10 * (index + 1);
                let late = at + 3;
                text += &format!("[[fault]]\nname = \"f{index}\"\nat = \"{at}s..{late}s\"\nfor = \"{length}s\"\n{kind}\n");
                text += &format!("[[expect]]\nworkload = \"w0\"\nafter = \"f{index}\"\ncalls = {{ at_least = 1 }}\n");
            }
            (text, workloads.len(), faults.len())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn arbitrary_text_is_answered(text in any::<String>()) {
        load(&text);
    }

    #[test]
    fn arbitrary_pieces_of_files_are_answered(pieces in prop::collection::vec(piece(), 0..20)) {
        load(&pieces.concat());
    }

    #[test]
    fn mutated_files_are_answered(edits in prop::collection::vec((0.0..1.0, 0..6_usize, piece()), 1..5)) {
        load(&mutated(TOPOLOGY, &edits));
        load(&mutated(SCENARIO, &edits));
    }

    #[test]
    fn files_with_another_value_are_answered(place in 0.0..1.0, value in piece()) {
        load(&with_value(TOPOLOGY, place, &value));
        load(&with_value(SCENARIO, place, &value));
    }

    #[test]
    fn arbitrary_bytes_in_a_file_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let report = file::check(file.path(), &ComponentNames::built_in()).expect_err("no bytes of that kind are a file");
        prop_assert!(!file::render(&report, false, 80).is_empty());
    }

    #[test]
    fn a_valid_scenario_is_planned_for_every_seed((text, workloads, faults) in valid_scenario(), seed in any::<u64>()) {
        let scenario = scenario(&text).unwrap_or_else(|report| panic!("{}", file::render(&report, false, 100)));
        let plan = scenario.plan(Some(seed));
        check_plan(&plan);
        prop_assert_eq!((plan.workloads.len(), plan.faults.len(), plan.expectations.len()), (workloads, faults, faults));
        prop_assert!((Duration::from_secs(120)..=Duration::from_secs(200)).contains(&plan.duration));
        for workload in &plan.workloads {
            if let Arrival::Open { calls, per } = workload.arrival {
                prop_assert!(calls <= 1000 && per == Duration::from_secs(1));
            }
        }
        let hosts = plan.topology.all_hosts().count();
        for fault in &plan.faults {
            if let Some(Partition(pairs)) = fault.kind.downcast_ref() {
                prop_assert_eq!(pairs.from.len() + pairs.to.len(), hosts);
            }
        }
        prop_assert_eq!(scenario.plan(Some(seed)), plan);
    }
}

//! What valid files mean that have managers and providers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use squall::faults::Crash;
use squall::file::{self, ComponentNames, Kind};
use squall::plan::{
    Answer, Canary, Flaky, Latency, Manager, ModuleCall, Plan, Provider, ProviderCheck, ProviderExpectation,
    ProviderState, Ratio, Reconnect, Topology,
};
use squall_value::{CType, CValue};

fn topology(text: &str) -> Topology {
    file::topology_from_str("topology.toml", text, &ComponentNames::built_in())
        .unwrap_or_else(|report| panic!("{report}"))
}

fn plan(rest: &str) -> Plan {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let text = format!("name = \"test\"\ntopology = \"-\"\nduration = \"60s\"\n{rest}");
    let scenario = file::scenario_from_str("scenario.toml", &text, Arc::new(topology));
    scenario.unwrap_or_else(|report| panic!("{report}")).plan(None)
}

const TEXT_TO_TEXT: &str =
    "input = { text = \"String\" }\noutput = { text = \"String\" }\nhandler = { kind = \"echo\" }\n";

#[test]
fn what_a_manager_and_a_provider_do_not_say_has_defaults() {
    let topology = topology(&format!(
        "name = \"t\"\n[manager.m]\n[provider.p]\nmanager = \"m\"\nnamespace = \"ns\"\n[provider.p.module.Echo]\n{TEXT_TO_TEXT}"
    ));
    assert_eq!(topology.all::<Manager>()["m"], Manager::new("m"));
    let provider = &topology.all::<Provider>()["p"];
    assert_eq!(
        (&provider.hosts[..], &provider.managers[..]),
        (&["p".to_owned()][..], &["m".to_owned()][..])
    );
    assert_eq!(
        (provider.group.as_deref(), provider.reconnect),
        (None, Reconnect::default())
    );
    assert_eq!(provider.heartbeat_interval, Duration::from_secs(5));
    let module = &provider.modules["Echo"];
    assert_eq!(
        (module.version.as_str(), &module.handler.answer),
        ("1.0.0", &Answer::Echo)
    );
    assert_eq!(
        (&module.handler.delay, module.handler.errors),
        (&None, Ratio::ZERO)
    );
}

#[test]
fn types_and_values_are_what_the_file_says() {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let analyze = &topology.all::<Provider>()["ml-a"].modules["Analyze"];
    let input = CType::product([("text", CType::String), ("depth", CType::optional(CType::Int))]);
    assert_eq!(analyze.input, input);
    let Answer::Fixed(output) = &analyze.handler.answer else {
        panic!("the answer is fixed")
    };
    assert_eq!(output.ctype(), analyze.output);
    assert_eq!(
        output.field("sentiment"),
        Some(&CValue::Float(1.0)),
        "a whole number is a float, too"
    );
    assert!(matches!(analyze.handler.delay, Some(Latency::LogNormal { .. })));
    let flaky = Flaky {
        ok: Duration::from_secs(10),
        failing: Duration::from_secs(2),
    };
    assert_eq!(analyze.handler.flaky, Some(flaky));
    let row = CType::product([
        ("id", CType::Int),
        ("tags", CType::list(CType::product([("name", CType::String)]))),
    ]);
    assert_eq!(
        topology.all::<Provider>()["data"].modules["Enrich"].input,
        CType::product([("row", row)])
    );
}

#[test]
fn every_kind_of_host_has_a_link_and_can_be_struck() {
    let plan =
        plan("[[fault]]\nname = \"all\"\nat = \"1s\"\ncrash = { hosts = [\"engine\", \"ml-a\", \"da*\"] }\n");
    let Some(Crash { hosts }) = plan.faults[0].kind.downcast_ref() else {
        panic!("a crash")
    };
    assert_eq!(hosts, &["engine", "ml-a-0", "ml-a-1", "data"]);
}

#[test]
fn a_call_finds_its_module_at_the_manager_and_at_its_providers() {
    let calls = "[[workload]]\nname = \"w\"\nfrom = \"engine\"\nrate = \"1/s\"\n";
    let target = |rest: &str| plan(&format!("{calls}{rest}")).workloads[0].target.clone();
    let called = target("call = \"ml.Analyze\"\ninput = { text = \"hello\" }\n");
    let Some(ModuleCall { name, input }) = called.downcast_ref() else {
        panic!("a module is called")
    };
    assert_eq!(name, "ml.Analyze");
    assert_eq!(
        input.field("depth"),
        Some(&CValue::None {
            inner: Arc::new(CType::Int)
        }),
        "it may be absent"
    );
    let upper = target("call = \"stdlib.Upper\"\ninput = { input = \"hello\" }\n");
    assert_eq!(
        upper.text(),
        "stdlib.Upper",
        "an input that is no record has one field, `input`"
    );
}

#[test]
fn an_expectation_of_a_provider_is_of_all_its_hosts_at_all_its_managers() {
    let plan =
        plan("[[expect]]\nprovider = \"ml-a\"\nbecomes = \"active\"\nafter = \"35s\"\nwithin = \"16s\"\n");
    let Some(expectation) = plan.expectations[0].downcast_ref::<ProviderExpectation>() else {
        panic!("it is of a provider")
    };
    assert_eq!(expectation.hosts, ["ml-a-0", "ml-a-1"]);
    assert_eq!(expectation.managers, ["engine"]);
    assert_eq!(expectation.check, ProviderCheck::Becomes(ProviderState::Active));
    let window = &expectation.window;
    let secs = Duration::from_secs;
    assert_eq!((window.from, window.until), (secs(35), Some(secs(51))));
    assert_eq!(window.text, "within 16s after 35s");
}

#[test]
fn a_canary_has_the_modules_of_before_in_another_version() {
    let path = Path::new("tests/every_key/scenario.toml");
    let scenario = file::load_scenario(path, &ComponentNames::built_in());
    let plan = scenario.unwrap_or_else(|report| panic!("{report}")).plan(None);
    let (_, fault, canary) = plan.faults_of::<Canary>().next().unwrap();
    assert_eq!(
        fault.until,
        Some(fault.at),
        "it ends by itself: as a fault it happens at one instant"
    );
    assert_eq!(
        (canary.provider.as_str(), &canary.hosts[..]),
        ("ml-a", &["ml-a-0".to_owned(), "ml-a-1".to_owned()][..])
    );
    let (before, now) = (
        &plan.topology.all::<Provider>()["ml-a"].modules["Analyze"],
        &canary.modules["Analyze"],
    );
    assert_eq!((&before.input, &before.output), (&now.input, &now.output));
    assert_eq!(now.version, "2.0.0");
    assert_ne!(before.handler, now.handler);
}

#[test]
fn a_file_with_managers_alone_is_a_topology() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "name = \"t\"\n[manager.m]\n").unwrap();
    let kind = file::check(file.path(), &ComponentNames::built_in());
    assert_eq!(
        kind.unwrap_or_else(|report| panic!("{report}")).kind,
        Kind::Topology
    );
}

#[test]
fn a_manager_that_waits_no_longer_than_a_provider_is_warned_of() {
    let warned = |manager: &str, provider: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("t.toml");
        let text = format!(
            "name = \"t\"\n[manager.engine]\n{manager}\n[provider.ml]\nmanager = \"engine\"\nnamespace = \"ml\"\n\
             {provider}\n[provider.ml.module.Analyze]\n{TEXT_TO_TEXT}"
        );
        std::fs::write(&path, text).expect("writable");
        let checked = file::check(&path, &ComponentNames::built_in()).expect("it can be taken");
        checked.warnings.map(|report| file::render(&report, false, 100))
    };
    for (manager, provider, line) in [
        ("heartbeat_timeout = \"5s\"", "", "t.toml:3:"),
        (
            "heartbeat_timeout = \"2s\"",
            "heartbeat_interval = \"2s\"",
            "t.toml:7:",
        ),
        ("", "heartbeat_interval = \"20s\"", "t.toml:7:"),
    ] {
        let told = warned(manager, provider).expect("a warning");
        assert!(told.contains("takes the provider `ml` for silent"), "{told}");
        assert!(
            told.contains(line) && told.contains("several times as long"),
            "{told}"
        );
    }
    for (manager, provider) in [
        ("", ""),
        ("heartbeat_timeout = \"6s\"", ""),
        ("heartbeat_timeout = \"2s\"", "heartbeat_interval = \"1s\""),
    ] {
        assert_eq!(warned(manager, provider), None);
    }
}

#[test]
fn a_namespace_that_no_longer_is_reserved_can_be_taken() {
    let taken = |reserved: &str| {
        let text = format!(
            "name = \"t\"\n[manager.engine]\n{reserved}\n[provider.ml]\nmanager = \"engine\"\n\
             namespace = \"stdlib\"\n[provider.ml.module.Analyze]\n{TEXT_TO_TEXT}"
        );
        file::topology_from_str("t.toml", &text, &ComponentNames::built_in()).is_ok()
    };
    assert!(taken("reserved = []") && taken("reserved = [\"stdlib.text\"]"));
    assert!(!taken(""));
}

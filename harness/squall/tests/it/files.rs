//! What valid files mean.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use squall::faults;
use squall::file::{self, ComponentNames, Kind};
use squall::plan::{
    Arrival, CallsExpectation, Check, ClockShift, Connects, Latency, Module, NodePort, Pairs, Plan, Quantile,
    Ratio, Topology,
};
use squall::scenario::Scenario;
use squall_router::{Keepalive, Policy, RetryPolicy};

fn topology(text: &str) -> Topology {
    file::topology_from_str("topology.toml", text, &ComponentNames::built_in())
        .unwrap_or_else(|report| panic!("{report}"))
}

fn scenario(rest: &str) -> Scenario {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let head = "name = \"test\"\ntopology = \"-\"\nduration = \"60s\"\n";
    let calls = "[[workload]]\nname = \"calls\"\nfrom = \"front\"\nto = \"log.in\"\nrate = \"10/s\"\n";
    let text = format!("{head}{calls}{rest}");
    file::scenario_from_str("scenario.toml", &text, Arc::new(topology))
        .unwrap_or_else(|report| panic!("{report}"))
}

fn every_key() -> Scenario {
    let path = Path::new("tests/every_key/scenario.toml");
    file::load_scenario(path, &ComponentNames::built_in()).unwrap_or_else(|report| panic!("{report}"))
}

fn drawn(plan: &Plan, path: &str) -> Option<String> {
    plan.drawn
        .iter()
        .find(|(name, _)| name == path)
        .map(|(_, value)| value.clone())
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn the_examples_of_the_repository_are_valid() {
    for folder in ["../../topologies", "../../scenarios"] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let checked = file::check(&path, &ComponentNames::built_in())
                    .unwrap_or_else(|report| panic!("{report}"));
                assert_eq!(
                    checked.kind == Kind::Scenario,
                    folder.ends_with("scenarios"),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn a_scenario_finds_its_topology_beside_itself() {
    let healthy = file::load_scenario(
        Path::new("../../scenarios/healthy.toml"),
        &ComponentNames::built_in(),
    )
    .unwrap();
    let plan = healthy.plan(None);
    assert_eq!((healthy.name(), healthy.seed(), plan.seed), ("healthy", 7, 7));
    assert_eq!(plan.topology.name, "pair");
    assert_eq!(plan.topology.network.latency, Latency::Constant(millis(2)));
    assert_eq!(
        plan.workloads[0].arrival,
        Arrival::Open {
            calls: 100,
            per: secs(1)
        }
    );
    assert_eq!(
        plan.workloads[0].target.downcast_ref(),
        Some(&NodePort {
            node: "echo".to_owned(),
            port: "in".to_owned(),
            payload: serde_json::json!({ "text": "hello", "number": "{call}" }),
        })
    );
    assert_eq!(
        plan.expectations.len(),
        5,
        "each check is an expectation of its own"
    );
    assert!(plan.drawn.is_empty(), "nothing was left open");
}

#[test]
fn replicas_are_hosts_called_after_their_module_and_a_number() {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let hosts: Vec<&str> = Module::on_hosts(&topology).map(|(host, _)| host).collect();
    assert_eq!(hosts, ["front", "orders-0", "orders-1", "orders-2", "store"]);
    assert_eq!(Module::owning(&topology, "order.v1").unwrap().name, "orders");
}

#[test]
fn names_and_settings_keep_the_order_of_the_file() {
    let topology = topology(
        "name = \"t\"\n[module.z.node.b]\ncomponent = \"fail\"\nsettings = { message = \"m\", code = \"c\" }\n[module.z.node.a]\ncomponent = \"echo\"\n[module.a]\n",
    );
    assert_eq!(topology.all::<Module>().keys().collect::<Vec<_>>(), ["z", "a"]);
    let nodes = &topology.all::<Module>()["z"].nodes;
    assert_eq!(nodes.keys().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(nodes["b"].settings.to_string(), r#"{"message":"m","code":"c"}"#);
}

#[test]
fn what_a_topology_does_not_say_has_defaults() {
    let topology = topology("name = \"t\"\n[module.a.node.n]\ncomponent = \"echo\"\n");
    assert_eq!(topology.network.latency, Latency::Constant(millis(1)));
    assert_eq!(topology.network.loss, Ratio::ZERO);
    assert_eq!(topology.all::<Module>()["a"].call_timeout, secs(30));
    assert_eq!(topology.all::<Module>()["a"].keepalive, Some(Keepalive::client()));
    assert_eq!(topology.all::<Module>()["a"].hosts, ["a"]);
    assert_eq!(
        topology.all::<Module>()["a"].nodes["n"].settings,
        serde_json::json!({})
    );
}

#[test]
fn a_destination_is_split_at_its_last_dot() {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let edge = &topology.all::<Module>()["front"].nodes["http"].edges[0];
    assert_eq!(
        (edge.port.as_str(), edge.node.as_str(), edge.target_port.as_str()),
        ("out", "order.v1", "in")
    );
}

#[test]
fn an_edge_can_have_a_timeout_a_retry_and_a_policy() {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let [out, audit] = &topology.all::<Module>()["front"].nodes["http"].edges[..] else {
        panic!("two edges")
    };
    let retry = RetryPolicy::attempts(4)
        .delays(millis(100), 1.5, secs(1))
        .attempt_timeout(millis(500))
        .jitter(20)
        .idempotent()
        .non_retryable("E402")
        .non_retryable("quota exceeded");
    assert_eq!((out.timeout, out.retry.as_ref()), (Some(secs(2)), Some(&retry)));
    assert_eq!((out.policy, audit.policy), (Policy::All, Policy::Any));
    assert_eq!((audit.timeout, &audit.retry), (None, &None));
}

#[test]
fn links_stand_for_all_hosts_that_they_name() {
    let topology = topology(include_str!("../every_key/topology.toml"));
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let both_ways = Pairs {
        from: names(&["front"]),
        to: names(&["store"]),
        both_ways: true,
    };
    let one_way = Pairs {
        from: names(&["orders-0", "orders-1", "orders-2"]),
        to: names(&["store"]),
        both_ways: false,
    };
    assert_eq!(
        [&topology.links[0].pairs, &topology.links[1].pairs],
        [&both_ways, &one_way]
    );
    assert_eq!(
        topology.links[0].latency,
        Some(Latency::LogNormal {
            median: millis(15),
            p99: millis(45)
        })
    );
    assert_eq!(
        topology.links[0].loss,
        Some(Ratio {
            numerator: 1,
            denominator: 50
        })
    );
    assert_eq!(
        (&topology.links[1].latency, topology.links[1].loss),
        (&Some(Latency::Constant(millis(20))), None)
    );
}

#[test]
fn a_component_that_a_test_registers_may_be_named_and_checks_its_settings() {
    let text = "name = \"t\"\n[module.a.node.n]\ncomponent = \"mine\"\nsettings = { x = 1 }\n";
    assert!(file::topology_from_str("t", text, &ComponentNames::built_in()).is_err());
    let mine = ComponentNames::built_in().with("mine");
    assert!(file::topology_from_str("t", text, &mine).is_ok());
    let strict = mine.checking_settings(|name, settings| Err(format!("{name} got {settings}")));
    let report = file::topology_from_str("t", text, &strict).unwrap_err();
    assert!(
        file::render(&report, false, 100).contains(r#"mine got {"x":1}"#),
        "{report}"
    );
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_seed_another_one() {
    let scenario = every_key();
    assert_eq!(scenario.plan(Some(3)), every_key().plan(Some(3)));
    assert_ne!(scenario.plan(Some(3)).drawn, scenario.plan(Some(4)).drawn);
    assert_eq!(
        scenario.plan(None),
        scenario.plan(Some(u64::MAX)),
        "the file's own seed"
    );
}

#[test]
fn every_range_is_drawn_within_its_ends_and_recorded() {
    for seed in 0..200 {
        let plan = every_key().plan(Some(seed));
        let split = &plan.faults[0];
        assert!((secs(10)..=secs(20)).contains(&split.at));
        assert!((secs(5)..=secs(10)).contains(&(split.until.unwrap() - split.at)));
        assert_eq!(drawn(&plan, "fault split: at"), Some(format!("{:?}", split.at)));
        let Arrival::Closed { clients, .. } = plan.workloads[1].arrival else {
            panic!("`closed` has clients")
        };
        assert!((2..=8).contains(&clients));
        assert_eq!(
            drawn(&plan, "workload closed: clients"),
            Some(clients.to_string())
        );
        assert_eq!(plan.drawn.len(), 25, "{:?}", plan.drawn);
    }
}

#[test]
fn a_range_takes_more_than_one_value_over_seeds() {
    let scenario = every_key();
    let rates: std::collections::BTreeSet<_> = (0..50)
        .map(|seed| drawn(&scenario.plan(Some(seed)), "workload open: rate"))
        .collect();
    assert!(rates.len() > 20, "{rates:?}");
}

#[test]
fn another_fault_does_not_shift_what_is_drawn_for_the_first() {
    let split = "[[fault]]\nname = \"split\"\nat = \"10s..20s\"\nfor = \"1s..9s\"\npartition = { isolate = \"store\" }\n";
    let other = "[[fault]]\nname = \"other\"\nat = \"10s..20s\"\nfor = \"1s..9s\"\npartition = { isolate = \"store\" }\n";
    for seed in 0..20 {
        let alone = scenario(split).plan(Some(seed));
        let with_other = scenario(&format!("{other}{split}")).plan(Some(seed));
        assert_eq!(alone.faults[0], with_other.faults[1]);
        assert_ne!(
            with_other.faults[0].at, with_other.faults[1].at,
            "equal ranges have different streams"
        );
    }
}

#[test]
fn faults_are_what_the_file_says() {
    let plan = every_key().plan(Some(1));
    let fault = |name: &str| plan.faults.iter().find(|fault| fault.name == name).unwrap();
    let Some(faults::Partition(pairs)) = fault("#2").kind.downcast_ref() else {
        panic!("an unnamed fault is called by its place")
    };
    assert_eq!(
        (&pairs.from[..], &pairs.to[..], pairs.both_ways),
        (&["orders-0".into()][..], &["store".into()][..], false)
    );
    let Some(faults::Partition(pairs)) = fault("alone").kind.downcast_ref() else {
        panic!("isolation is a partition")
    };
    assert_eq!(pairs.from, ["orders-2"]);
    let others = ["front", "orders-0", "orders-1", "store"];
    let of_providers = ["engine", "spare", "ml-a-0", "ml-a-1", "data"];
    let of_others = ["east", "desk-0", "desk-1"];
    assert_eq!(
        pairs.to,
        [&others[..], &of_providers[..], &of_others[..]].concat()
    );
    assert!(pairs.both_ways);
    assert_eq!(fault("alone").until, None, "without `for` a fault does not end");
    assert!(matches!(
        fault("slow").kind.downcast_ref(),
        Some(faults::Latency {
            added: true,
            latency: Latency::Uniform { .. },
            ..
        })
    ));
    assert!(matches!(
        fault("far").kind.downcast_ref(),
        Some(faults::Latency {
            added: false,
            latency: Latency::LogNormal { .. },
            ..
        })
    ));
    assert!(matches!(
        fault("lossy-one-way").kind.downcast_ref(),
        Some(faults::Loss {
            ratio: Ratio {
                numerator: 1,
                denominator: 3
            },
            ..
        })
    ));
    let Some(faults::Bandwidth { rate, .. }) = fault("narrow-one-way").kind.downcast_ref() else {
        panic!("it is a bandwidth")
    };
    assert_eq!(rate.bits_per_second.get(), 524_288);
    assert!(matches!(fault("stopped").kind.downcast_ref(), Some(faults::Hold(pairs)) if pairs.both_ways));
    let cut = fault("cut");
    assert!(matches!(cut.kind.downcast_ref(), Some(faults::Reset(pairs)) if !pairs.both_ways));
    assert_eq!(cut.until, Some(cut.at), "it is over as soon as it struck");
    assert_eq!(
        fault("shut").kind.downcast_ref(),
        Some(&faults::Refuse(Connects::To(vec!["store".into()])))
    );
    let Some(faults::Blackhole(Connects::Between(pairs))) = fault("mute").kind.downcast_ref() else {
        panic!("it is between hosts")
    };
    assert_eq!(pairs.to, ["orders-0", "orders-1", "orders-2"]);
    assert_eq!(
        fault("vanish").kind.downcast_ref(),
        Some(&faults::Crash {
            hosts: vec!["orders-0".into(), "front".into()]
        })
    );
    assert_eq!(
        fault("yesterday").kind.downcast_ref(),
        Some(&faults::Clock {
            hosts: vec!["front".into(), "store".into()],
            shift: ClockShift::Behind(millis(1500)),
        })
    );
    assert!(matches!(
        fault("tomorrow").kind.downcast_ref(),
        Some(faults::Clock {
            shift: ClockShift::Ahead(by),
            ..
        }) if *by >= secs(3600)
    ));
    assert_eq!(
        (fault("gc").at, fault("gc").until),
        (secs(45), Some(millis(45_300)))
    );
}

#[test]
fn a_restart_is_a_kill_that_ends() {
    let plan =
        scenario("[[fault]]\nat = \"10s\"\nrestart = { hosts = \"orders\", down = \"500ms\" }\n").plan(None);
    let hosts = ["orders-0", "orders-1", "orders-2"].map(str::to_owned).to_vec();
    assert_eq!(plan.faults[0].kind.downcast_ref(), Some(&faults::Kill { hosts }));
    assert_eq!(
        (plan.faults[0].at, plan.faults[0].until),
        (secs(10), Some(millis(10_500)))
    );
}

#[test]
fn lists_and_globs_name_each_host_once() {
    let plan =
        scenario("[[fault]]\nat = \"10s\"\nkill = { hosts = [\"orders-1\", \"*s-?\", \"{front,store}\"] }\n")
            .plan(None);
    let hosts = ["orders-1", "orders-0", "orders-2", "front", "store"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(plan.faults[0].kind.downcast_ref(), Some(&faults::Kill { hosts }));
}

#[test]
fn a_workload_ends_with_the_run_at_the_latest() {
    let workload = |rest: &str| {
        let text =
            format!("[[workload]]\nname = \"w\"\nfrom = \"front\"\nto = \"log.in\"\nclients = 3\n{rest}");
        let plan = scenario(&text).plan(None);
        (plan.workloads[1].start, plan.workloads[1].end)
    };
    assert_eq!(workload(""), (secs(0), secs(60)));
    assert_eq!(workload("start = \"10s\"\nend = \"20s\""), (secs(10), secs(20)));
    assert_eq!(workload("start = \"10s\"\nfor = \"20s\""), (secs(10), secs(30)));
    assert_eq!(workload("start = \"50s\"\nfor = \"20s\""), (secs(50), secs(60)));
    assert_eq!(workload("end = \"2h\""), (secs(0), secs(60)));
}

#[test]
fn what_a_workload_does_not_say_has_defaults() {
    let workload = &scenario("").plan(None).workloads[0];
    assert_eq!((workload.limit, workload.timeout), (None, None));
    let Some(NodePort { payload, .. }) = workload.target.downcast_ref() else {
        panic!("`to` is a port")
    };
    assert_eq!(*payload, serde_json::json!({}));
    assert_eq!(scenario("").plan(None).wall_limit, secs(60));
    assert_eq!(scenario("").plan(None).interleave, Ratio::ZERO);
}

/// The window of an expectation with these keys: from, until, and how to say it.
fn window(keys: &str) -> (Duration, Option<Duration>, String) {
    let faults = "[[fault]]\nname = \"split\"\nat = \"10s\"\nfor = \"5s\"\npartition = { isolate = \"store\" }\n\
                  [[fault]]\nname = \"down\"\nat = \"30s\"\nkill = { hosts = \"store\" }\n";
    let text = format!("{faults}[[expect]]\nworkload = \"calls\"\nok = {{ at_least = 1 }}\n{keys}");
    let expectations = scenario(&text).plan(None).expectations;
    let window = expectations[0]
        .downcast_ref::<CallsExpectation>()
        .expect("it is of calls")
        .window
        .clone();
    (window.from, window.until, window.text)
}

#[test]
fn a_window_is_between_faults_or_times() {
    assert_eq!(window(""), (secs(0), None, "".into()));
    assert_eq!(
        window("during = \"split\""),
        (secs(10), Some(secs(15)), "during split".into())
    );
    assert_eq!(
        window("during = \"down\""),
        (secs(30), None, "during down".into())
    );
    assert_eq!(
        window("after = \"split\""),
        (secs(15), None, "after split".into())
    );
    assert_eq!(
        window("after = \"split\"\nsettle = \"2s\""),
        (secs(17), None, "from 2s after split".into())
    );
    assert_eq!(
        window("after = \"35s\"\nsettle = \"2s\""),
        (secs(37), None, "from 2s after 35s".into())
    );
    assert_eq!(
        window("before = \"split\""),
        (secs(0), Some(secs(10)), "before split".into())
    );
    assert_eq!(
        window("after = \"split\"\nbefore = \"down\""),
        (secs(15), Some(secs(30)), "after split, before down".into())
    );
    assert_eq!(
        window("from = \"5s\"\nuntil = \"6s\""),
        (secs(5), Some(secs(6)), "from 5s, until 6s".into())
    );
    assert_eq!(
        window("before = \"20s\""),
        (secs(0), Some(secs(20)), "before 20s".into())
    );
}

#[test]
fn a_window_follows_what_was_drawn_for_its_fault() {
    for seed in 0..20 {
        let plan = every_key().plan(Some(seed));
        let window = plan
            .expectations
            .iter()
            .filter_map(|it| it.window())
            .find(|window| window.text == "from 10s, until 20s")
            .unwrap();
        assert_eq!((window.from, window.until), (secs(10), Some(secs(20))));
        let after = plan
            .expectations
            .iter()
            .filter_map(|it| it.window())
            .find(|window| window.text.starts_with("from 2s"))
            .unwrap();
        assert_eq!(after.from, plan.faults[0].until.unwrap() + secs(2));
        let again = plan.faults.iter().find(|fault| fault.name == "again").unwrap();
        assert_eq!(after.until, Some(again.at));
    }
}

#[test]
fn each_check_of_an_expectation_is_one_of_its_own() {
    let plan = every_key().plan(None);
    let checks: Vec<&Check> = plan
        .expectations
        .iter()
        .filter_map(|one| one.downcast_ref::<CallsExpectation>())
        .filter(|one| one.window.text == "during split")
        .map(|one| &one.check)
        .collect();
    assert_eq!(checks.len(), 12);
    assert!(
        checks
            .iter()
            .any(|check| matches!(check, Check::ErrorsSome(classes) if classes == &["timeout"]))
    );
    let p50 = checks.iter().find_map(|check| match check {
        Check::Latency {
            quantile: Quantile::P50,
            bounds,
        } => Some(bounds),
        _ => None,
    });
    assert_eq!(
        p50.map(|bounds| (bounds.at_least, bounds.at_most)),
        Some((None, Some(millis(10))))
    );
}

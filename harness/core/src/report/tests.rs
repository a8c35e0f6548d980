use std::time::Duration;

use super::*;
use crate::faults::{self, Connects, FaultKind};
use crate::journal::{Death, Event, Touch};
use crate::oracle::{OF_CALLS, Run};
use crate::plan::{Bandwidth, Bounds, Check, ClockShift, Latency, Pairs, Plan, Ratio};
use crate::statistics::Statistics;
use crate::testing::{MS, S, Script, both_ways, call_end};
use crate::verdict::{Verdict, judge_run_with};

fn run_summary(plan: &Plan) -> RunSummary {
    RunSummary {
        scenario: plan.scenario.clone(),
        topology: plan.topology.name.clone(),
        seed: plan.seed,
        virtual_time: plan.duration,
        wall_time: Duration::from_millis(310),
        digest: "5b1f09aa41c2".to_owned(),
        engine: "flow",
        file: "scenarios/storm.toml".to_owned(),
        panics: Vec::new(),
        replay: "squall run scenarios/storm.toml --seed 7".to_owned(),
    }
}

fn held_script() -> Script {
    let mut script = Script::new();
    for call in 1..=20 {
        script.at(call * S).chain(call);
    }
    script.expect(
        0,
        None,
        "",
        Check::SuccessRate(Bounds {
            at_least: Some(1.0),
            at_most: None,
        }),
    );
    script
}

fn broken_script() -> Script {
    let mut script = held_script();
    script
        .plan
        .drawn
        .push(("fault.split.at".to_owned(), "20.5 s".to_owned()));
    script.fault(
        "split",
        20 * S + S / 2,
        Some(30 * S),
        faults::Partition(both_ways("front", "back")),
    );
    for call in 21..30 {
        script.at(call * S).timed_out(call);
        let (from, to) = ("front".into(), "back".into());
        let event = Event::Segment {
            touch: Touch::Held,
            flow: 1,
            from,
            to,
            bytes: 90,
            faults: vec![0],
        };
        script.push("", event);
    }
    script.at(30 * S).local(30).fault(
        "#2",
        59 * S,
        None,
        faults::Kill {
            hosts: vec!["store-1".to_owned()],
        },
    );
    script.at(40 * S).stop("store-0", Death::Failed);
    script.push(
        "back",
        Event::TaskPanicked {
            message: "index out of bounds".into(),
        },
    );
    script.push(
        "front",
        Event::StrayTask {
            place: "src/till.rs:7:9".into(),
        },
    );
    script.expect(
        0,
        None,
        "during split",
        Check::ErrorsOnly(vec!["timeout".to_owned()]),
    );
    script
}

fn with<T>(script: Script, use_it: impl FnOnce(&RunSummary, &Plan, &Statistics, &Verdict) -> T) -> T {
    let (plan, mut journal) = script.finish();
    if plan.faults.len() > 1 {
        let end = call_end(&journal.entries, 25);
        journal.entries[end].at += 9 * MS;
    }
    let run = Run::of(&plan, &journal);
    use_it(
        &run_summary(&plan),
        &plan,
        &Statistics::of(&run),
        &judge_run_with(&run, OF_CALLS, &[]),
    )
}

#[test]
fn a_run_that_held_is_told_in_one_table() {
    let page = with(held_script(), |summary, plan, statistics, verdict| {
        text(summary, plan, statistics, verdict, Style::default())
    });
    insta::assert_snapshot!(page);
}

#[test]
fn a_run_that_broke_shows_why_and_how_to_do_it_again() {
    let page = with(broken_script(), |summary, plan, statistics, verdict| {
        text(summary, plan, statistics, verdict, Style::default())
    });
    insta::assert_snapshot!(page);
}

#[test]
fn a_summary_has_nothing_that_differs_from_machine_to_machine() {
    let page = with(broken_script(), |first, plan, statistics, verdict| {
        let other = RunSummary {
            wall_time: Duration::from_secs(99),
            digest: "other".to_owned(),
            replay: "other".to_owned(),
            ..first.clone()
        };
        let page = summary(first, plan, statistics, verdict);
        assert_eq!(page, summary(&other, plan, statistics, verdict));
        page
    });
    assert!(
        page.starts_with("storm        seed 7        orders: 3 peers, 4 hosts\n\n drawn"),
        "{page}"
    );
    assert!(page.ends_with("\n BROKEN   60 s\n"), "{page}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let [plain, coloured] = [false, true].map(|colours| {
        with(broken_script(), |summary, plan, statistics, verdict| {
            text(summary, plan, statistics, verdict, Style { colours })
        })
    });
    assert!(!plain.contains('\u{1b}'));
    assert!(
        coloured.contains("\u{1b}[1m\u{1b}[31mBROKEN\u{1b}[0m   "),
        "{coloured:?}"
    );
    let mut stripped = coloured;
    for code in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn the_object_has_always_the_same_keys_in_the_same_order() {
    let object = with(held_script(), |summary, _, statistics, verdict| {
        serde_json::to_string(&json(summary, statistics, verdict)).unwrap()
    });
    let (head, oracles) = object.split_once(",\"oracles\":").unwrap();
    assert_eq!(
        head,
        "{\"seed\":7,\"scenario\":\"storm\",\"file\":\"scenarios/storm.toml\",\"topology\":\"orders\",\
         \"engine\":\"flow\",\"verdict\":\"held\",\"replay\":null,\"virtual_ms\":60000,\
         \"wall_ms\":310,\"digest\":\"5b1f09aa41c2\",\"workloads\":[\
         {\"name\":\"orders\",\"calls\":20,\"ok\":20,\"failed\":0,\"unknown\":0,\"errors\":{},\
         \"latency_us\":{\"p50\":9000,\"p90\":9000,\"p99\":9000,\"max\":9000}},\
         {\"name\":\"local\",\"calls\":0,\"ok\":0,\"failed\":0,\"unknown\":0,\"errors\":{},\
         \"latency_us\":{\"p50\":null,\"p90\":null,\"p99\":null,\"max\":null}}],\"faults\":[],\
         \"sections\":[],\"incidents\":[],\"vacuous\":[\"the workload local made no call\"],\
         \"expectations\":[{\"text\":\"orders: success rate >= 1.0\",\"held\":true,\
         \"value\":{\"rate\":1.0,\"ok\":20,\"calls\":20},\"counterexample\":null}]"
    );
    assert!(
        oracles.starts_with("[{\"name\":\"ends once\",\"held\":true,\"judged\":20,\"counterexample\":null},"),
        "{oracles}"
    );
}

#[test]
fn the_object_of_a_broken_run_says_what_was_measured_and_what_showed_it() {
    let object = with(broken_script(), |summary, _, statistics, verdict| {
        json(summary, statistics, verdict)
    });
    assert_eq!(object["verdict"], "broken");
    assert_eq!(object["workloads"][0]["errors"]["timeout"], 9);
    let shown = &object["expectations"][0]["counterexample"];
    assert_eq!(shown["measured"], "is 0.6896 (20 of 29)");
    assert_eq!(
        shown["first"],
        serde_json::json!({
            "at_us": 21_000_000,
            "call": 21,
            "from": "front",
            "to": "echo.in",
            "what": "timeout after 2 s (it broke)",
            "touched_by": ["split"],
        })
    );
    let first = &object["oracles"][1]["counterexample"]["first"];
    assert_eq!(
        (&first["call"], &first["what"]),
        (&25.into(), &"ended after 2.009 s of 2 s".into())
    );
    let split = &object["faults"][0];
    assert_eq!(
        (&split["name"], &split["touched"]["segments_held"]),
        (&"split".into(), &9.into())
    );
    let kinds = object["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].clone());
    assert_eq!(kinds.collect::<Vec<_>>(), ["host", "task_panic", "stray"]);
}

fn said(kind: impl FaultKind, words: &str) {
    assert_eq!(kind.text(), words);
}

#[test]
fn every_fault_can_be_put_into_words() {
    let hosts = |count: usize| (0..count).map(|host| format!("h{host}")).collect::<Vec<_>>();
    let one_way = || Pairs {
        both_ways: false,
        ..both_ways("a", "b")
    };
    let latency = Latency::Constant(Duration::from_millis(5));
    said(faults::Partition(both_ways("a", "b")), "partition a | b");
    said(faults::Partition(one_way()), "partition a -| b");
    said(
        faults::Latency {
            pairs: one_way(),
            latency,
            added: true,
        },
        "latency +5 ms a -> b",
    );
    said(
        faults::Loss {
            pairs: both_ways("a", "b"),
            ratio: Ratio {
                numerator: 1,
                denominator: 8,
            },
        },
        "loss 12.5% a <-> b",
    );
    said(
        faults::Bandwidth {
            pairs: one_way(),
            rate: Bandwidth {
                bits_per_second: std::num::NonZeroU64::new(56_000).unwrap(),
            },
        },
        "bandwidth 56 kbit/s a -> b",
    );
    said(faults::Hold(one_way()), "hold a -> b");
    said(faults::Reset(both_ways("a", "b")), "reset a <-> b");
    said(faults::Refuse(Connects::To(hosts(2))), "refuse h0, h1");
    said(
        faults::Blackhole(Connects::Between(one_way())),
        "blackhole a -> b",
    );
    said(faults::Kill { hosts: hosts(4) }, "kill h0, h1, h2, h3");
    said(
        faults::Crash { hosts: hosts(6) },
        "crash h0, h1, h2, h3 and 2 more",
    );
    said(faults::Pause { hosts: hosts(1) }, "pause h0");
    said(
        faults::Clock {
            hosts: hosts(2),
            shift: ClockShift::Behind(Duration::from_secs(3600)),
        },
        "clock h0, h1 3600 s behind",
    );
    said(
        faults::Drain {
            hosts: hosts(1),
            grace: Duration::from_millis(1500),
        },
        "drain h0, grace 1.5 s",
    );
    said(
        faults::Slow {
            hosts: hosts(2),
            per_poll: Duration::from_micros(1500),
        },
        "slow h0, h1, 1.5 ms a poll",
    );
    said(
        faults::NameFailure {
            hosts: hosts(1),
            stale: true,
        },
        "name failure h0 stale",
    );
}

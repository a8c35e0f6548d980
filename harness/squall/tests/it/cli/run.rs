//! `squall run`: what is printed, and the exit code that a script decides by.

use super::*;

#[test]
fn a_scenario_that_holds_exits_with_0_and_one_that_must_fail_with_1() {
    assert_eq!(
        squall(&["run", "scenarios/partition-heals.toml"]).status.code(),
        Some(0)
    );
    let broken = squall(&["run", "scenarios/negative/success-during-a-partition.toml"]);
    assert_eq!(broken.status.code(), Some(1));
    let replay = "replay   squall run scenarios/negative/success-during-a-partition.toml --seed 31";
    assert!(out(&broken).contains(replay), "{}", out(&broken));
}

#[test]
fn the_seed_is_printed_first_and_colours_only_on_a_terminal() {
    let printed = out(&squall(&["run", "scenarios/lossy-link.toml", "--seed", "99"]));
    assert!(
        printed.lines().next().unwrap_or_default().contains("seed 99"),
        "{printed}"
    );
    assert!(!printed.contains('\u{1b}'), "{printed}");
}

#[test]
fn a_misspelt_key_exits_with_2_and_shows_the_place_and_the_nearest_name() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "timeuot = \"1s\"\n");
    let output = squall(&["run", &path]);
    assert_eq!(output.status.code(), Some(2));
    let text = err(&output);
    assert!(
        text.contains("a.toml:10:1") && text.contains("timeuot = ") && text.contains("`timeout`"),
        "{text}"
    );
    assert_eq!(out(&output), "", "nothing runs when a file is wrong");
}

#[test]
fn a_file_that_is_not_there_and_a_folder_without_scenarios_exit_with_2() {
    let missing = squall(&["run", "scenarios/no-such-thing.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("no-such-thing.toml"), "{}", err(&missing));
    let empty = tempfile::tempdir().expect("a temporary folder");
    let nothing = squall(&["run", empty.path().to_str().expect("UTF-8")]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(err(&nothing).contains("has no *.toml"), "{}", err(&nothing));
}

#[test]
fn a_folder_means_its_toml_files_and_not_its_sub_folders() {
    let folder = folder();
    scenario(folder.path(), "b.toml", "");
    scenario(folder.path(), "a.toml", "");
    std::fs::create_dir(folder.path().join("negative")).expect("writable");
    scenario(&folder.path().join("negative"), "c.toml", "");
    let printed = out(&squall(&[
        "run",
        folder.path().to_str().expect("UTF-8"),
        "--json",
    ]));
    let names: Vec<_> = objects(&printed)
        .iter()
        .map(|object| object["scenario"].clone())
        .collect();
    assert_eq!(names, ["a.toml", "b.toml"]);
}

#[test]
fn json_has_the_promised_shape() {
    let printed = out(&squall(&[
        "run",
        "scenarios/negative/success-during-a-partition.toml",
        "--json",
    ]));
    let [object] = &objects(&printed)[..] else {
        panic!("not one object: {printed}")
    };
    let keys = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(object),
        [
            "seed",
            "scenario",
            "file",
            "topology",
            "engine",
            "verdict",
            "replay",
            "virtual_ms",
            "wall_ms",
            "digest",
            "workloads",
            "faults",
            "providers",
            "actors",
            "sections",
            "incidents",
            "vacuous",
            "expectations",
            "oracles"
        ]
    );
    assert_eq!(
        (&object["verdict"], &object["seed"]),
        (&"broken".into(), &31.into())
    );
    let workload = &object["workloads"][0];
    assert_eq!(
        keys(workload),
        ["name", "calls", "ok", "failed", "unknown", "errors", "latency_us"]
    );
    assert_eq!(keys(&workload["latency_us"]), ["p50", "p90", "p99", "max"]);
    assert_eq!(workload["latency_us"]["p50"], 4000);
    let expectation = &object["expectations"][0];
    assert_eq!(keys(expectation), ["text", "held", "value", "counterexample"]);
    assert_eq!(expectation["held"], false);
    let value = &expectation["value"];
    assert_eq!((&value["rate"], &value["calls"]), (&0.0.into(), &50.into()));
    let first = &expectation["counterexample"]["first"];
    assert_eq!((&first["call"], &first["at_us"]), (&50.into(), &5_000_000.into()));
    assert_eq!(first["touched_by"], serde_json::json!(["split"]));
    let fault = &object["faults"][0];
    assert_eq!(keys(fault), ["name", "text", "started_us", "ended_us", "touched"]);
    assert!(
        fault["touched"]["calls"].as_u64().is_some_and(|calls| calls > 0),
        "{fault}"
    );
    assert_eq!(object["engine"], "flow");
    assert_eq!(
        (&object["file"], &object["replay"]),
        (
            &"scenarios/negative/success-during-a-partition.toml".into(),
            &"squall run scenarios/negative/success-during-a-partition.toml --seed 31".into()
        )
    );
    assert_eq!(
        keys(&object["oracles"][0]),
        ["name", "held", "judged", "counterexample"]
    );
}

#[test]
fn two_processes_have_the_same_digest_and_another_seed_has_another() {
    let digest = |seed: &str| {
        let printed = out(&squall(&[
            "run",
            "scenarios/a-replica-dies.toml",
            "--json",
            "--seed",
            seed,
        ]));
        objects(&printed)[0]["digest"].clone()
    };
    assert_eq!(digest("1"), digest("1"));
    assert_ne!(digest("1"), digest("2"));
}

#[test]
fn check_determinism_runs_twice_and_says_so() {
    let output = squall(&["run", "scenarios/mishaps.toml", "--check-determinism"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(
        out(&output).contains("deterministic: two runs on two threads"),
        "{}",
        out(&output)
    );
}

#[test]
fn arguments_do_not_steer_a_terminal() {
    let steering = "no\u{1b}[31m\u{9b}\u{202e}\u{2066}\u{200b}\u{feff}such";
    for arguments in [
        &[
            "run",
            "scenarios/partition-heals.toml",
            "--journal",
            &format!("{steering}/x"),
        ][..],
        &["call", "127.0.0.1:9", steering],
        &["call", "127.0.0.1:9", "a.in", "\"\u{1b}\""],
        // What clap itself quotes.
        &[steering],
        &["run", &format!("--{steering}")],
        &["run", "a.toml", "--seed", steering],
        &["run", "a.toml", "--engine", steering],
        &["call", steering, "a.in"],
        &["up", "a.toml", "--peer", steering],
        &["top", steering],
        &["check", steering],
        &["import", steering],
    ] {
        let refused = squall(arguments);
        let said = err(&refused) + &out(&refused);
        assert!(!refused.status.success() && !said.is_empty());
        let steers =
            |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(c);
        assert!(!said.contains(steers), "{arguments:?}: {said:?}");
    }
    // What steers nothing is told as it is, with clap's advice.
    let refused = err(&squall(&["run", "--séed"]));
    assert!(
        refused.contains("--séed") && refused.contains("--help"),
        "{refused}"
    );
}

#[test]
fn nothing_in_a_file_steers_a_terminal() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let hostile = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    let named = text.replace("name = \"a.toml\"", "name = \"a\\u001b[31mred\\nline2\"");
    std::fs::write(&path, named).expect("writable");
    let held = squall(&["run", &path]);
    assert_eq!(held.status.code(), Some(0), "{}", err(&held));
    assert!(out(&held).contains(r"a\u{1b}[31mred\nline2"), "{}", out(&held));
    assert!(!hostile(&out(&held)), "{:?}", out(&held));
    // Neither does one that is wrong.
    for wrong in ["to = \"\\u001b[2J.in\"", "to = \"a\u{1b}[2Jb.in\""] {
        std::fs::write(&path, text.replace("to = \"echo.in\"", wrong)).expect("writable");
        let told = squall(&["run", &path]);
        assert_eq!(told.status.code(), Some(2));
        assert!(!hostile(&err(&told)), "{:?}", err(&told));
    }
}

#[test]
fn what_a_run_says_nothing_about_is_noted_and_breaks_it_where_that_is_denied() {
    let folder = folder();
    let fault = "[[fault]]\nname = \"late\"\nat = \"1s\"\nfor = \"100ms\"\n\
                 partition = { between = [\"front\"], and = [\"back\"] }\n";
    let extra = format!(
        "start = \"1500ms\"\n{fault}[[expect]]\nworkload = \"w\"\nuntil = \"1s\"\nerrors = {{ never = [\"timeout\"] }}\n"
    );
    let path = scenario(folder.path(), "a.toml", &extra);
    let noted = squall(&["run", &path]);
    assert_eq!(noted.status.code(), Some(0), "{}", err(&noted));
    let text = out(&noted);
    assert!(
        text.contains("note") && text.contains("no call started in its window"),
        "{text}"
    );
    assert!(text.contains("the fault late touched nothing"), "{text}");
    let denied = squall(&["run", &path, "--deny-vacuous"]);
    assert_eq!(denied.status.code(), Some(1));
    assert!(
        out(&denied).contains("broken   the fault late touched nothing"),
        "{}",
        out(&denied)
    );
    let replay = format!("replay   squall run {path} --seed 5 --deny-vacuous");
    assert!(out(&denied).contains(&replay), "{}", out(&denied));
    let sound = squall(&["run", "scenarios/partition-heals.toml", "--deny-vacuous"]);
    assert_eq!(sound.status.code(), Some(0), "{}", out(&sound));
}

#[test]
fn what_nothing_could_break_is_noted_and_breaks_where_that_is_denied() {
    let folder = folder();
    let extra = "timeout = \"1s\"\n[[expect]]\nworkload = \"w\"\nsuccess_rate = { at_least = 0.0 }\n\
                 latency = { max = \"1s\" }\nfailed = { at_least = 0 }\n";
    let path = scenario(folder.path(), "a.toml", extra);
    let noted = squall(&["run", &path]);
    assert_eq!(noted.status.code(), Some(0), "{}", err(&noted));
    for why in [
        "no rate is outside",
        "no call may take longer",
        "has no more calls",
    ] {
        assert!(out(&noted).contains(why), "{}", out(&noted));
    }
    assert_eq!(squall(&["run", &path, "--deny-vacuous"]).status.code(), Some(1));
    let sharp = "timeout = \"1s\"\n[[expect]]\nworkload = \"w\"\nsuccess_rate = { at_least = 0.1 }\n\
                 latency = { max = \"999ms\" }\nfailed = { at_most = 19 }\n";
    let path = scenario(folder.path(), "b.toml", sharp);
    let held = squall(&["run", &path, "--deny-vacuous"]);
    assert_eq!(held.status.code(), Some(0), "{}", out(&held));
}

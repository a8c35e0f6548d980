//! The command line: what it prints, and the exit codes that scripts decide by.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use squall::journal::{Event, lines};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn squall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the binary was built for this test")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A folder with a topology and whatever scenarios a test writes into it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let topology = std::fs::read_to_string(root().join("topologies/pair.toml")).expect("a topology");
    std::fs::write(folder.path().join("pair.topology"), topology).expect("writable");
    folder
}

fn scenario(folder: &Path, name: &str, extra: &str) -> String {
    let path = folder.join(name);
    let text = format!(
        "name = \"{name}\"\ntopology = \"pair.topology\"\nduration = \"2s\"\nseed = 5\n\
         [[workload]]\nname = \"w\"\nfrom = \"front\"\nto = \"echo.in\"\nrate = \"10/s\"\n{extra}"
    );
    std::fs::write(&path, text).expect("writable");
    path.to_str().expect("UTF-8").to_owned()
}

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

fn objects(printed: &str) -> Vec<Value> {
    printed
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object per line"))
        .collect()
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
fn the_journal_can_be_written_and_read_back() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let file = folder.path().join("journal.jsonl");
    let output = squall(&["run", &path, "--journal", file.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = std::fs::read(&file).expect("the journal");
    let journal = lines::read(&text[..]).expect("a sound journal");
    let calls = journal
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::CallEnded { .. }))
        .count();
    assert_eq!(calls, 20);
    assert!(matches!(
        journal.entries.last().map(|entry| &entry.event),
        Some(Event::RunEnded { .. })
    ));
}

#[test]
fn a_file_that_is_no_journal_of_ours_is_left_as_it_is_and_nothing_runs() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    for (option, name) in [("--journal", "journal"), ("--pcap", "capture")] {
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, "what I must not forget").expect("writable");
        let written = squall(&["run", &path, option, file.to_str().expect("UTF-8")]);
        assert_eq!((written.status.code(), &*out(&written)), (Some(2), ""));
        let said = err(&written);
        assert!(
            said.contains(&format!("is no {name}")) && said.contains("remove it"),
            "{said}"
        );
        let kept = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(kept, "what I must not forget");

        // One of ours is replaced.
        let file = folder.path().join(name);
        for seed in ["1", "2"] {
            let written = squall(&[
                "run",
                &path,
                "--seed",
                seed,
                option,
                file.to_str().expect("UTF-8"),
            ]);
            assert_eq!(written.status.code(), Some(0), "{}", err(&written));
        }
        let nowhere = folder.path().join("no-such-folder/x");
        let written = squall(&["run", &path, option, nowhere.to_str().expect("UTF-8")]);
        assert_eq!(
            (written.status.code(), &*out(&written)),
            (Some(2), ""),
            "nothing runs"
        );
    }
}

#[test]
fn one_file_is_no_journal_and_capture_at_once() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let file = folder.path().join("both");
    let file = file.to_str().expect("UTF-8");
    let refused = squall(&["run", &path, "--journal", file, "--pcap", file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("name the same file"), "{}", err(&refused));
    assert!(!Path::new(file).exists(), "it leaves nothing behind");
}

#[test]
fn without_a_verdict_it_is_said_that_nothing_was_written() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let text = std::fs::read_to_string(&path).expect("it was written");
    let text = text.replace("seed = 5\n", "seed = 5\nwall_limit = \"1ms\"\n");
    std::fs::write(&path, text.replace("10/s", "100000/s")).expect("writable");
    let journal = folder.path().join("journal");
    let ended = squall(&["run", &path, "--journal", journal.to_str().expect("UTF-8")]);
    assert_eq!(ended.status.code(), Some(3), "{}", out(&ended));
    assert!(err(&ended).contains("has no journal"), "{}", err(&ended));
    assert!(!journal.exists());
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
fn a_journal_that_cannot_be_written_costs_no_verdict() {
    let scenario = "scenarios/negative/success-during-a-partition.toml";
    let broken = squall(&["run", scenario, "--journal", "/dev/full"]);
    assert_eq!(broken.status.code(), Some(1), "{}", err(&broken));
    assert!(out(&broken).contains("BROKEN"), "{}", out(&broken));
    assert!(
        err(&broken).contains("cannot write the journal"),
        "{}",
        err(&broken)
    );
    let held = squall(&["run", "scenarios/partition-heals.toml", "--journal", "/dev/full"]);
    assert_eq!(held.status.code(), Some(2));
    assert!(out(&held).contains("HELD"), "{}", out(&held));
}

/// The same with a reader that is gone before anything is printed.
#[test]
fn a_closed_pipe_never_turns_what_broke_into_success() {
    for stream in ["stdout", "stderr"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["run", "scenarios/negative"]).current_dir(root());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let (closed, open) = (Stdio::from(writer), Stdio::null());
        let command = match stream {
            "stdout" => command.stdout(closed).stderr(open),
            _ => command.stdout(open).stderr(closed),
        };
        assert_eq!(
            command.status().expect("it runs").code(),
            Some(1),
            "{stream} is closed"
        );
    }
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
fn components_are_listed_with_their_ports_and_settings() {
    let listed = out(&squall(&["components"]));
    for part in [
        "fan_out\n",
        "inputs    in",
        "outputs   out",
        "delay: duration, \"0s\" when absent",
        "required",
    ] {
        assert!(listed.contains(part), "{part} is not in\n{listed}");
    }
    assert!(listed.lines().all(|line| line.chars().count() <= 80), "{listed}");
    let outputs = |name: &str| {
        let mut lines = listed.lines().skip_while(|line| *line != name);
        let line = lines.find(|line| line.starts_with("  outputs "));
        line.unwrap_or_default()
            .trim_start_matches("  outputs ")
            .trim_start()
            .to_owned()
    };
    for (name, ports) in [
        ("echo", "none"),
        ("forward", "out"),
        ("router", "the ports of `routes`, and `default`"),
        ("fan_out", "out"),
        ("delay", "out"),
        ("fail", "out, if `every` is more than 1"),
        ("panic", "out, if `every` is more than 1"),
        ("counter", "none"),
        ("sink", "none"),
        ("impatient", "out"),
        ("garble", "out"),
        ("blob", "none"),
    ] {
        assert_eq!(outputs(name), ports, "of {name}");
    }
    let printed = out(&squall(&["components", "--json"]));
    let objects = objects(&printed);
    assert_eq!(objects.len(), 12, "all of them are above");
    let fail = objects
        .iter()
        .find(|it| it["name"] == "fail")
        .expect("a built-in");
    assert_eq!(fail["outputs"], serde_json::json!(["out"]));
    let router = objects
        .iter()
        .find(|it| it["name"] == "router")
        .expect("a built-in");
    assert_eq!(router["settings"][0]["name"], "field");
    assert_eq!(
        (&router["settings"][0]["required"], &router["inputs"][0]),
        (&true.into(), &"in".into())
    );
}

#[test]
fn a_folder_of_scenarios_may_have_their_topologies_too_and_one_of_topologies_is_told() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    std::fs::rename(
        folder.path().join("pair.topology"),
        folder.path().join("pair.toml"),
    )
    .expect("renamed");
    let text = std::fs::read_to_string(&path).expect("it was written");
    std::fs::write(&path, text.replace("pair.topology", "pair.toml")).expect("writable");
    let whole = folder.path().to_str().expect("UTF-8");
    let printed = squall(&["run", whole, "--json"]);
    assert_eq!(printed.status.code(), Some(0), "{}", err(&printed));
    assert_eq!(objects(&out(&printed)).len(), 1);
    assert!(
        err(&printed).contains("seed 5"),
        "the seed comes first: {}",
        err(&printed)
    );
    std::fs::remove_file(&path).expect("removed");
    let nothing = squall(&["run", whole]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        err(&nothing).contains("there is no scenario"),
        "{}",
        err(&nothing)
    );
}

#[test]
fn a_file_of_the_other_kind_is_one_mistake() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    let unfinished = folder.path().join("unfinished.toml");
    std::fs::write(&unfinished, "name = \"a\"\nduration = \"1s\"\n").expect("writable");
    let unfinished = unfinished.to_str().expect("UTF-8");
    let topology = "topologies/pair.toml";
    for (arguments, what, instead) in [
        (
            ["run", topology],
            "this is a topology, and not a scenario",
            "squall up",
        ),
        (
            ["bench", topology],
            "this is a topology, and not a scenario",
            "squall up",
        ),
        (
            ["up", &path],
            "this is a scenario, and not a topology",
            "squall run",
        ),
        (["import", topology], "it is TOML", "squall check"),
        (
            ["up", unfinished],
            "this is a scenario, and not a topology",
            "squall run",
        ),
    ] {
        let refused = squall(&arguments);
        let said = err(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains(what) && said.contains(instead),
            "{arguments:?}: {said}"
        );
        assert_eq!(said.matches('×').count(), 1, "{arguments:?}: {said}");
    }
    // A scenario that names one.
    let text = std::fs::read_to_string(&path).expect("it was written");
    std::fs::write(&path, text.replace("pair.topology", "a.toml")).expect("writable");
    let said = err(&squall(&["run", &path]));
    assert!(said.contains("this is a scenario, and not a topology"), "{said}");
    // One that lacks a key is still of its kind.
    let said = err(&squall(&["check", unfinished]));
    assert!(said.contains("lacks the key `topology`"), "{said}");
}

#[test]
fn a_message_from_standard_input_has_an_end() {
    let call = |input: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(["call", "127.0.0.1:9", "a.in", "-"]).stdin(input);
        command.output().expect("the binary was built for this test")
    };
    let endless = call(std::fs::File::open("/dev/zero").expect("it has no end").into());
    assert_eq!(endless.status.code(), Some(2));
    let said = err(&endless);
    assert!(said.contains("what to send is longer than 4.0 MiB"), "{said}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("data");
    for (length, told) in [(4 << 20, "unavailable"), ((4 << 20) + 1, "longer than")] {
        std::fs::write(&file, format!("\"{}\"", "x".repeat(length - 2))).expect("writable");
        let said = err(&call(std::fs::File::open(&file).expect("it was written").into()));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn a_file_may_come_through_a_pipe() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["check", "/dev/stdin"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    let topology = std::fs::read(root().join("topologies/pair.toml")).expect("a topology");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(&topology)
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(out(&output).contains("a sound topology"), "{}", out(&output));
}

#[test]
fn help_fits_a_terminal() {
    for verb in ["init", "run", "up", "call", "import", "manager"] {
        let help = out(&squall(&[verb, "--help"]));
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "of squall {verb} --help");
    }
}

#[test]
fn cycles_are_warnings_of_check() {
    let checked = squall(&["check", "topologies/circles.toml"]);
    assert_eq!(checked.status.code(), Some(0));
    assert!(
        err(&checked).contains("3 nodes lead to one another: one, two, three"),
        "{}",
        err(&checked)
    );
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

#[test]
fn a_workload_of_millions_of_calls_is_warned_of_before_it_runs() {
    let folder = folder();
    let path = scenario(folder.path(), "a.toml", "");
    assert!(
        !err(&squall(&["run", &path])).contains("warning"),
        "twenty calls are not many"
    );
    let text = std::fs::read_to_string(&path).expect("it was written");
    let many = text
        .replace("10/s", "1000000/s")
        .replace("seed = 5", "wall_limit = \"10ms\"");
    std::fs::write(&path, many).expect("writable");
    let output = squall(&["run", &path]);
    assert_eq!(output.status.code(), Some(3), "{}", out(&output));
    assert!(
        err(&output).contains("the workload w makes 2000000 calls"),
        "{}",
        err(&output)
    );
}

#[test]
fn a_journal_of_several_runs_is_refused() {
    let output = squall(&["run", "scenarios", "--journal", "never-written.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("--journal takes the journal of one run"),
        "{}",
        err(&output)
    );
    assert!(!root().join("never-written.jsonl").exists());
}

#[test]
fn check_accepts_what_is_sound_and_names_what_is_not() {
    let sound = squall(&["check", "topologies", "scenarios", "scenarios/negative"]);
    assert_eq!(sound.status.code(), Some(0), "{}", err(&sound));
    assert!(
        out(&sound).contains("topologies/shop.toml: a sound topology"),
        "{}",
        out(&sound)
    );
    assert!(
        out(&sound).contains("scenarios/healthy.toml: a sound scenario"),
        "{}",
        out(&sound)
    );
    let wrong = squall(&["check", "harness/squall/tests/mistakes"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_blob_beyond_all_measure_is_a_mistake_and_not_the_end_of_the_process() {
    let folder = folder();
    let path = folder.path().join("large.toml");
    let text = |bytes: u64| {
        format!(
            "name = \"large\"\n[module.a.node.n]\ncomponent = \"blob\"\nsettings = {{ bytes = {bytes} }}\n"
        )
    };
    for (bytes, exit) in [(64 << 20, 0), ((64 << 20) + 1, 2), (99_999_999_999_999, 2)] {
        std::fs::write(&path, text(bytes)).expect("writable");
        let checked = squall(&["check", path.to_str().expect("UTF-8")]);
        assert_eq!(checked.status.code(), Some(exit), "{}", err(&checked));
        assert_eq!(
            exit == 2,
            err(&checked).contains("67108864 at most"),
            "{}",
            err(&checked)
        );
    }
}

#[test]
fn schemas_are_json_and_know_the_keys() {
    for (kind, key) in [("topology", "module"), ("scenario", "workload")] {
        let output = squall(&["schema", kind]);
        assert_eq!(output.status.code(), Some(0));
        let schema: Value = serde_json::from_str(&out(&output)).expect("JSON");
        assert!(schema["properties"][key].is_object(), "{schema:#}");
    }
}

#[test]
fn bench_shows_the_latency_of_each_pair_of_modules() {
    let printed = out(&squall(&["bench", "scenarios/healthy.toml", "--json"]));
    let object = &objects(&printed)[0];
    let pair = &object["pairs"][0];
    assert_eq!(
        (&pair["from"], &pair["to"], &pair["count"]),
        (&"front".into(), &"back".into(), &26000.into())
    );
    assert_eq!(pair["latency_us"]["p50"], 24000);
    let table = out(&squall(&["bench", "scenarios/healthy.toml"]));
    assert!(table.contains("from") && table.contains("p99"), "{table}");
}

#[test]
fn import_makes_a_topology_that_check_takes_and_tells_warnings_apart_from_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out_file = folder.path().join("shop.toml");
    let out_file = out_file.to_str().expect("UTF-8");
    let manifests = "harness/squall/tests/import/real.yaml";
    let written = squall(&["import", manifests, "--out", out_file]);
    assert_eq!(written.status.code(), Some(0), "{}", err(&written));
    assert!(out(&written).ends_with("shop.toml: a topology of 2 modules, 3 nodes, 3 edges\n"));
    assert!(
        err(&written).contains("the same connection again"),
        "{}",
        err(&written)
    );
    assert_eq!(squall(&["check", out_file]).status.code(), Some(0));
    let printed = squall(&["import", manifests, "--name", "shop"]);
    let text = std::fs::read_to_string(out_file).expect("it was written");
    assert_eq!(out(&printed), text, "nothing but the topology is printed");
}

#[test]
fn import_leaves_a_file_that_is_there_as_it_is_unless_it_is_told_to_replace_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "what I must not forget").expect("writable");
    let file = file.to_str().expect("UTF-8");
    let manifests = "harness/squall/tests/import/real.yaml";
    let refused = squall(&["import", manifests, "--out", file]);
    assert_eq!((refused.status.code(), &*out(&refused)), (Some(2), ""));
    let said = err(&refused);
    assert!(
        said.contains("mine.toml is there already") && said.contains("--force"),
        "{said}"
    );
    let kept = std::fs::read_to_string(file).expect("it is there");
    assert_eq!(kept, "what I must not forget");

    let forced = squall(&["import", manifests, "--out", file, "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", err(&forced));
    assert_eq!(squall(&["check", file]).status.code(), Some(0));
    assert_eq!(
        squall(&["import", manifests, "--force"]).status.code(),
        Some(2),
        "of what?"
    );
    let device = squall(&["import", manifests, "--out", "/dev/null"]);
    assert_eq!(
        device.status.code(),
        Some(0),
        "it has nothing that could be lost: {}",
        err(&device)
    );
}

#[test]
fn the_path_of_what_was_imported_steers_no_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a\u{1b}[31m\u{9b}\u{200b}\nb.toml");
    let manifests = "harness/squall/tests/import/real.yaml";
    for exit in [0, 2] {
        let ended = squall(&["import", manifests, "--out", file.to_str().expect("UTF-8")]);
        assert_eq!(ended.status.code(), Some(exit), "{}", err(&ended));
        let said = out(&ended) + &err(&ended);
        assert!(said.contains(r"a\u{1b}[31m\u{9b}\u{200b}\nb.toml"), "{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{200b}']), "{said:?}");
    }
}

#[test]
fn import_of_a_folder_is_its_manifests_and_what_is_no_manifest_exits_with_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("UTF-8");
    let empty = squall(&["import", path]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(
        err(&empty).contains("has no *.yaml, *.yml, *.json"),
        "{}",
        err(&empty)
    );
    let node = "kind: TinyNode\nmetadata: {name: a}\nspec: {module: m}\n";
    std::fs::write(folder.path().join("a.yml"), node).expect("writable");
    std::fs::write(folder.path().join("a.txt"), "[").expect("writable");
    let imported = squall(&["import", path]);
    assert_eq!(imported.status.code(), Some(0), "{}", err(&imported));
    let foreign = "replicas: 3\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n";
    std::fs::write(folder.path().join("values.yaml"), foreign).expect("writable");
    std::fs::write(folder.path().join("list.json"), "[1, 2]").expect("writable");
    let same = squall(&["import", path]);
    assert_eq!(
        (same.status.code(), out(&same).contains("[module.m]")),
        (Some(0), true),
        "{}",
        err(&same)
    );
    let told = err(&same);
    assert!(
        told.contains("values.yaml:1:1") && told.contains("list.json:1:1"),
        "{told}"
    );
    assert!(told.contains("the kind `Deployment` is skipped"), "{told}");
    std::fs::write(folder.path().join("b.json"), "{\n\"kind\": ]").expect("writable");
    let broken = squall(&["import", path]);
    assert_eq!((broken.status.code(), &*out(&broken)), (Some(2), ""));
    assert!(err(&broken).contains("b.json:2:9"), "{}", err(&broken));
    let missing = squall(&["import", "no-such.yaml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("cannot read no-such.yaml"),
        "{}",
        err(&missing)
    );
}

//! The command line: what it prints, and the exit codes that scripts decide by.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

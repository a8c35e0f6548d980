//! Commands about files and components: `check`, `components`, `schema`, `bench`, `call`.

use super::*;

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
    assert!(said.contains("what to send is longer than 64.0 MiB"), "{said}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("data");
    for (length, told) in [(64 << 20, "unavailable"), ((64 << 20) + 1, "longer than")] {
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
fn a_bench_that_measures_no_pair_says_so() {
    let folder = folder();
    let topology = "name = \"t\"\n[service.desk]\nruns = \"nothing\"\n";
    std::fs::write(folder.path().join("desk.topology"), topology).expect("writable");
    let scenario = "name = \"n\"\ntopology = \"desk.topology\"\nduration = \"1s\"\n";
    let path = folder.path().join("n.toml");
    std::fs::write(&path, scenario).expect("writable");
    let path = path.display().to_string();
    for arguments in [&["bench", &path][..], &["bench", &path, "--json"]] {
        let done = squall(arguments);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let said = err(&done);
        assert!(
            said.contains("no pair was measured") && said.contains("site.layer_client()"),
            "{said}"
        );
    }
    let measured = squall(&["bench", "scenarios/healthy.toml"]);
    assert!(!err(&measured).contains("no pair"), "{}", err(&measured));
}

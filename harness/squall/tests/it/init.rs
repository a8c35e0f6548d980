//! What `squall init` writes, and what it leaves alone. That its tests pass where a user has them is the matter of
//! `ci/init/run`: it takes a build of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saphyr_parser::{Event, Parser};
use squall::plan::EngineKind;
use squall::{Harness, file};
use tempfile::TempDir;

const WRITTEN: [&str; 7] = [
    "topologies/shop.toml",
    "scenarios/stock-restarts.toml",
    "tests/scenarios.rs",
    ".github/workflows/squall.yml",
    "Cargo.toml",
    ".cargo/config.toml",
    ".gitignore",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn outside() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn init(at: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .arg("init")
        .args(arguments)
        .current_dir(at)
        .output()
        .expect("the binary was built for this test")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// What it prints when it goes through.
fn written(at: &Path, arguments: &[&str]) -> String {
    let output = init(at, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// What it says when it writes nothing.
fn refused(at: &Path, arguments: &[&str]) -> String {
    let before = everything(at);
    let output = init(at, arguments);
    let ended = (output.status.code(), text(&output.stdout));
    assert_eq!(ended, (Some(2), ""), "{}", text(&output.stderr));
    assert_eq!(everything(at), before, "it changes nothing");
    text(&output.stderr).to_owned()
}

/// Every path below a folder.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(everything(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

fn manifest(folder: &Path) -> toml::Table {
    let text = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    text.parse().expect("TOML")
}

fn held(scenario: &Path, engine: EngineKind, seed: Option<u64>) -> Result<(), String> {
    let harness = Harness::new().deny_vacuous();
    let scenario =
        file::load_scenario(scenario, &harness.component_names()).map_err(|report| report.to_string())?;
    let run = harness
        .run(scenario.plan(seed).on_engine(engine))
        .map_err(|failure| failure.to_string())?;
    let judgement = run.judge();
    if judgement.held() {
        Ok(())
    } else {
        Err(judgement.summary())
    }
}

#[test]
fn it_says_what_it_wrote_and_how_to_go_on() {
    let outside = outside();
    let printed = written(outside.path(), &["mine"]);
    let mut files = everything(&outside.path().join("mine"));
    files.retain(|path| path.is_file());
    assert_eq!(files.len(), WRITTEN.len(), "{files:?}");
    insta::with_settings!({
        snapshot_path => "../../../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("init", printed);
    });
}

#[test]
fn the_folder_is_the_one_it_runs_in_when_none_is_named() {
    let outside = outside();
    let squall = root();
    let printed = written(
        outside.path(),
        &["--squall-path", squall.to_str().expect("UTF-8")],
    );
    let expected: String = WRITTEN.iter().map(|path| format!("wrote {path}\n")).collect();
    assert_eq!(
        printed,
        expected + "\nNext:\n    squall run scenarios\n    cargo test\n"
    );
    for path in WRITTEN {
        assert!(outside.path().join(path).is_file(), "{path}");
    }
}

#[test]
fn its_scenario_holds_on_both_engines_with_any_seed_and_shows_something() {
    let outside = outside();
    written(outside.path(), &[]);
    let scenario = outside.path().join("scenarios/stock-restarts.toml");
    for engine in [EngineKind::Flow, EngineKind::Turmoil] {
        for seed in [None, Some(2), Some(3)] {
            held(&scenario, engine, seed).unwrap();
        }
    }
    // The opposite of each expectation breaks it.
    let sound = fs::read_to_string(&scenario).expect("it was written");
    for (says, opposite) in [
        (
            "until = \"10s\"\nsuccess_rate = { at_least = 1.0 }",
            "until = \"10s\"\nsuccess_rate = { at_most = 0.5 }",
        ),
        ("p99 = \"60ms\"", "p99 = \"6ms\""),
        ("[\"remote_error\"]", "[\"timeout\"]"),
        ("failed = { at_least = 50 }", "failed = { at_most = 50 }"),
        (
            "settle = \"6s\"\nsuccess_rate = { at_least = 1.0 }",
            "settle = \"6s\"\nsuccess_rate = { at_most = 0.5 }",
        ),
        ("hosts = [\"stock\"]", "hosts = [\"front\"]"),
    ] {
        assert!(sound.contains(says), "{says}");
        fs::write(&scenario, sound.replace(says, opposite)).expect("writable");
        let broken = held(&scenario, EngineKind::Flow, None).unwrap_err();
        assert!(broken.contains("broken"), "{opposite}: {broken}");
    }
}

#[test]
fn its_workflow_is_yaml_and_tests_what_was_checked_out() {
    let outside = outside();
    written(outside.path(), &[]);
    let workflow = fs::read_to_string(outside.path().join(WRITTEN[3])).expect("it was written");
    let events = Parser::new_from_str(&workflow).map(|event| event.expect("YAML").0);
    let scalars: Vec<String> = events
        .filter_map(|event| match event {
            Event::Scalar(value, ..) => Some(value.into_owned()),
            _ => None,
        })
        .collect();
    let steps = scalars.iter().position(|it| it == "steps").expect("steps");
    assert_eq!(
        scalars[steps + 1..],
        ["uses", "actions/checkout@v4", "run", "cargo test"]
    );
    assert!(scalars[..steps].ends_with(&["timeout-minutes".to_owned(), "30".to_owned()]));
}

#[test]
fn it_asks_for_what_this_workspace_asks_for() {
    let outside = outside();
    written(outside.path(), &[]);
    let (mine, ours) = (manifest(outside.path()), manifest(&root()));
    let theirs = &ours["workspace"]["dependencies"];
    assert_eq!(mine["dev-dependencies"]["libtest-mimic"], theirs["libtest-mimic"]);
    let package = &ours["workspace"]["package"];
    assert_eq!(mine["dev-dependencies"]["squall"], package["version"]);
    assert_eq!(mine["package"]["rust-version"], package["rust-version"]);
    assert_eq!(mine["package"]["edition"], package["edition"]);
    let config = |folder: &Path| -> toml::Table {
        let text = fs::read_to_string(folder.join(".cargo/config.toml")).expect("a configuration");
        text.parse().expect("TOML")
    };
    assert_eq!(config(outside.path()), config(&root()));
}

#[test]
fn a_checkout_is_named_as_it_was_given_and_found_from_the_folder() {
    let outside = outside();
    let at = |folder: &str| manifest(&outside.path().join(folder))["dev-dependencies"]["squall"].clone();
    let path = |path: &str| toml::Value::from(toml::Table::from_iter([("path".to_owned(), path.into())]));
    let squall = outside.path().join("squall/harness/squall");
    fs::create_dir_all(&squall).expect("writable");
    fs::write(squall.join("Cargo.toml"), "[package]\nname = \"squall\"\n").expect("writable");

    written(outside.path(), &["one/mine", "--squall-path", "squall"]);
    assert_eq!(at("one/mine"), path("../../squall/harness/squall"));
    written(outside.path(), &["two", "--squall-path", "squall/harness/squall"]);
    assert_eq!(at("two"), path("../squall/harness/squall"));
    let whole = squall.to_str().expect("UTF-8");
    written(outside.path(), &["three", "--squall-path", whole]);
    assert_eq!(at("three"), path(whole));
    for nothing in ["squall/harness", "no-such-folder"] {
        let said = refused(outside.path(), &["four", "--squall-path", nothing]);
        assert!(
            said.contains(&format!("{nothing} of --squall-path has no Squall")),
            "{said}"
        );
    }
}

#[test]
fn nothing_is_written_where_any_of_its_files_is_there() {
    for (number, path) in WRITTEN[..4].iter().enumerate() {
        let outside = outside();
        let file = outside.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
        fs::write(&file, "what I must not forget").expect("writable");
        let said = refused(outside.path(), &[]);
        for (other, name) in WRITTEN.iter().enumerate() {
            let is_told = said.contains(&format!("{name} is there already"));
            assert_eq!(is_told, other == number, "{name}: {said}");
        }
        assert_eq!(
            fs::read_to_string(&file).expect("it is there"),
            "what I must not forget"
        );
    }
    let outside = outside();
    written(outside.path(), &[]);
    let said = refused(outside.path(), &["."]);
    assert!(WRITTEN[..4].iter().all(|path| said.contains(path)), "{said}");
}

#[test]
fn what_a_project_has_of_its_own_is_left_and_its_owner_told_what_it_needs() {
    let outside = outside();
    let own = [
        ("Cargo.toml", "[package]\nname = \"mine\"\n"),
        (".cargo/config.toml", "[net]\nretry = 2\n"),
        (".gitignore", "*.log\n"),
    ];
    fs::create_dir(outside.path().join(".cargo")).expect("writable");
    for (path, text) in own {
        fs::write(outside.path().join(path), text).expect("writable");
    }
    let printed = written(outside.path(), &[]);
    for (path, text) in own {
        let kept = fs::read_to_string(outside.path().join(path)).expect("it is there");
        assert_eq!(kept, text);
    }
    insta::with_settings!({
        snapshot_path => "../../../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("init_in_a_project", printed);
    });

    // What has it already needs nothing.
    let second = self::outside();
    written(second.path(), &[]);
    for path in &WRITTEN[..4] {
        fs::remove_file(second.path().join(path)).expect("it was written");
    }
    let printed = written(second.path(), &[]);
    assert!(printed.contains("Cargo.toml is left as it is"), "{printed}");
    assert!(
        !printed.contains("config.toml is left") && !printed.contains(".gitignore is left"),
        "{printed}"
    );
}

#[test]
fn a_workspace_without_a_package_would_never_run_the_tests() {
    let outside = outside();
    let mine = outside.path().join("Cargo.toml");
    fs::write(&mine, "[workspace]\nmembers = [\"a\"]\n").expect("writable");
    let said = refused(outside.path(), &[]);
    assert!(said.contains("a workspace without a package"), "{said}");
    fs::write(&mine, "[workspace]\n[package]\nname = \"mine\"\n").expect("writable");
    written(outside.path(), &[]);
}

#[test]
fn a_folder_that_cannot_be_one_is_told_with_its_reason() {
    let outside = outside();
    let at = outside.path();
    fs::write(at.join("file"), "").expect("writable");
    fs::create_dir(at.join("real")).expect("writable");
    std::os::unix::fs::symlink("real", at.join("link")).expect("writable");
    let long = "x".repeat(300);
    for (folder, reason) in [
        ("file", "file is a file: name a folder"),
        ("file/below", "cannot look at the folder file/below"),
        (
            "link",
            "link is a symbolic link: name the folder that it leads to",
        ),
        (&long, "cannot look at the folder xxx"),
        (
            "a\u{1b}[31m\nb",
            r"a\u{1b}[31m\nb has characters that steer a terminal",
        ),
        // Nobody makes folders there, not even root.
        ("/proc/squall", "cannot write /proc/squall/topologies/shop.toml: "),
    ] {
        let said = refused(at, &[folder]);
        assert!(said.starts_with("error: ") && said.contains(reason), "{said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn nothing_is_written_through_a_link_or_into_what_is_no_folder() {
    let outside = outside();
    let (mine, other) = (outside.path().join("mine"), outside.path().join("other"));
    fs::create_dir(&mine).expect("writable");
    fs::create_dir(&other).expect("writable");
    std::os::unix::fs::symlink(&other, mine.join(".github")).expect("writable");
    std::os::unix::fs::symlink("nowhere", mine.join("scenarios")).expect("writable");
    fs::write(mine.join("tests"), "").expect("writable");
    let said = refused(&mine, &[]);
    for reason in [
        ".github is a symbolic link",
        "scenarios is a symbolic link",
        "tests is no folder",
    ] {
        assert!(said.contains(reason), "{said}");
    }
    assert_eq!(everything(&other), Vec::<PathBuf>::new());
}

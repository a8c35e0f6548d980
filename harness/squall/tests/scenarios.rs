//! Every scenario file is a test of its own name: `scenarios/*.toml` and `scenarios/regressions/*.toml` must hold,
//! `scenarios/negative/*.toml` must break. What each one shows is a snapshot under `snapshots/`.
//!
//! On the turmoil engine each comes to the same verdict, under a name that ends in `_on_turmoil`. What it shows
//! there is no snapshot: chance falls differently, for it is asked about other segments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use squall::plan::EngineKind;
use squall::{Harness, Run, file};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two at a time are enough to show that runs do not disturb each other.
    arguments.test_threads.get_or_insert(2);
    let mut trials = trials("scenarios", "", true);
    trials.extend(trials_of_regressions());
    trials.extend(trials_of_negative());
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials_of_regressions() -> Vec<Trial> {
    trials("scenarios/regressions", "regression_", true)
}

fn trials_of_negative() -> Vec<Trial> {
    trials("scenarios/negative", "negative_", false)
}

fn trials(folder: &str, prefix: &str, must_hold: bool) -> Vec<Trial> {
    let files = toml_files(&root().join(folder));
    assert!(!files.is_empty(), "no scenario in {folder}");
    let trials_of = |path: PathBuf| {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .replace('-', "_");
        let name = format!("{prefix}{stem}");
        let (same_path, snapshot) = (path.clone(), name.clone());
        [
            Trial::test(format!("{name}_on_turmoil"), move || {
                verdict(&same_path, EngineKind::Turmoil, must_hold).map(drop)
            }),
            Trial::test(name, move || {
                let run = verdict(&path, EngineKind::Flow, must_hold)?;
                insta::with_settings!({
                    snapshot_path => "../../../snapshots",
                    prepend_module_to_snapshot => false,
                    omit_expression => true,
                }, {
                    insta::assert_snapshot!(snapshot, run.judge().summary());
                });
                Ok(())
            }),
        ]
    };
    files.into_iter().flat_map(trials_of).collect()
}

fn verdict(path: &Path, engine: EngineKind, must_hold: bool) -> Result<Run, Failed> {
    let harness = Harness::new();
    let scenario =
        file::load_scenario(path, &harness.component_names()).map_err(|report| report.to_string())?;
    let run = harness.run(scenario.plan(None).on_engine(engine))?;
    let judgement = run.judge();
    if judgement.held() != must_hold {
        let what = if must_hold {
            "must hold, and is broken"
        } else {
            "must break, and held: the alarm is dead"
        };
        let text = judgement.text(&format!("squall run {}", path.display()), Default::default());
        return Err(format!("{}: {what}\n{text}", path.display()).into());
    }
    Ok(run)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is part of the repository");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    files
}

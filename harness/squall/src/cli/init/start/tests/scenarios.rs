//! Every file of `scenarios/` is a test of its own name, and one more on Squall's other engine. Each
//! is run twice: nothing in it may depend on anything but its seed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use squall::plan::EngineKind;
use squall::report::Style;
use squall::{Harness, file};

/// Components of your own are registered here: `.component("name", |settings: Mine| Ok(settings))`; services of your own
/// with `.service("name", function)`, and what calls them with `.client("name", function)`.
fn harness() -> Harness {
    // A fault that touches nothing, or an expectation that nothing could break, is a mistake. So is a panic, or a
    // host that ends by itself.
    Harness::new().deny_vacuous().deny_incidents()
}

fn main() -> ExitCode {
    let trials = scenarios().into_iter().flat_map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.replace('-', "_");
        let same_path = path.clone();
        [
            Trial::test(format!("{name}_on_turmoil"), move || {
                holds(&same_path, EngineKind::Turmoil)
            }),
            Trial::test(name, move || holds(&path, EngineKind::Flow)),
        ]
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn holds(path: &Path, engine: EngineKind) -> Result<(), Failed> {
    let harness = harness();
    let scenario = file::load_scenario(path, &harness.component_names())
        .map_err(|report| file::render(&report, false, 80))?;
    let ran = harness.run_twice(scenario.plan(None).on_engine(engine));
    let (mut run, difference) = ran.map_err(|failure| format!("the run {failure}"))?;
    run.file = Some(path.to_owned());
    let judgement = run.judge();
    if !judgement.held() {
        return Err(judgement.text(&run.replay(), Style::default()).into());
    }
    match difference {
        Some(difference) => Err(format!("two runs differ {difference}").into()),
        None => Ok(()),
    }
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(&folder).expect("there is a folder scenarios");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|it| it == "toml");
    let mut files: Vec<_> = paths.filter(is_toml).collect();
    assert!(!files.is_empty(), "no scenario in {}", folder.display());
    files.sort();
    files
}

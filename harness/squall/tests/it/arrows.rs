//! Arrows between crates go one way: squall -> {sim, router, ...} -> {platform, proto}; nothing in runtime/ knows
//! of anything in harness/. ARCHITECTURE.md has the picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which crates of the workspace each crate may depend on, other than in its tests and benches.
const ARROWS: &[(&str, &[&str])] = &[
    ("squall-proto", &[]),
    ("squall-platform", &[]),
    ("squall-events", &[]),
    ("squall-memory", &["squall-platform"]),
    ("squall-grpc", &["squall-platform", "squall-proto"]),
    (
        "squall-router",
        &["squall-events", "squall-grpc", "squall-platform", "squall-proto"],
    ),
    ("squall-value", &["squall-proto"]),
    ("squall-engine", &["squall-value"]),
    (
        "squall-provider",
        &[
            "squall-engine",
            "squall-events",
            "squall-grpc",
            "squall-platform",
            "squall-proto",
            "squall-value",
        ],
    ),
    (
        "squall-provider-sdk",
        &[
            "squall-events",
            "squall-grpc",
            "squall-platform",
            "squall-proto",
            "squall-value",
        ],
    ),
    ("squall-manifest", &["squall-platform", "squall-router"]),
    (
        "squall-provider-http",
        &[
            "squall-engine",
            "squall-grpc",
            "squall-platform",
            "squall-provider",
            "squall-value",
        ],
    ),
    ("squall-hermetic", &[]),
    ("squall-sim", &["squall-hermetic", "squall-platform"]),
    ("squall-echo", &[]),
    ("squall-site", &["squall-events", "squall-platform", "squall-sim"]),
    (
        "squall",
        &[
            "squall-engine",
            "squall-events",
            "squall-manifest",
            "squall-platform",
            "squall-provider",
            "squall-provider-http",
            "squall-provider-sdk",
            "squall-router",
            "squall-sim",
            "squall-site",
            "squall-value",
        ],
    ),
    ("squall-benches", &[]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo metadata of this workspace");
    let ours: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let arrows = metadata.packages.iter().map(|package| {
        let targets = package.dependencies.iter();
        let targets = targets.filter(|it| it.kind != DependencyKind::Development && ours.contains(&it.name));
        (
            package.name.to_string(),
            targets.map(|it| it.name.clone()).collect(),
        )
    });
    arrows.collect()
}

fn forbidden(actual: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for (from, targets) in actual {
        match ARROWS.iter().find(|(name, _)| name == from) {
            None => found.push(format!("{from} is not in the list of arrows")),
            Some((_, allowed)) => {
                let extra = targets
                    .iter()
                    .filter(|target| !allowed.contains(&target.as_str()));
                found.extend(extra.map(|to| format!("{from} -> {to}")));
            }
        }
    }
    found
}

#[test]
fn the_arrows_between_crates_go_one_way() {
    assert_eq!(forbidden(&dependencies()), Vec::<String>::new());
}

#[test]
fn an_arrow_from_runtime_to_harness_is_caught() {
    let mut arrows = dependencies();
    arrows
        .get_mut("squall-router")
        .expect("a crate")
        .insert("squall-sim".into());
    assert_eq!(forbidden(&arrows), ["squall-router -> squall-sim"]);
}

/// Rooms and files of `harness/squall` that serve every system alike, and so name none, but for the files that list what
/// there is.
const ROOMS: &[(&str, &[&str])] = &[
    ("calls", &[]),
    ("capture.rs", &[]),
    ("custom", &["mod.rs"]),
    ("draw.rs", &[]),
    ("expectation", &[]),
    ("faults", &[]),
    ("file", &[]),
    ("history.rs", &[]),
    ("hosting", &[]),
    ("journal", &["lines.rs"]),
    ("judged.rs", &[]),
    ("network.rs", &[]),
    ("oracle", &["overtime.rs"]),
    ("plan", &[]),
    ("plan.rs", &[]),
    ("report", &["tests.rs"]),
    ("registry", &[]),
    ("run", &["panics.rs"]),
    ("scenario.rs", &[]),
    ("statistics.rs", &[]),
    ("target.rs", &[]),
    ("time.rs", &[]),
    ("units.rs", &[]),
    ("vacuous.rs", &[]),
    ("verdict.rs", &[]),
];

/// How a line begins that shows under one path what systems have: what users name, and no room needs.
const SHOWN: &[&str] = &["pub use crate::systems::", "pub use crate::target::"];

/// What names one.
const NAMES: &[&str] = &[
    "squall_router",
    "squall_provider",
    "squall_engine",
    "squall_value",
    "squall_manifest",
    "squall_site",
    "systems::router",
    "systems::provider",
    "systems::service",
    "crate::providers",
    "router::components",
    "::assembly",
];

/// The same as words, in whichever list of imports.
const TYPES: &[&str] = &[
    "Canary",
    "CanaryEnd",
    "ClientCall",
    "Manager",
    "Module",
    "ModuleCall",
    "Node",
    "NodePort",
    "PipelineRun",
    "Provider",
    "ProviderEvent",
    "ProviderModule",
    "ProviderState",
    "RouterEvent",
    "RpcEvent",
    "Service",
];

/// The lines of a file that name a system, other than in comments and in what it shows.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let names_one = |code: &str| {
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        NAMES.iter().any(|name| code.contains(name)) || words.any(|word| TYPES.contains(&word))
    };
    let mut is_shown = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let code = line.split("//").next().unwrap_or_default();
        let begins = SHOWN.iter().any(|start| line.starts_with(start));
        let was_shown = is_shown || begins;
        is_shown = was_shown && !code.ends_with(';');
        !was_shown && names_one(code)
    })
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let entries = fs::read_dir(folder).expect("a room can be read");
    let paths = entries.map(|entry| entry.expect("it is there").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_in(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn rooms_for_all_systems_name_none() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut files) = (Vec::new(), 0);
    for (room, lists) in ROOMS {
        for file in files_in(&source.join(room)) {
            if lists.iter().any(|list| file.ends_with(list)) {
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&file).expect("a file can be read");
            let place = file.strip_prefix(&source).expect("it is within").display();
            found.extend(named(&text).map(|(number, line)| format!("{place}:{}: {line}", number + 1)));
        }
    }
    assert_eq!(found, Vec::<String>::new());
    assert!(files > 80, "{files} files were looked at");
}

#[test]
fn a_room_that_names_a_system_is_caught() {
    let text = "use squall_sim::Sim;\n// squall_router says so.\nuse squall_router::Error;\n\
                use crate::plan::{Fault, Manager};\nlet managers = ModuleName;\n\
                pub use crate::systems::router::Front;\n";
    let lines = [
        (2, "use squall_router::Error;"),
        (3, "use crate::plan::{Fault, Manager};"),
    ];
    assert_eq!(named(text).collect::<Vec<_>>(), lines);
}

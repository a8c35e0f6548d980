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
    ("squall-machine", &[]),
    (
        "squall-durable",
        &["squall-cluster", "squall-machine", "squall-platform"],
    ),
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
    (
        "squall-cluster",
        &["squall-events", "squall-machine", "squall-platform"],
    ),
    (
        "squall-transport",
        &["squall-cluster", "squall-grpc", "squall-platform"],
    ),
    ("squall-hermetic", &[]),
    ("squall-sim", &["squall-hermetic", "squall-platform"]),
    ("squall-echo", &[]),
    ("squall-site", &["squall-events", "squall-platform", "squall-sim"]),
    ("squall-core", &["squall-events", "squall-sim"]),
    (
        "squall-system-router",
        &[
            "squall-core",
            "squall-events",
            "squall-manifest",
            "squall-platform",
            "squall-router",
            "squall-sim",
        ],
    ),
    (
        "squall-system-provider",
        &[
            "squall-core",
            "squall-engine",
            "squall-events",
            "squall-platform",
            "squall-provider",
            "squall-provider-sdk",
            "squall-sim",
            "squall-value",
        ],
    ),
    (
        "squall-system-cluster",
        &[
            "squall-cluster",
            "squall-core",
            "squall-events",
            "squall-platform",
            "squall-sim",
            "squall-transport",
        ],
    ),
    (
        "squall-system-service",
        &["squall-core", "squall-events", "squall-sim", "squall-site"],
    ),
    (
        "squall",
        &[
            "squall-cluster",
            "squall-core",
            "squall-engine",
            "squall-platform",
            "squall-provider",
            "squall-provider-http",
            "squall-provider-sdk",
            "squall-router",
            "squall-sim",
            "squall-site",
            "squall-system-cluster",
            "squall-system-provider",
            "squall-system-router",
            "squall-system-service",
            "squall-transport",
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

/// What names a system.
const NAMES: &[&str] = &[
    "squall_router",
    "squall_cluster",
    "squall_transport",
    "squall_provider",
    "squall_engine",
    "squall_value",
    "squall_manifest",
    "squall_site",
    "squall_system",
    "squall_cluster",
    "squall_transport",
    "tonic",
];

/// The same as words, in whichever list of imports.
const TYPES: &[&str] = &[
    "Canary",
    "CanaryEnd",
    "ClientCall",
    "ClusterActor",
    "ClusterEvent",
    "ClusterNode",
    "Delivery",
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

/// The lines of a file that name a system, other than in comments.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        NAMES.iter().any(|name| code.contains(name)) || words.any(|word| TYPES.contains(&word))
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
fn the_core_names_no_system() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let files = files_in(&source);
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a file can be read");
        let place = file.strip_prefix(&source).expect("it is within").display();
        found.extend(named(&text).map(|(number, line)| format!("{place}:{}: {line}", number + 1)));
    }
    assert_eq!(found, Vec::<String>::new());
    assert!(files.len() > 100, "{} files were looked at", files.len());
}

#[test]
fn a_line_that_names_a_system_is_caught() {
    let text = "use squall_sim::Sim;\n// squall_router says so.\nuse squall_router::Error;\n\
                use crate::plan::{Fault, Manager};\nlet managers = ModuleName;\n";
    let lines = [
        (2, "use squall_router::Error;"),
        (3, "use crate::plan::{Fault, Manager};"),
    ];
    assert_eq!(named(text).collect::<Vec<_>>(), lines);
}

//! Files and folders that the documents name are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Of the repository's text for people: what to read, and how much of what it names.
const DOCUMENTS: [(&str, usize); 1] = [("ARCHITECTURE.md", 80)];

/// What is no part of the sources.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file and folder below, as a path from the root that begins with a slash.
fn paths_in(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("it is there");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}/{name}");
        if entry.path().is_dir() {
            paths_in(&entry.path(), &path, paths);
        }
        paths.push(path);
    }
}

/// What stands in backticks and is a Rust file or a folder, without a `*` for any name.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let is_path = name.ends_with(".rs") || (name.ends_with('/') && name.len() > 1);
        is_path && !name.contains(['*', ' ', '$', '{', '('])
    })
}

/// Those that are nowhere: a name may leave out the folders that it begins with.
fn missing<'t>(text: &'t str, paths: &[String]) -> Vec<&'t str> {
    let is_missing = |name: &&str| {
        let end = format!("/{}", name.trim_end_matches('/'));
        !paths.iter().any(|path| path.ends_with(&end))
    };
    named(text).filter(is_missing).collect()
}

#[test]
fn what_documents_name_is_there() {
    let mut paths = Vec::new();
    paths_in(&root(), "", &mut paths);
    for (document, least) in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).expect("it can be read");
        assert_eq!(missing(&text, &paths), Vec::<&str>::new(), "in {document}");
        let names = named(&text).count();
        assert!(names >= least, "{document} names {names}");
    }
}

#[test]
fn a_name_of_nothing_is_found() {
    let paths = ["/harness/squall/src/plan.rs".to_owned(), "/docs".to_owned()];
    let text = "`squall/src/plan.rs`, `docs/`, `an.rs`, `squall/src/plain.rs`, `src/*/plan.rs`";
    assert_eq!(missing(text, &paths), ["an.rs", "squall/src/plain.rs"]);
}

//! `squall import`.

use super::*;

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

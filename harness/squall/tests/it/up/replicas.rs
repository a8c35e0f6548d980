//! Modules with replicas: in one process, and in several.

use super::support::*;

const REPLICAS: &str = r#"
name = "real"
[module.front.node.door]
component = "forward"
edges = [{ port = "out", to = "mirror.in" }]
[module.back]
replicas = 2
[module.back.node.mirror]
component = "forward"
edges = [{ port = "out", to = "shelf.in" }]
[module.store.node.shelf]
component = "echo"
"#;

/// How often a replica has called the store, by what its process has counted.
fn stored(counted: &str, replica: &str) -> u32 {
    let line = format!(
        r#"tinysystems_cross_module_calls_total{{source_module="back",target_module="store",status="ok",replica="{replica}"}} "#
    );
    let mut found = counted.lines().filter_map(|it| it.strip_prefix(&line));
    found.next().map_or(0, |count| count.parse().expect("a number"))
}

/// Makes ten calls, one after the other. Of each two in a row both replicas get one, but for the first: while the way to
/// the second replica is made, the first one serves.
fn ten_calls(front: &str) {
    for n in 0..10 {
        let n = n.to_string();
        let answered = answer(&ran(call(front, &["door.in", &n])));
        assert_eq!(answered.to_string(), n);
    }
}

#[test]
fn replicas_take_turns_and_are_counted_apart() {
    let system = Running::up_of(REPLICAS, &["--metrics", "127.0.0.1:0"]);
    assert_ne!(system.address("back-0"), system.address("back-1"));
    ten_calls(system.address("front"));
    let counted = system.metrics();
    let (one, other) = (stored(&counted, "back-0"), stored(&counted, "back-1"));
    assert!(
        one + other == 10 && one.abs_diff(other) <= 2,
        "{one} and {other}:\n{counted}"
    );
    let series = counted.lines().filter_map(|line| line.rsplit_once(' '));
    let series: Vec<_> = series.filter(|(name, _)| !name.starts_with('#')).collect();
    let distinct: std::collections::BTreeSet<_> = series.iter().map(|(name, _)| name).collect();
    assert_eq!(distinct.len(), series.len(), "no line is there twice:\n{counted}");

    // Whoever watches sees one module.
    let shown = ran({
        let mut top = squall();
        top.args(["top", "--once", system.beside()]);
        top
    });
    let shown = text(&shown.stdout);
    let rows: Vec<Vec<_>> = shown
        .lines()
        .map(|it| it.split_whitespace().take(3).collect())
        .collect();
    assert!(rows.contains(&vec!["back", "store", "10"]), "{shown}");
}

#[test]
fn a_replica_in_a_process_of_its_own_takes_its_turn_until_it_ends() {
    let rest = ["--module", "store", "--module", "back-1"];
    let mut far = Running::up_of(REPLICAS, &rest);
    let peers = [
        format!("back={}", far.address("back-1")),
        format!("store={}", far.address("store")),
    ];
    let arguments = [
        &[
            "--metrics",
            "127.0.0.1:0",
            "--module",
            "front",
            "--module",
            "back-0",
        ][..],
        &["--peer", &peers[0], "--peer", &peers[1]],
    ];
    let near = Running::up_of(REPLICAS, &arguments.concat());
    ten_calls(near.address("front"));
    let here = stored(&near.metrics(), "back-0");
    assert!((4..=6).contains(&here), "{here} of 10:\n{}", near.metrics());

    far.signal("-TERM");
    assert_eq!(far.ended(), Some(0));
    let refused = ran(call(near.address("front"), &["door.in"]));
    assert_eq!(refused.status.code(), Some(1), "the store is gone with it");
    let line = r#"tinysystems_connections{source_module="front",target_module="back",state="ready"} 1"#;
    near.wait_until(line);
}

#[test]
fn a_replica_that_there_is_not_is_refused_with_the_nearest_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("real.toml");
    std::fs::write(&path, REPLICAS).expect("writable");
    let refused = |arguments: &[&str]| {
        let mut command = squall();
        command.arg("up").arg(&path).args(arguments);
        let output = ran(command);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    assert_eq!(
        refused(&["--module", "back-2"]),
        "error: the topology `real` has no module `back-2`: did you mean `back-0`?\n"
    );
    let peer = ["--module", "front", "--peer", "back-0=127.0.0.1:1"];
    assert!(refused(&peer).contains("no module `back-0`: did you mean `back`?"));
    let here = ["--module", "back", "--peer", "back=127.0.0.1:1"];
    assert!(refused(&here).contains("the module `back` runs in this process"));
}

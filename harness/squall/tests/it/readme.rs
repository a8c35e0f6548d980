//! The reports that the README shows are those that its commands print, but for wall times, and for digests: those
//! change with every byte that a new version of a library writes.

use std::path::Path;
use std::process::{Command, Stdio};

/// What a command of the README prints to standard output.
fn printed(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .expect("the binary was built for this test");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A line without what need not last: of ` HELD 30.015 s in 0.13 s (237x)   digest ...` how long the run was.
fn lasting(line: &str) -> String {
    let split = line.split_once(" s in ").and_then(|(virtual_time, rest)| {
        let (_, digest) = rest.split_once("   digest ")?;
        let is_one = digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| format!("{virtual_time} s, and a digest"))
    });
    split.unwrap_or_else(|| line.trim_end().to_owned())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(lasting).collect()
}

/// The blocks of plain text in the README that show how a run ended.
fn shown() -> Vec<Vec<String>> {
    let readme = include_str!("../../../../README.md");
    let blocks = readme.split("```text\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split_once("```").map(|(block, _)| block));
    blocks
        .filter(|block| block.contains("   digest "))
        .map(|block| lines(block.trim_end()))
        .collect()
}

#[test]
fn reports_in_the_readme_are_those_of_its_commands() {
    let held = printed(&["run", "scenarios/callee-killed-and-restarted.toml"]);
    let broken = printed(&["run", "scenarios/negative"]);
    let printed = [lines(&held), lines(&broken)];
    let shown = shown();
    assert_eq!(
        shown.len(),
        printed.len(),
        "a report in the README that is not looked at here"
    );
    for (shown, printed) in shown.iter().zip(&printed) {
        let is_there = printed
            .windows(shown.len())
            .any(|window| window == shown.as_slice());
        assert!(
            is_there,
            "the README shows\n{}\nand its command prints\n{}",
            shown.join("\n"),
            printed.join("\n")
        );
    }
}

#[test]
fn the_first_service_in_the_readme_is_that_of_the_example() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../../../examples/own-system/tests/first.rs");
    let (_, code) = example.split_once("\n\n").expect("a comment, and the code");
    for part in [
        code,
        include_str!("../../../../examples/own-system/first/topology.toml"),
        include_str!("../../../../examples/own-system/first/scenario.toml"),
    ] {
        assert!(readme.contains(part.trim_end()), "the README lacks\n{part}");
    }
}

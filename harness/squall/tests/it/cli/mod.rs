//! The command line: what it prints, and the exit codes that scripts decide by.

mod actor;
mod files;
mod import;
mod journals;
mod run;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use squall::journal::{Event, lines};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn squall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the binary was built for this test")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A folder with a topology and whatever scenarios a test writes into it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let topology = std::fs::read_to_string(root().join("topologies/pair.toml")).expect("a topology");
    std::fs::write(folder.path().join("pair.topology"), topology).expect("writable");
    folder
}

fn scenario(folder: &Path, name: &str, extra: &str) -> String {
    let path = folder.join(name);
    let text = format!(
        "name = \"{name}\"\ntopology = \"pair.topology\"\nduration = \"2s\"\nseed = 5\n\
         [[workload]]\nname = \"w\"\nfrom = \"front\"\nto = \"echo.in\"\nrate = \"10/s\"\n{extra}"
    );
    std::fs::write(&path, text).expect("writable");
    path.to_str().expect("UTF-8").to_owned()
}

fn objects(printed: &str) -> Vec<Value> {
    printed
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object per line"))
        .collect()
}

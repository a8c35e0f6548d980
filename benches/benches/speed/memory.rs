//! How much memory a module takes: measured in a process of its own, for a heap gives little back.

use std::process::Command;
use std::time::Duration;

use crate::on_squall;
use crate::program::Program;

/// The argument that makes this program such a process. The number of modules follows.
pub(crate) const ARGUMENT: &str = "--peak-memory-of";

/// KiB that the process takes at its peak, with so many modules; none where the system does not say.
pub(crate) fn peak_with(modules: usize) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new(program)
        .args([ARGUMENT, &modules.to_string()])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// What that process does: the program, and one line for its parent.
pub(crate) fn measure(modules: usize) -> Option<f64> {
    on_squall::run(&Program::sparse(modules, Duration::from_secs(60)));
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

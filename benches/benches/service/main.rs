//! Services of one's own, with tonic's server and channel as they are, on the simulator: side by side with the same on
//! pipes and on turmoil, in one run.
//!
//! ```text
//! cargo bench -p squall-benches --bench service               a minute or two; exits 1 when a target is missed
//! cargo bench -p squall-benches --bench service -- --quick    no verdict: whether everything works
//! ```

#![expect(clippy::print_stdout, reason = "a command-line program")]

#[path = "../speed/measure.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod measure;
#[path = "../speed/on_duplex.rs"]
mod on_duplex;
mod on_site;
#[path = "../speed/on_turmoil.rs"]
mod on_turmoil;
#[path = "../speed/program.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod program;
#[path = "../speed/report.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod report;
#[path = "../speed/tonic_peer.rs"]
mod tonic_peer;

use std::process::ExitCode;
use std::time::Duration;

use crate::measure::{Turns, compare};
use crate::program::Program;
use crate::report::{HEAD, Measured, Row, Target, calls_per_second, seconds};

/// As in the `squall` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MINUTE: Duration = Duration::from_secs(60);
const DENSE_CALLS: u64 = 20_480;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    // The first run of a process pays for what it never pays again.
    on_site::run(&Program::sparse(10, MINUTE));
    println!("{HEAD}");
    let mut missed = 0;
    for mut row in dense(quick).into_iter().chain(sparse(quick)) {
        if quick {
            row.target = None;
        }
        println!("{row}");
        missed += u32::from(row.is_missed());
    }
    if missed > 0 {
        println!("\n{missed} targets missed.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Calls back to back, against pipes in memory.
fn dense(quick: bool) -> Vec<Row> {
    let calls = if quick { 640 } else { DENSE_CALLS };
    let turns = Turns {
        turns: if quick { 1 } else { 15 },
        first_per_turn: 1,
    };
    let row = |(services, clients): (usize, u32)| {
        let program = Program::dense(services, clients, calls);
        let times = compare(turns, || on_site::run(&program), || on_duplex::run(&program));
        Row {
            program: format!("dense, {services} services, {clients} at a time"),
            squall: calls_per_second(program.calls(), times.first),
            peer: format!("pipes {}", calls_per_second(program.calls(), times.second)),
            measured: Measured::Ratio(times.ratio),
            target: Some(Target::AtLeast(0.75)),
        }
    };
    [(1, 1), (2, 1), (2, 64), (20, 1)].map(row).into()
}

/// One call of each service every 5 s, against turmoil with ticks of 1 ms.
fn sparse(quick: bool) -> Vec<Row> {
    let (services, lasts) = if quick { (5, MINUTE / 6) } else { (50, MINUTE) };
    let program = Program::sparse(services, lasts);
    let turns = Turns {
        turns: if quick { 1 } else { 2 },
        first_per_turn: if quick { 1 } else { 9 },
    };
    let times = compare(turns, || on_site::run(&program), || on_turmoil::run(&program));
    vec![Row {
        program: format!("sparse, {services} services"),
        squall: seconds(times.first),
        peer: format!("turmoil {}", seconds(times.second)),
        measured: Measured::Ratio(times.ratio),
        target: Some(Target::AtLeast(600.0)),
    }]
}

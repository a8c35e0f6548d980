//! Squall's speed, side by side with its peers, in one run. See README.md.
//!
//! ```text
//! cargo bench -p squall-benches                    everything, a few minutes; exits 1 when a target is missed
//! cargo bench -p squall-benches -- sparse idle     only these
//! cargo bench -p squall-benches -- --quick         small sizes, no verdict: whether everything works
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod beside;
mod loopback;
mod manager;
mod measure;
mod memory;
mod on_duplex;
mod on_squall;
mod on_turmoil;
mod program;
mod providers;
mod report;
mod tonic_peer;

use std::process::ExitCode;
use std::time::Duration;

use crate::loopback::Taken;
use crate::measure::{Turns, compare, fastest_of, middle};
use crate::program::Program;
use crate::report::{HEAD, Measured, Row, Target, calls_per_second, seconds};

/// As in the `squall` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MINUTE: Duration = Duration::from_secs(60);
/// As many for each of 1, 2 and 20 modules, and for each of 64 clients of theirs.
const DENSE_CALLS: u64 = 20_480;
/// On real sockets, all callers together.
const SOCKET_CALLS: u32 = 20_480;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Full sizes and repetitions, or those of a smoke run.
#[derive(Clone, Copy)]
struct Scale {
    quick: bool,
}

impl Scale {
    fn pick<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// A group of measurements: its name, and what makes its rows.
type Group = (&'static str, fn(Scale) -> Vec<Row>);

const GROUPS: [Group; 10] = [
    ("loopback", over_loopback),
    ("manager", through_manager),
    ("dense", dense),
    ("beside", small_beside_large),
    ("scaling", scaling),
    ("idle", idle),
    ("mesh", mesh),
    ("memory", memory_per_module),
    ("providers", many_providers),
    ("sparse", sparse),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, modules] = &arguments[..]
        && flag == memory::ARGUMENT
    {
        let peak = modules.parse().ok().and_then(memory::measure);
        println!("{}", peak.map_or_else(String::new, |peak| peak.to_string()));
        return ExitCode::SUCCESS;
    }
    if let [flag, shape, modules, repeat] = &arguments[..]
        && flag == "--only"
    {
        let (Ok(modules), Ok(repeat)) = (modules.parse(), repeat.parse()) else {
            eprintln!("--only SHAPE MODULES REPEAT: the last two are numbers");
            return ExitCode::from(2);
        };
        return only(shape, modules, repeat);
    }
    let quick = arguments.iter().any(|it| it == "--quick");
    // `cargo bench` adds a flag of its own.
    let wanted: Vec<_> = arguments.iter().filter(|it| !it.starts_with("--")).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|it| GROUPS.iter().all(|(name, _)| name != *it))
    {
        eprintln!(
            "there is no group `{unknown}`: there are {}",
            GROUPS.map(|(name, _)| name).join(", ")
        );
        return ExitCode::from(2);
    }

    // The first run of a process pays for what it never pays again.
    on_squall::run(&Program::sparse(10, MINUTE));
    println!("{HEAD}");
    let mut missed = 0;
    for (name, group) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|it| *it == name) {
            for mut row in group(Scale { quick }) {
                if quick {
                    row.target = None;
                }
                println!("{row}");
                missed += u32::from(row.is_missed());
            }
        }
    }
    if quick {
        println!("\nA smoke run: everything works, the figures mean nothing.");
    } else if missed > 0 {
        println!("\n{missed} targets missed.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is measured on real sockets, by the number of callers.
fn on_sockets(shape: &str) -> Option<Box<dyn Fn(u32) -> Taken>> {
    type Run = fn(usize, u32, u32) -> Taken;
    let (name, bytes) = shape.split_once(':').unwrap_or((shape, "0"));
    let bytes = bytes.parse().ok()?;
    let run: Run = match name {
        "loopback" if bytes >= 2 => loopback::through_modules,
        "loopback-tonic" if bytes >= 2 => loopback::through_tonic,
        "manager" => |_, callers, calls| manager::through_manager(callers, calls),
        "manager-tonic" => |_, callers, calls| manager::through_tonic(callers, calls),
        _ => return None,
    };
    Some(Box::new(move |callers| run(bytes, callers, SOCKET_CALLS)))
}

/// One program on Squall alone, so many times: something for a profiler to look at.
fn only(shape: &str, modules: usize, repeat: usize) -> ExitCode {
    if let Some(run) = on_sockets(shape) {
        let callers = u32::try_from(modules).unwrap_or(u32::MAX).clamp(1, SOCKET_CALLS);
        for _ in 0..repeat {
            let taken = run(callers);
            let speed = calls_per_second(SOCKET_CALLS.into(), taken.whole);
            println!("{speed}, p50 {:?}", taken.median);
        }
        return ExitCode::SUCCESS;
    }
    let run: fn(&Program) -> Duration = match shape {
        "tonic" => on_duplex::run,
        _ => on_squall::run,
    };
    let program = match shape {
        "dense" | "tonic" => Program::dense(modules, 1, DENSE_CALLS),
        "sparse" => Program::sparse(modules, MINUTE),
        "mesh" => Program::sparse(modules, MINUTE).meshed(),
        _ => {
            eprintln!(
                "there is no shape `{shape}`: there are dense, sparse, mesh, tonic, and on sockets loopback:BYTES, \
                 loopback-tonic:BYTES, manager, manager-tonic"
            );
            return ExitCode::from(2);
        }
    };
    for _ in 0..repeat {
        println!("{}", seconds(run(&program)));
    }
    ExitCode::SUCCESS
}

/// One call of each module every 5 s, against turmoil with ticks of 1 ms.
fn sparse(scale: Scale) -> Vec<Row> {
    let row = |modules: usize, turns: usize, target: f64| {
        let program = Program::sparse(modules, scale.pick(MINUTE, MINUTE / 6));
        let turns = Turns {
            turns,
            first_per_turn: scale.pick(9, 1),
        };
        let times = compare(turns, || on_squall::run(&program), || on_turmoil::run(&program));
        Row {
            program: format!("sparse, {modules} modules"),
            squall: seconds(times.first),
            peer: format!("turmoil {}", seconds(times.second)),
            measured: Measured::Ratio(times.ratio),
            target: Some(Target::AtLeast(target)),
        }
    };
    vec![
        row(scale.pick(20, 3), scale.pick(5, 1), 250.0),
        row(scale.pick(50, 5), scale.pick(2, 1), 600.0),
    ]
}

/// Sparse, with more and more modules: what a call costs must not depend on how many there are.
fn scaling(scale: Scale) -> Vec<Row> {
    let [few, many, very_many] = scale.pick([10, 1000, 3000], [2, 20, 40]);
    let program = |modules| Program::sparse(modules, MINUTE);
    let turns = Turns {
        turns: scale.pick(5, 1),
        first_per_turn: scale.pick(9, 1),
    };
    let run = |modules: usize| on_squall::run(&program(modules));
    let times = compare(turns, || run(few), || run(many));
    let cost = |modules: usize, time: Duration| {
        format!(
            "{:.1} us/call",
            time.as_secs_f64() * 1e6 / program(modules).calls() as f64
        )
    };
    let longest = fastest_of(scale.pick(4, 1), || run(very_many));
    let alone = |modules: usize, time: Duration, target| Row {
        program: format!("sparse, {modules} modules"),
        squall: cost(modules, time),
        peer: String::new(),
        measured: Measured::Seconds(time),
        target,
    };
    vec![
        alone(few, times.first, None),
        alone(many, times.second_fastest, Some(Target::AtMost(1.0))),
        Row {
            program: format!("cost of a call, {many} modules to {few}"),
            squall: cost(many, times.second),
            peer: cost(few, times.first),
            measured: Measured::Ratio(times.ratio * few as f64 / many as f64),
            target: Some(Target::AtMost(1.5)),
        },
        alone(very_many, longest, Some(Target::AtMost(3.0))),
    ]
}

/// Real sockets: a call from module to module against bare tonic's, and one that stays within its module.
fn over_loopback(scale: Scale) -> Vec<Row> {
    let mut rows = vec![];
    for (bytes, calls) in [
        (128, SOCKET_CALLS),
        (4 * 1024, SOCKET_CALLS),
        (256 * 1024, SOCKET_CALLS / 8),
    ] {
        for callers in [1, 64] {
            let calls = scale.pick(calls, 64);
            let (mut throughputs, mut medians) = (vec![], vec![]);
            let mut fastest = [Duration::MAX; 2];
            for _ in 0..scale.pick(9, 1) {
                let ours = loopback::through_modules(bytes, callers, calls);
                let tonic = loopback::through_tonic(bytes, callers, calls);
                throughputs.push(tonic.whole.as_secs_f64() / ours.whole.as_secs_f64());
                medians.push(ours.median.as_secs_f64() / tonic.median.as_secs_f64());
                fastest = [fastest[0].min(ours.whole), fastest[1].min(tonic.whole)];
            }
            let [squall, tonic] = fastest.map(|time| calls_per_second(calls.into(), time));
            let what = format!("loopback, {bytes} bytes, {callers} at a time");
            rows.push(Row {
                program: format!("{what}: calls per second"),
                squall,
                peer: format!("bare tonic {tonic}"),
                measured: Measured::Ratio(middle(throughputs)),
                target: Some(Target::AtLeast(1.0)),
            });
            rows.push(Row {
                program: format!("{what}: p50"),
                squall: String::new(),
                peer: "bare tonic".into(),
                measured: Measured::Ratio(middle(medians)),
                target: Some(Target::AtMost(1.05)),
            });
        }
    }
    let calls = scale.pick(200_000, 100);
    let time = (0..scale.pick(5, 1)).map(|_| loopback::locally(calls)).min();
    rows.push(Row {
        program: "a local call".into(),
        squall: String::new(),
        peer: String::new(),
        measured: Measured::Seconds(time.unwrap_or_default()),
        target: Some(Target::AtMost(1e-6)),
    });
    rows
}

/// Real sockets: a call of a provider's module, with JSON written, read and checked on both ends, against bare tonic's.
fn through_manager(scale: Scale) -> Vec<Row> {
    let row = |callers: u32| {
        let calls = scale.pick(SOCKET_CALLS, 64);
        let mut ratios = vec![];
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..scale.pick(9, 1) {
            let ours = manager::through_manager(callers, calls).whole;
            let tonic = manager::through_tonic(callers, calls).whole;
            ratios.push(tonic.as_secs_f64() / ours.as_secs_f64());
            fastest = [fastest[0].min(ours), fastest[1].min(tonic)];
        }
        let [squall, tonic] = fastest.map(|time| calls_per_second(calls.into(), time));
        Row {
            program: format!("manager, a record of 128 bytes, {callers} at a time"),
            squall,
            peer: format!("bare tonic {tonic}"),
            measured: Measured::Ratio(middle(ratios)),
            target: Some(Target::AtLeast(0.9)),
        }
    };
    vec![row(1), row(64)]
}

/// Back to back, against turmoil and against tonic without any simulation.
fn dense(scale: Scale) -> Vec<Row> {
    let row = |modules: usize, clients: u32, peer: &str, run_peer: fn(&Program) -> Duration, target| {
        let program = Program::dense(modules, clients, scale.pick(DENSE_CALLS, DENSE_CALLS / 16));
        let turns = Turns {
            turns: scale.pick(9, 1),
            first_per_turn: 1,
        };
        let times = compare(turns, || on_squall::run(&program), || run_peer(&program));
        Row {
            program: format!("dense, {modules} modules, {clients} at a time"),
            squall: calls_per_second(program.calls(), times.first),
            peer: format!("{peer} {}", calls_per_second(program.calls(), times.second)),
            measured: Measured::Ratio(times.ratio),
            target: Some(target),
        }
    };
    let tonic = |modules, clients| {
        let target = Target::AtLeast(0.8);
        row(modules, clients, "bare tonic", on_duplex::run, target)
    };
    vec![
        row(20, 1, "turmoil", on_turmoil::run, Target::AtLeast(1.5)),
        row(
            20,
            1,
            "the turmoil engine",
            on_squall::run_on_packets,
            Target::AtMost(2.5),
        ),
        tonic(2, 1),
        tonic(2, 64),
        tonic(20, 1),
        tonic(20, 64),
    ]
}

/// Small answers on a connection that large ones fill.
fn small_beside_large(scale: Scale) -> Vec<Row> {
    let beside = beside::run(Duration::from_secs(scale.pick(20, 2)));
    let row = |what: &str, measured, target| Row {
        program: format!("80 Mbit/s, 5 ms a way, four answers of 4 MB at a time: {what}"),
        squall: String::new(),
        peer: String::new(),
        measured,
        target: Some(target),
    };
    vec![
        row(
            "share of the link that they fill",
            Measured::Ratio(beside.filled),
            Target::AtLeast(0.95),
        ),
        row(
            "a small call beside them, p50",
            Measured::Seconds(beside.small),
            Target::AtMost(0.060),
        ),
        row(
            "a small call beside them, the longest",
            Measured::Seconds(beside.small_max),
            Target::AtMost(0.060),
        ),
    ]
}

/// A day in which little happens.
fn idle(scale: Scale) -> Vec<Row> {
    let program = Program::sparse(10, scale.pick(DAY, DAY / 1440));
    let time = fastest_of(scale.pick(3, 1), || on_squall::run(&program));
    vec![Row {
        program: format!(
            "idle, 10 modules, {} virtual hours",
            program.duration().as_secs() / 3600
        ),
        squall: calls_per_second(program.calls(), time),
        peer: String::new(),
        measured: Measured::Seconds(time),
        target: Some(Target::AtMost(10.0)),
    }]
}

/// A manager whose providers say each 5 s that they are alive, and are called in turn.
fn many_providers(scale: Scale) -> Vec<Row> {
    let (providers, calls) = scale.pick((200, 10_000), (20, 100));
    let time = fastest_of(scale.pick(3, 1), || providers::run(providers, calls));
    vec![Row {
        program: format!(
            "{providers} providers in {} groups, {calls} calls, 60 s",
            providers / 10
        ),
        squall: calls_per_second(calls, time),
        peer: String::new(),
        measured: Measured::Seconds(time),
        target: Some(Target::AtMost(5.0)),
    }]
}

/// Everybody calls everybody.
fn mesh(scale: Scale) -> Vec<Row> {
    let program = Program::sparse(scale.pick(100, 5), MINUTE).meshed();
    let time = fastest_of(scale.pick(2, 1), || on_squall::run(&program));
    vec![Row {
        program: format!(
            "mesh, {} connections, {} calls",
            program.connections().len(),
            program.calls()
        ),
        squall: calls_per_second(program.calls(), time),
        peer: String::new(),
        measured: Measured::Seconds(time),
        target: Some(Target::AtMost(12.0)),
    }]
}

/// What one more module takes, with its connection, its server and its share of the journal.
fn memory_per_module(scale: Scale) -> Vec<Row> {
    let (few, many) = scale.pick((100, 1000), (2, 20));
    let peaks = memory::peak_with(few).zip(memory::peak_with(many));
    let row = |(less, more): (f64, f64)| Row {
        program: format!("memory for each of {many} modules, sparse"),
        squall: format!("{:.0} MiB in all", more / 1024.0),
        peer: String::new(),
        measured: Measured::KibiBytes((more - less) / (many - few) as f64),
        target: Some(Target::AtMost(256.0)),
    };
    peaks.map(row).into_iter().collect()
}

//! JSON of values, against serde_json on structs of the same data, side by side in one run.
//!
//! ```text
//! cargo bench -p squall-benches --bench value                some seconds; exits 1 when a target is missed
//! cargo bench -p squall-benches --bench value -- --quick     no verdict: whether everything works
//! ```

#![expect(clippy::print_stdout, reason = "a command-line program")]

mod data;
#[path = "../speed/measure.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod measure;
#[path = "../speed/report.rs"]
#[expect(dead_code, reason = "the other bench uses the rest")]
mod report;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use squall_value::{CValue, Limits};

use crate::data::{Plain, Tagged};
use crate::measure::{Turns, compare};
use crate::report::{HEAD, Measured, Row, Target, seconds};

/// As in the `squall` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often, in each sample: so short a time is mostly not interrupted by what else the machine does.
const REPEAT: u32 = 2;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (value, plain, tagged) = (data::value(), data::plain(), data::tagged());
    // Equivalent means equal: the same bytes, and the same data.
    let json = value.to_json();
    assert_eq!(serde_json::to_vec(&tagged).ok().as_ref(), Some(&json));
    assert_eq!(value.deserialize::<Plain>().ok().as_ref(), Some(&plain));
    let plain_json = serde_json::to_vec(&plain).expect("a struct of scalars is JSON");

    let turns = if quick { 1 } else { 1001 };
    let target = |bound| if quick { None } else { Some(Target::AtMost(bound)) };
    let unshared = data::unshared();
    let tags_last = data::tags_last(&json);

    let encode = || time(|| value.to_json());
    let encode_unshared = || time(|| unshared.to_json());
    let to_plain = || time(|| serde_json::to_vec(&plain));
    let to_tagged = || time(|| serde_json::to_vec(&tagged));
    let decode = || time(|| CValue::from_json(&json, &Limits::default()));
    let decode_tags_last = || time(|| CValue::from_json(&tags_last, &Limits::default()));
    let from_plain = || read::<Plain>(&plain_json);
    let from_tagged = || read::<Tagged>(&json);

    let (plain_peer, tagged_peer) = ("plain structs and JSON", "structs of the same JSON");
    let alone = "to JSON, each record with types of its own";
    let rows = [
        row("to JSON", plain_peer, turns, encode, to_plain, target(1.5)),
        row("to JSON", tagged_peer, turns, encode, to_tagged, target(1.5)),
        row(alone, plain_peer, turns, encode_unshared, to_plain, None),
        row("from JSON", plain_peer, turns, decode, from_plain, None),
        row("from JSON", tagged_peer, turns, decode, from_tagged, None),
        row(
            "from JSON, all tags last",
            tagged_peer,
            turns,
            decode_tags_last,
            from_tagged,
            None,
        ),
    ];
    println!(
        "1,000 leaves: {} bytes of JSON, {} of plain JSON.\n\n{HEAD}",
        json.len(),
        plain_json.len()
    );
    let mut is_missed = false;
    for row in rows {
        println!("{row}");
        is_missed |= row.is_missed();
    }
    ExitCode::from(u8::from(is_missed))
}

/// How long `run` takes.
fn time<T>(run: impl Fn() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..REPEAT {
        black_box(run());
    }
    start.elapsed() / REPEAT
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Duration {
    time(|| serde_json::from_slice::<T>(black_box(json)))
}

/// Lets the two take turns; the ratio is ours to the peer's.
fn row(
    program: &str,
    peer: &str,
    turns: usize,
    ours: impl Fn() -> Duration,
    other: impl Fn() -> Duration,
    target: Option<Target>,
) -> Row {
    let turns = Turns {
        turns,
        first_per_turn: 1,
    };
    let times = compare(turns, other, ours);
    Row {
        program: program.into(),
        squall: seconds(times.second),
        peer: format!("{peer} {}", seconds(times.first)),
        measured: Measured::Ratio(times.ratio),
        target,
    }
}

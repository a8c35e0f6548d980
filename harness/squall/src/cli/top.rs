//! `squall top`

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, interval};

use super::{Console, Exit, plain, runtime};
use crate::live::{self, Sample, Target};

const REFRESH: Duration = Duration::from_secs(1);
/// The window of rates and latencies.
const WINDOW: Duration = Duration::from_secs(10);
/// Clears a terminal and moves the cursor to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Where the metrics are: host:port, or http://host:port/metrics
    #[arg(value_name = "METRICS")]
    target: Target,
    /// Print all that was counted so far, and end
    #[arg(long)]
    once: bool,
}

pub(super) fn top<O: Write, E: Write>(args: &TopArgs, console: &mut Console<O, E>) -> io::Result<Exit> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        match args.once {
            true => once(args, console).await,
            false => on_and_on(args, console).await,
        }
    });
    runtime.shutdown_background();
    ended
}

async fn once<O: Write, E: Write>(args: &TopArgs, console: &mut Console<O, E>) -> io::Result<Exit> {
    match sample(&args.target).await {
        Ok(sample) => {
            write!(console.out, "{}", live::table(&sample, None))?;
            Ok(Exit::Held)
        }
        Err((why, exit)) => {
            writeln!(console.err, "error: {}", plain(&why))?;
            Ok(exit)
        }
    }
}

/// Updates the table until the system is gone.
async fn on_and_on<O: Write, E: Write>(args: &TopArgs, console: &mut Console<O, E>) -> io::Result<Exit> {
    let clear = if io::stdout().is_terminal() { CLEAR } else { "" };
    let mut earlier: VecDeque<(Instant, Sample)> = VecDeque::new();
    let mut ticks = interval(REFRESH);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let sample = match sample(&args.target).await {
            Ok(sample) => sample,
            Err((why, exit)) => {
                writeln!(console.err, "error: {}", plain(&why))?;
                return Ok(exit);
            }
        };
        while earlier.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            earlier.pop_front();
        }
        let (table, of) = match earlier.front() {
            Some((at, then)) => {
                let took = now - *at;
                let of = format!("the last {} s", took.as_secs_f64().round());
                (live::table(&sample.since(then), Some(took)), of)
            }
            None => (live::table(&sample, None), "all so far".to_owned()),
        };
        writeln!(console.out, "{clear}{}, {of}\n\n{table}", plain(&args.target))?;
        console.out.flush()?;
        earlier.push_back((now, sample));
    }
}

/// The sample, or the error with its exit code.
async fn sample(target: &Target) -> Result<Sample, (String, Exit)> {
    let text = live::get(target)
        .await
        .map_err(|error| (error.to_string(), Exit::Unavailable))?;
    text.parse().map_err(|error| {
        (
            format!("what {target} has are no metrics: {error}"),
            Exit::BadInput,
        )
    })
}

//! Repetitions: medians of ratios, and the fastest of runs that stand alone.
//!
//! Other programs run on the machine, and its speed changes while they do. So runs that are compared take
//! turns, each turn gives one ratio, and the median of the ratios is what counts. What has an absolute bound
//! counts by its fastest run: what else the machine does can only slow a run down.

use std::time::Duration;

/// Two programs, or one program on two peers, compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// The median of the first one's wall times.
    pub(crate) first: Duration,
    /// The median of the second one's wall times.
    pub(crate) second: Duration,
    /// The fastest of the second one's runs.
    pub(crate) second_fastest: Duration,
    /// The median of `second / first`, turn by turn.
    pub(crate) ratio: f64,
}

/// How often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    pub(crate) turns: usize,
    /// Runs of the first in each turn; of the second there is one.
    pub(crate) first_per_turn: usize,
}

/// Lets two take turns.
pub(crate) fn compare(
    turns: Turns,
    mut first: impl FnMut() -> Duration,
    mut second: impl FnMut() -> Duration,
) -> Compared {
    let (mut firsts, mut seconds, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..turns.turns {
        let one = median(sample(turns.first_per_turn, &mut first));
        let other = second();
        ratios.push(other.as_secs_f64() / one.as_secs_f64());
        firsts.push(one);
        seconds.push(other);
    }
    Compared {
        first: median(firsts),
        second_fastest: fastest(&seconds),
        second: median(seconds),
        ratio: middle(ratios),
    }
}

/// The median of ratios.
pub(crate) fn middle(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// The fastest of so many runs.
pub(crate) fn fastest_of(runs: usize, run: impl FnMut() -> Duration) -> Duration {
    fastest(&sample(runs, run))
}

fn sample(runs: usize, run: impl FnMut() -> Duration) -> Vec<Duration> {
    std::iter::repeat_with(run).take(runs).collect()
}

fn fastest(times: &[Duration]) -> Duration {
    times.iter().copied().min().expect("there is at least one run")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

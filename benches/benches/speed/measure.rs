//! Repetitions and medians.
//!
//! Other programs run on the machine, and its speed changes while they do. So runs that are compared take
//! turns, each turn gives one ratio, and the median of the ratios is what counts.

use std::time::Duration;

/// Two programs, or one program on two peers, compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// The median of the first one's wall times.
    pub(crate) first: Duration,
    /// The median of the second one's wall times.
    pub(crate) second: Duration,
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
        let one = repeat(turns.first_per_turn, &mut first);
        let other = second();
        ratios.push(other.as_secs_f64() / one.as_secs_f64());
        firsts.push(one);
        seconds.push(other);
    }
    ratios.sort_by(f64::total_cmp);
    Compared {
        first: median(firsts),
        second: median(seconds),
        ratio: ratios[ratios.len() / 2],
    }
}

/// The median of so many runs.
pub(crate) fn repeat(times: usize, run: impl FnMut() -> Duration) -> Duration {
    median(std::iter::repeat_with(run).take(times).collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

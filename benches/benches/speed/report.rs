//! The table.

use std::fmt;
use std::time::Duration;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// What ran.
    pub(crate) program: String,
    /// How Squall did.
    pub(crate) squall: String,
    /// How the peer did, if there is one.
    pub(crate) peer: String,
    /// What counts.
    pub(crate) measured: Measured,
    /// What it must be; none when it is for information.
    pub(crate) target: Option<Target>,
}

/// What counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measured {
    /// So many times something.
    Ratio(f64),
    /// On the wall.
    Seconds(Duration),
    /// Of memory.
    KibiBytes(f64),
}

/// Bounds on [`Measured`], in its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    pub(crate) fn is_missed(&self) -> bool {
        let value = self.measured.value();
        match self.target {
            None => false,
            Some(Target::AtLeast(bound)) => value < bound,
            Some(Target::AtMost(bound)) => value > bound,
        }
    }
}

impl Measured {
    fn value(self) -> f64 {
        match self {
            Measured::Ratio(value) | Measured::KibiBytes(value) => value,
            Measured::Seconds(value) => value.as_secs_f64(),
        }
    }

    fn with_unit(self, value: f64) -> String {
        match self {
            Measured::Ratio(_) if value >= 10.0 => format!("{value:.0}x"),
            Measured::Ratio(_) => format!("{value:.2}x"),
            Measured::Seconds(_) => seconds(Duration::from_secs_f64(value)),
            Measured::KibiBytes(_) => format!("{value:.0} KiB"),
        }
    }
}

/// `12.30 us`, `12.3 ms`, `1.23 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s < 1e-4 => format!("{:.2} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// `12,300 calls/s`.
pub(crate) fn calls_per_second(calls: u64, time: Duration) -> String {
    let rate = (calls as f64 / time.as_secs_f64() / 100.0).round() as u64 * 100;
    match (rate / 1000, rate % 1000) {
        (0, ones) => format!("{ones} calls/s"),
        (thousands, ones) => format!("{thousands},{ones:03} calls/s"),
    }
}

pub(crate) const HEAD: &str = "\
| program | Squall | peer | measured | target | |
|---|---|---|---|---|---|";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row {
            program,
            squall,
            peer,
            measured,
            target,
        } = self;
        let value = measured.with_unit(measured.value());
        let target = match *target {
            None => String::new(),
            Some(Target::AtLeast(bound)) => format!("at least {}", measured.with_unit(bound)),
            Some(Target::AtMost(bound)) => format!("at most {}", measured.with_unit(bound)),
        };
        let verdict = match self.target {
            None => "",
            Some(_) if self.is_missed() => "FAIL",
            Some(_) => "PASS",
        };
        write!(
            f,
            "| {program} | {squall} | {peer} | {value} | {target} | {verdict} |"
        )
    }
}

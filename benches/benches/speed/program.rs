//! The program that every peer runs: modules that call each other, 128 bytes a call, 5 ms a way.

use std::time::Duration;

use serde_json::json;

/// One way between any two modules.
pub(crate) const LATENCY: Duration = Duration::from_millis(5);
/// The sparse pattern's period.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);
/// Bytes of a call's payload, give or take the digits of its number.
const PAYLOAD_BYTES: usize = 128;

/// Who calls whom, when, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) shape: Shape,
    pub(crate) modules: usize,
    pub(crate) pace: Pace,
}

/// Who calls whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each module the next.
    Ring,
    /// Each module every other.
    Mesh,
}

/// When the calls of one connection start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// One every [`PERIOD`].
    Sparse { periods: u64 },
    /// The next as soon as the last is answered, by so many clients on each connection.
    Dense { calls: u64, clients: u32 },
}

impl Program {
    /// A ring in which each module calls once every [`PERIOD`].
    pub(crate) fn sparse(modules: usize, lasts: Duration) -> Self {
        let periods = lasts.as_secs() / PERIOD.as_secs();
        Program {
            shape: Shape::Ring,
            modules,
            pace: Pace::Sparse { periods },
        }
    }

    /// A ring in which each module calls without a pause: so many calls in all, so many at a time from each
    /// module, which divides what it has to make.
    pub(crate) fn dense(modules: usize, clients: u32, calls: u64) -> Self {
        let calls = calls / modules as u64;
        Program {
            shape: Shape::Ring,
            modules,
            pace: Pace::Dense { calls, clients },
        }
    }

    /// The same, with every module calling every other.
    pub(crate) fn meshed(self) -> Self {
        Program {
            shape: Shape::Mesh,
            ..self
        }
    }

    /// Caller and callee of every connection.
    pub(crate) fn connections(&self) -> Vec<(usize, usize)> {
        let size = self.modules;
        let callers = 0..size;
        match self.shape {
            Shape::Ring => callers.map(|from| (from, (from + 1) % size)).collect(),
            Shape::Mesh => callers
                .flat_map(|from| (0..size).filter(move |to| *to != from).map(move |to| (from, to)))
                .collect(),
        }
    }

    /// Calls on each connection.
    pub(crate) fn calls_per_connection(&self) -> u64 {
        match self.pace {
            Pace::Sparse { periods } => periods,
            Pace::Dense { calls, .. } => calls,
        }
    }

    /// Calls in all.
    pub(crate) fn calls(&self) -> u64 {
        self.connections().len() as u64 * self.calls_per_connection()
    }

    /// Virtual time that is enough for all calls; exactly that of the periods when the pace is sparse.
    pub(crate) fn duration(&self) -> Duration {
        match self.pace {
            Pace::Sparse { periods } => PERIOD * periods as u32,
            Pace::Dense { calls, clients } => 2 * LATENCY * (calls as u32 / clients + 10),
        }
    }
}

/// What every call carries: as in most scenarios, an object with the call's number in it.
pub(crate) fn payload(call: &str) -> serde_json::Value {
    let empty = json!({ "call": "1000", "text": "" }).to_string().len();
    json!({ "call": call, "text": "x".repeat(PAYLOAD_BYTES - empty) })
}

//! A scenario: checked against its topology, with ranges not drawn yet.
//!
//! Every check covers the extremes that any seed could draw, so [`Scenario::plan`] cannot fail: a sweep over a
//! thousand seeds never stops at invalid input.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::draw::{Draws, Ranged};
use crate::faults::Open;
use crate::plan::{Arrival, Expectation, Fault, Plan, Ratio, Target, Topology, Window, Workload};
use crate::units::Rate;

/// A scenario file and its topology. [`crate::file::load_scenario`] makes one.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) seed: u64,
    pub(crate) duration: Ranged<Duration>,
    pub(crate) wall_limit: Duration,
    pub(crate) interleave: Ranged<Ratio>,
    pub(crate) workloads: Vec<OpenWorkload>,
    pub(crate) faults: Vec<OpenFault>,
    pub(crate) expectations: Vec<OpenExpectation>,
}

impl Scenario {
    /// The plan of one run: every range is drawn from `seed`, or from the file's own.
    ///
    /// A draw depends only on the seed and on the range's path (`fault split: at`). So the draws of a named fault stay
    /// the same when other faults are added or removed.
    pub fn plan(&self, seed: Option<u64>) -> Plan {
        let seed = seed.unwrap_or(self.seed);
        let mut draws = Draws::new(seed);
        let duration = draws.draw("duration", self.duration);
        let interleave = draws.draw("interleave", self.interleave);
        let workloads = self
            .workloads
            .iter()
            .map(|workload| workload.fill(duration, &mut draws))
            .collect();
        let faults: Vec<Fault> = self.faults.iter().map(|fault| fault.fill(&mut draws)).collect();
        Plan {
            scenario: self.name.clone(),
            topology: Arc::clone(&self.topology),
            seed,
            duration,
            wall_limit: self.wall_limit,
            interleave,
            workloads,
            expectations: self
                .expectations
                .iter()
                .map(|expectation| expectation.fill(&faults))
                .collect(),
            faults,
            drawn: draws.into_drawn(),
        }
    }

    /// The file's `name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's `description`.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The topology that it runs on.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// The file's `seed`, or else 0.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

#[derive(Debug, Clone)]
pub(crate) struct OpenWorkload {
    pub(crate) name: String,
    pub(crate) from: Vec<String>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) arrival: OpenArrival,
    pub(crate) start: Ranged<Duration>,
    pub(crate) end: End,
    pub(crate) limit: Option<Ranged<u64>>,
    pub(crate) timeout: Option<Ranged<Duration>>,
}

#[derive(Debug, Clone)]
pub(crate) enum OpenArrival {
    Open(Ranged<Rate>),
    Closed {
        clients: Ranged<u64>,
        think: Ranged<Duration>,
    },
}

/// When a workload stops starting calls.
#[derive(Debug, Clone)]
pub(crate) enum End {
    OfRun,
    At(Ranged<Duration>),
    For(Ranged<Duration>),
}

impl OpenWorkload {
    fn fill(&self, duration: Duration, draws: &mut Draws) -> Workload {
        let path = |key: &str| format!("workload {}: {key}", self.name);
        let arrival = match self.arrival {
            OpenArrival::Open(rate) => {
                let Rate { calls, per } = draws.draw(&path("rate"), rate);
                Arrival::Open { calls, per }
            }
            OpenArrival::Closed { clients, think } => Arrival::Closed {
                clients: u32::try_from(draws.draw(&path("clients"), clients)).expect("at most `CLIENTS_MAX`"),
                think: draws.draw(&path("think"), think),
            },
        };
        let start = draws.draw(&path("start"), self.start);
        let end = match self.end {
            End::OfRun => duration,
            End::At(end) => draws.draw(&path("end"), end),
            End::For(length) => start + draws.draw(&path("for"), length),
        };
        Workload {
            name: self.name.clone(),
            from: self.from.clone(),
            target: self.target.clone(),
            arrival,
            start,
            end: end.min(duration),
            limit: self.limit.map(|limit| draws.draw(&path("limit"), limit)),
            timeout: self.timeout.map(|timeout| draws.draw(&path("timeout"), timeout)),
        }
    }
}

/// A fault, with ranges not drawn yet.
#[derive(Debug, Clone)]
pub struct OpenFault {
    /// Its name.
    pub name: String,
    pub(crate) at: Ranged<Duration>,
    /// The range, with its key.
    pub(crate) length: Option<(&'static str, Ranged<Duration>)>,
    /// What it does.
    pub kind: Open,
}

/// [`plan::Latency`], with ranges as parameters.
#[derive(Debug, Clone)]
pub(crate) enum Latency {
    Constant(Ranged<Duration>),
    Uniform {
        min: Ranged<Duration>,
        max: Ranged<Duration>,
    },
    LogNormal {
        median: Ranged<Duration>,
        p99: Ranged<Duration>,
    },
}

impl OpenFault {
    fn fill(&self, draws: &mut Draws) -> Fault {
        let path = |key: &str| format!("fault {}: {key}", self.name);
        let at = draws.draw(&path("at"), self.at);
        let until = self
            .length
            .map(|(key, length)| at + draws.draw(&path(key), length));
        let kind = self.kind.fill(&self.name, draws);
        Fault {
            name: self.name.clone(),
            at,
            until,
            kind,
        }
    }

    /// When it ends, over all seeds; `None` if it does not.
    pub(crate) fn end(&self) -> Option<Ranged<Duration>> {
        let (_, length) = self.length?;
        Some(Ranged {
            min: self.at.min + length.min,
            max: self.at.max + length.max,
        })
    }
}

/// An [`Expectation`] whose window depends on the drawn times of faults.
#[derive(Clone)]
pub struct OpenExpectation(Arc<Fill>);

type Fill = dyn Fn(&[Fault]) -> Arc<dyn Expectation> + Send + Sync;

impl OpenExpectation {
    /// Built by `fill` from its window.
    pub fn within<E: Expectation>(
        window: OpenWindow,
        fill: impl Fn(Window) -> E + Send + Sync + 'static,
    ) -> Self {
        OpenExpectation(Arc::new(move |faults| Arc::new(fill(window.fill(faults)))))
    }

    /// An expectation with nothing to draw.
    pub fn exactly(expectation: impl Expectation) -> Self {
        let expectation: Arc<dyn Expectation> = Arc::new(expectation);
        OpenExpectation(Arc::new(move |_| expectation.clone()))
    }

    fn fill(&self, faults: &[Fault]) -> Arc<dyn Expectation> {
        (self.0)(faults)
    }
}

impl fmt::Debug for OpenExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenExpectation").finish_non_exhaustive()
    }
}

/// A window of time, with ranges not drawn yet.
#[derive(Debug, Clone)]
pub struct OpenWindow {
    pub(crate) from: Moment,
    pub(crate) until: Option<Moment>,
    pub(crate) text: String,
}

/// An end of an expectation's window. Faults are given by index.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Time(Duration),
    Start {
        fault: usize,
    },
    /// The end of a fault that has one.
    End {
        fault: usize,
        settle: Duration,
    },
}

impl Moment {
    /// The possible times, over all seeds.
    pub(crate) fn range(self, faults: &[OpenFault]) -> Ranged<Duration> {
        match self {
            Self::Time(time) => Ranged::exactly(time),
            Self::Start { fault } => faults[fault].at,
            Self::End { fault, settle } => {
                let end = faults[fault]
                    .end()
                    .expect("a moment is made of a fault that has an end");
                Ranged {
                    min: end.min + settle,
                    max: end.max + settle,
                }
            }
        }
    }

    fn fill(self, faults: &[Fault]) -> Duration {
        match self {
            Self::Time(time) => time,
            Self::Start { fault } => faults[fault].at,
            Self::End { fault, settle } => {
                faults[fault]
                    .until
                    .expect("a moment is made of a fault that has an end")
                    + settle
            }
        }
    }
}

impl OpenWindow {
    fn fill(&self, faults: &[Fault]) -> Window {
        Window {
            from: self.from.fill(faults),
            until: self.until.map(|until| until.fill(faults)),
            text: self.text.clone(),
        }
    }
}

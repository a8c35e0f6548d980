//! What a report counts: calls by workload, segments and calls by fault, what systems have of their own, and what went
//! wrong on hosts.

use indexmap::IndexMap;

use crate::calls::Call;
use crate::custom::Section;
use crate::faults::Count;
use crate::hosting::Lists;
use crate::journal::{Death, Outcome};
use crate::oracle::Run;
use crate::plan::Quantile;
use crate::report::SystemSection;
pub use crate::systems::provider::ProviderStatistics;
use crate::vacuous;

/// All that a report shows apart from what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// As in the plan.
    pub workloads: Vec<WorkloadStatistics>,
    /// As in the plan.
    pub faults: Vec<FaultStatistics>,
    /// What systems say of their own.
    pub systems: Vec<SystemSection>,
    /// What a harness adds of its own, where it has rows.
    pub sections: Vec<Section>,
    /// What nobody asked for, in the order of hosts.
    pub incidents: Vec<Incident>,
    /// What the run says nothing about, although its scenario looks as if it did: a line each.
    pub vacuous: Vec<String>,
}

/// The calls of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadStatistics {
    /// The workload.
    pub name: String,
    /// All calls that started.
    pub calls: u64,
    /// A reply came.
    pub ok: u64,
    /// They certainly did not happen.
    pub failed: u64,
    /// Nobody knows whether they happened. Calls that never ended are among them.
    pub unknown: u64,
    /// Errors by class: the most frequent first, then by name.
    pub errors: IndexMap<String, u64>,
    /// Of the calls that were ok; none when there was no such call.
    pub latency: Option<Quantiles>,
}

/// Exact quantiles, nanoseconds of virtual time: each is a value that occurred (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// 50 of 100 are at most this.
    pub p50: u64,
    /// 90 of 100 are at most this.
    pub p90: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// All are at most this.
    pub max: u64,
}

/// What one fault did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultStatistics {
    /// The fault.
    pub name: String,
    /// What it does, in words.
    pub text: String,
    /// When it began, nanoseconds; none when the run ended before.
    pub started: Option<u64>,
    /// When it ended, nanoseconds; none when it did not.
    pub ended: Option<u64>,
    /// Segments that it had lost.
    pub lost: u64,
    /// Segments that it held.
    pub held: u64,
    /// Segments that it delayed.
    pub delayed: u64,
    /// Segments that went nowhere.
    pub dropped: u64,
    /// Connects that it refused.
    pub refused: u64,
    /// Connections that it reset.
    pub reset: u64,
    /// What only faults of its kind do.
    pub own: Vec<Count>,
    /// Calls that it touched.
    pub calls: u64,
}

/// Something that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A host ended by itself.
    HostFailed {
        /// Which.
        host: String,
        /// When, nanoseconds.
        at: u64,
        /// Why.
        error: String,
    },
    /// Tasks of a host panicked.
    Panicked {
        /// Which host.
        host: String,
        /// How many tasks.
        tasks: u64,
        /// When the first one did, nanoseconds.
        at: u64,
        /// What the first one said.
        message: String,
    },
    /// Handlers of a host panicked: the call that each was for got an error.
    HandlersPanicked {
        /// Which host.
        host: String,
        /// How many.
        handlers: u64,
        /// When the first one did, nanoseconds.
        at: u64,
        /// What the first one said.
        message: String,
    },
    /// Components of a host started tasks with `tokio::spawn`.
    Stray {
        /// Which host.
        host: String,
        /// How many tasks.
        tasks: u64,
        /// Where in the code the first was started.
        place: String,
    },
    /// Code asked of the system what a run cannot answer for.
    Escaped {
        /// On which host; empty when on none.
        host: String,
        /// How often.
        times: u64,
        /// When first, nanoseconds.
        at: u64,
        /// What it did then.
        what: String,
        /// Where in the code; empty when that is not known.
        place: String,
    },
}

impl FaultStatistics {
    /// Whether anything would have gone otherwise without it: a segment, a connect, a heartbeat, a call.
    #[must_use]
    pub fn touched_anything(&self) -> bool {
        let counts = [
            self.lost,
            self.held,
            self.delayed,
            self.dropped,
            self.refused,
            self.reset,
            self.calls,
        ];
        let own = self.own.iter().map(|own| own.count);
        counts.into_iter().chain(own).any(|count| count > 0)
    }
}

impl Statistics {
    /// Counts what runs of any system have.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Self {
        Statistics::with(run, &Lists::NONE)
    }

    /// The same, and what these systems know of the run.
    pub(crate) fn with(run: &Run<'_>, lists: &Lists) -> Self {
        let (workloads, faults) = (workloads(run), faults(run));
        let mut vacuous = vacuous::notes(run, &workloads, &faults);
        vacuous.extend(lists.notes.iter().flat_map(|notes| notes(run)));
        Statistics {
            vacuous,
            workloads,
            faults,
            systems: lists.sections.iter().map(|section| section(run)).collect(),
            sections: Vec::new(),
            incidents: incidents(run),
        }
    }
}

impl Quantiles {
    /// Of these values, which are sorted in place; none of none.
    #[must_use]
    pub fn of(values: &mut [u64]) -> Option<Self> {
        values.sort_unstable();
        Some(Quantiles {
            p50: nearest_rank(values, 50)?,
            p90: nearest_rank(values, 90)?,
            p99: nearest_rank(values, 99)?,
            max: nearest_rank(values, 100)?,
        })
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, quantile: Quantile) -> u64 {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P99 => self.p99,
            Quantile::Max => self.max,
        }
    }
}

/// The smallest of the sorted values that is not below `percent` of 100 of them.
fn nearest_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// Errors by class: the most frequent first, then by name.
pub(crate) fn errors<'a, 'j: 'a>(calls: impl IntoIterator<Item = &'a Call<'j>>) -> IndexMap<String, u64> {
    let mut counts: IndexMap<&str, u64> = IndexMap::new();
    for call in calls.into_iter().filter(|call| !call.is_ok()) {
        *counts.entry(call.class()).or_default() += 1;
    }
    counts.sort_by(|one, count, other, more| more.cmp(count).then(one.cmp(other)));
    counts
        .into_iter()
        .map(|(class, count)| (class.to_owned(), count))
        .collect()
}

fn workloads(run: &Run<'_>) -> Vec<WorkloadStatistics> {
    let mut calls: Vec<Vec<&Call<'_>>> = vec![Vec::new(); run.plan.workloads.len()];
    for call in run.calls.counted() {
        if let Some(calls) = calls.get_mut(call.workload as usize) {
            calls.push(call);
        }
    }
    let workloads = run.plan.workloads.iter().zip(calls);
    workloads
        .map(|(workload, calls)| workload_statistics(&workload.name, &calls))
        .collect()
}

fn workload_statistics(name: &str, calls: &[&Call<'_>]) -> WorkloadStatistics {
    let count = |outcome| calls.iter().filter(|call| call.outcome() == outcome).count() as u64;
    WorkloadStatistics {
        name: name.to_owned(),
        calls: calls.len() as u64,
        ok: count(Outcome::Ok),
        failed: count(Outcome::Failed),
        unknown: count(Outcome::Unknown),
        errors: errors(calls.iter().copied()),
        latency: latency(calls.iter().copied()),
    }
}

/// Of the calls that are ok.
pub(crate) fn latency<'a, 'j: 'a>(calls: impl IntoIterator<Item = &'a Call<'j>>) -> Option<Quantiles> {
    let ok = calls.into_iter().filter(|call| call.is_ok());
    Quantiles::of(&mut ok.filter_map(Call::latency).collect::<Vec<_>>())
}

fn faults(run: &Run<'_>) -> Vec<FaultStatistics> {
    let mut touched = vec![0_u64; run.plan.faults.len()];
    for fault in run.calls.counted().flat_map(|call| &call.touched_by) {
        if let Some(count) = touched.get_mut(*fault as usize) {
            *count += 1;
        }
    }
    let faults = run.plan.faults.iter().zip(touched).enumerate();
    faults
        .map(|(place, (fault, calls))| {
            let past = run.history.faults.get(place).cloned().unwrap_or_default();
            let text = match past.text {
                "" => fault.kind.text(),
                text => text.to_owned(),
            };
            FaultStatistics {
                name: fault.name.clone(),
                text,
                started: past.started,
                ended: past.ended,
                lost: past.lost,
                held: past.held,
                delayed: past.delayed,
                dropped: past.dropped,
                refused: past.refused,
                reset: past.reset,
                own: fault.kind.counts(&past, run),
                calls,
            }
        })
        .collect()
}

fn incidents(run: &Run<'_>) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for (name, host) in &run.history.hosts {
        for stop in host.stops.iter().filter(|stop| stop.how == Death::Failed) {
            let error = stop.error.to_owned();
            incidents.push(Incident::HostFailed {
                host: (*name).to_owned(),
                at: stop.at,
                error,
            });
        }
        if let Some((at, message)) = host.panics.first() {
            incidents.push(Incident::Panicked {
                host: (*name).to_owned(),
                tasks: host.panics.len() as u64,
                at: *at,
                message: (*message).to_owned(),
            });
        }
        if let Some((at, message)) = host.handler_panics.first() {
            incidents.push(Incident::HandlersPanicked {
                host: (*name).to_owned(),
                handlers: host.handler_panics.len() as u64,
                at: *at,
                message: (*message).to_owned(),
            });
        }
        if host.strays > 0 {
            incidents.push(Incident::Stray {
                host: (*name).to_owned(),
                tasks: host.strays,
                place: host.stray_place.to_owned(),
            });
        }
        let mut kinds: Vec<(&str, Incident)> = Vec::new();
        for &(at, what, place) in &host.escapes {
            let kind = what.split(" for ").next().unwrap_or(what);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, Incident::Escaped { times, .. })) => *times += 1,
                _ => kinds.push((
                    kind,
                    Incident::Escaped {
                        host: (*name).to_owned(),
                        times: 1,
                        at,
                        what: what.to_owned(),
                        place: place.to_owned(),
                    },
                )),
            }
        }
        incidents.extend(kinds.into_iter().map(|(_, incident)| incident));
    }
    incidents
}

#[cfg(test)]
mod tests;

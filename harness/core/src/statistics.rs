//! The numbers in a report: calls by workload, segments and calls by fault, statistics of systems, and incidents on
//! hosts.

use indexmap::IndexMap;

use crate::calls::Call;
use crate::custom::Section;
use crate::faults::Count;
use crate::journal::{Death, Outcome};
use crate::lists::Lists;
use crate::oracle::Run;
use crate::plan::Quantile;
use crate::report::SystemSection;
use crate::vacuous;

/// The content of a report, apart from the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// In plan order.
    pub workloads: Vec<WorkloadStatistics>,
    /// In plan order.
    pub faults: Vec<FaultStatistics>,
    /// Sections of systems.
    pub systems: Vec<SystemSection>,
    /// User-defined sections that have rows.
    pub sections: Vec<Section>,
    /// Incidents that no fault caused, by host.
    pub incidents: Vec<Incident>,
    /// Vacuous checks: one line each.
    pub vacuous: Vec<String>,
}

/// The calls of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadStatistics {
    /// The workload.
    pub name: String,
    /// The number of calls that started.
    pub calls: u64,
    /// Calls with a reply.
    pub ok: u64,
    /// Calls that certainly did not happen.
    pub failed: u64,
    /// Calls that may have happened, those without an end included.
    pub unknown: u64,
    /// Errors by class: the most frequent first, then by name.
    pub errors: IndexMap<String, u64>,
    /// Of the calls that ended ok; `None` without such calls.
    pub latency: Option<Quantiles>,
}

/// Exact quantiles in nanoseconds of virtual time: values that occurred (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// The 50th percentile.
    pub p50: u64,
    /// The 90th percentile.
    pub p90: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The maximum.
    pub max: u64,
}

/// The effects of one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultStatistics {
    /// The fault.
    pub name: String,
    /// Its text.
    pub text: String,
    /// When it started, nanoseconds; `None` if the run ended before.
    pub started: Option<u64>,
    /// When it ended, nanoseconds; `None` if it did not.
    pub ended: Option<u64>,
    /// Segments that it lost.
    pub lost: u64,
    /// Segments that it held.
    pub held: u64,
    /// Segments that it delayed.
    pub delayed: u64,
    /// Segments that it dropped without retransmission.
    pub dropped: u64,
    /// Connects that it refused.
    pub refused: u64,
    /// Connections that it reset.
    pub reset: u64,
    /// Counters of its kind.
    pub own: Vec<Count>,
    /// Calls that it touched.
    pub calls: u64,
}

/// An incident that no fault caused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A host ended by itself.
    HostFailed {
        /// The host.
        host: String,
        /// When, nanoseconds.
        at: u64,
        /// The error.
        error: String,
    },
    /// Tasks of a host panicked.
    Panicked {
        /// The host.
        host: String,
        /// How many tasks.
        tasks: u64,
        /// When the first one panicked, nanoseconds.
        at: u64,
        /// The message of the first one.
        message: String,
    },
    /// Handlers of a host panicked; each of their calls got an error.
    HandlersPanicked {
        /// The host.
        host: String,
        /// How many.
        handlers: u64,
        /// When the first one panicked, nanoseconds.
        at: u64,
        /// The message of the first one.
        message: String,
    },
    /// Components of a host started tasks with `tokio::spawn`.
    Stray {
        /// The host.
        host: String,
        /// How many tasks.
        tasks: u64,
        /// The source location where the first was started.
        place: String,
    },
    /// Code made system calls that the simulator does not control.
    Escaped {
        /// The host; empty if there is none.
        host: String,
        /// How often.
        times: u64,
        /// When first, nanoseconds.
        at: u64,
        /// The first system call.
        what: String,
        /// The source location; empty if unknown.
        place: String,
    },
}

impl FaultStatistics {
    /// Whether it had any effect: on a segment, a connect, a heartbeat or a call.
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
    /// The statistics that runs of any system have.
    #[must_use]
    pub fn of(run: &Run<'_>) -> Self {
        Statistics::with(run, Lists::NONE)
    }

    /// The same, with the statistics of these systems.
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
    /// The quantiles of these values, which are sorted in place; `None` without values.
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

    /// One quantile.
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

/// Of the calls that ended ok.
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

//! Calls succeed again once the last fault has ended and its effects have settled. Design, section 7.
//!
//! The settling time is 20 s of virtual time after the end of the last fault: longer than the backoff of retransmission
//! and of reconnection. After it, a call that ends `unavailable` or `timeout` is a violation. Other classes are the
//! callee's own answers.
//!
//! The invariant is only judged where the scenario itself cannot be the reason:
//! - every fault that began has ended, and no host went down by itself;
//! - the topology has no component that fails on purpose;
//! - links lose nothing, and have bounded latency and unlimited bandwidth: a limited link's queue may overflow;
//! - before the first fault the workload had successes from this host and no such error, apart from calls that
//!   were in flight when a fault began;
//! - the workload has made as many calls from this host since the faults ended as there are hosts: the first
//!   call on a path pays for the connection;
//! - no component of the call was still running at its deadline.
//!
//! A run whose plan ends too early for this continues until the settling time is over, and then makes the calls that are
//! missing. It does not if there are many hosts, or if a fault does not end.
//!
//! Providers reconnect by themselves, but with a delay: with them the settling time is the longest interval between two
//! of their attempts. A drained provider has left permanently; then nothing is judged.
//!
//! On links with loss, limited bandwidth or unbounded latency, single errors prove nothing. There it is a violation if
//! none of 20 calls or more succeeds, where before the first fault 20 or more did without an error.

use std::time::Duration;

use indexmap::IndexMap;

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Moment};
use crate::faults::Heals;
use crate::journal::{Death, Handling, Id};
use crate::plan::{Fault, Latency, Plan, Ratio, Recovery, Topology};
use crate::time;

/// Settling time, nanoseconds.
const SETTLING: u64 = 20_000_000_000;

/// How many calls are evidence on links where single errors are not.
const MANY: usize = 20;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Recovers;

impl Oracle for Recovers {
    fn name(&self) -> &'static str {
        "recovers"
    }

    fn promise(&self) -> &'static str {
        "20 s after the last fault calls succeed again"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let Some(storm) = Storm::of(run) else {
            return Ok(0);
        };
        let steady = is_steady(&run.plan.topology);
        let settling = SETTLING + time::nanos(slowest_return(&run.plan.topology));
        let mut first = First::default();
        for calls in by_source(run).values() {
            let source = Source::of(calls, &storm, settling);
            let (judged, violation) = if steady {
                source.error(run)
            } else {
                source.silence()
            };
            first.judges_all(judged);
            if let Some(call) = violation {
                let at = Moment {
                    at: call.started.at,
                    line: call.started.line,
                };
                let since = || time::exact(call.started.at - storm.ended);
                let what = || format!("{} {} after the last fault ended", call.class(), since());
                first.offer(at, || run.of_call(call, call.started.at, what()));
            }
        }
        first.result()
    }
}

/// How a run continues after the end of its plan.
pub(crate) struct Quiet {
    /// When effects of faults have settled, from the start of the run.
    pub(crate) settled: Duration,
    /// How many calls to make from each source of a workload's calls.
    pub(crate) probes: u32,
}

/// With more hosts, too many calls would be needed.
const HOSTS_MAX: usize = 64;
/// How many of the calls are judged.
const PROBES: usize = 5;

impl Recovers {
    /// How a run must continue to be judged. `None` if the plan leaves enough time for that, or if nothing can be judged.
    pub(crate) fn quiet(plan: &Plan) -> Option<Quiet> {
        let hosts = plan.topology.all_hosts().count();
        let nothing = plan.faults.iter().any(leaves) || fails_on_purpose(&plan.topology);
        if nothing || hosts > HOSTS_MAX {
            return None;
        }
        let mut ended = Duration::ZERO;
        for fault in &plan.faults {
            let until = fault.until.filter(|until| *until <= plan.duration)?;
            ended = ended.max(until + Duration::from_nanos(news(fault)));
        }
        let settled = ended + Duration::from_nanos(SETTLING) + slowest_return(&plan.topology);
        let is_over = !plan.faults.is_empty() && plan.duration < settled + Duration::from_secs(1);
        is_over.then(|| Quiet {
            settled: settled.max(plan.duration),
            probes: u32::try_from((hosts + PROBES).max(MANY)).unwrap_or(u32::MAX),
        })
    }
}

/// How long after its end a fault still has effects, nanoseconds.
fn news(fault: &Fault) -> u64 {
    match fault.kind.heals() {
        Heals::Later(late) => time::nanos(late),
        Heals::AtEnd | Heals::Never => 0,
    }
}

/// Whether a host leaves permanently.
fn leaves(fault: &Fault) -> bool {
    fault.kind.heals() == Heals::Never
}

fn fails_on_purpose(topology: &Topology) -> bool {
    topology.groups().any(|group| group.recovery == Recovery::Unknown)
}

/// From the start of the first fault to the end of the last one.
struct Storm {
    started: u64,
    ended: u64,
}

impl Storm {
    /// `None` if there was no fault, if one has not ended, or if hosts or components fail for other reasons.
    fn of(run: &Run<'_>) -> Option<Self> {
        let faults = run.history.faults.iter().enumerate();
        let mut storm: Option<Storm> = None;
        for (place, fault) in faults.filter(|(_, fault)| fault.started.is_some()) {
            let of_plan = run.plan.faults.get(place);
            if of_plan.is_some_and(leaves) {
                return None;
            }
            let news = of_plan.map_or(0, news);
            let (started, ended) = (fault.started?, fault.ended?.saturating_add(news));
            storm = Some(match storm {
                None => Storm { started, ended },
                Some(other) => Storm {
                    started: other.started.min(started),
                    ended: other.ended.max(ended),
                },
            });
        }
        let mut stops = run.history.hosts.values().flat_map(|host| &host.stops);
        let fails_by_itself = stops.any(|stop| stop.how == Death::Failed);
        storm.filter(|_| !fails_by_itself && !fails_on_purpose(&run.plan.topology))
    }
}

/// How long the slowest group may take to reconnect.
fn slowest_return(topology: &Topology) -> Duration {
    let waits = topology.groups().filter_map(|group| match group.recovery {
        Recovery::Within(longest) => Some(longest),
        Recovery::Unknown => None,
    });
    waits.max().unwrap_or_default()
}

/// Whether links have no loss, unlimited bandwidth and bounded latency.
fn is_steady(topology: &Topology) -> bool {
    let bounded = |latency: &Latency| !matches!(latency, Latency::LogNormal { .. });
    let lossless = |loss: Ratio| loss.numerator == 0;
    bounded(&topology.network.latency)
        && lossless(topology.network.loss)
        && topology.network.bandwidth.is_none()
        && topology.links.iter().all(|link| link.bandwidth.is_none())
        && topology
            .links
            .iter()
            .all(|link| link.latency.as_ref().is_none_or(bounded) && link.loss.is_none_or(lossless))
}

type BySource<'a, 'j> = IndexMap<(u32, &'j str), Vec<&'a Call<'j>>>;

fn by_source<'a, 'j>(run: &'a Run<'j>) -> BySource<'a, 'j> {
    let mut sources = BySource::new();
    for call in run.calls.iter() {
        sources.entry((call.workload, call.host)).or_default().push(call);
    }
    sources
}

/// The calls of one workload from one host, around a storm.
struct Source<'a, 'j> {
    /// Calls that ended ok before the first fault.
    ok_before: usize,
    /// Whether the workload had such errors before it.
    flawed: bool,
    /// Calls since the last fault ended.
    since: Vec<&'a Call<'j>>,
    settled: u64,
}

impl<'a, 'j> Source<'a, 'j> {
    fn of(calls: &[&'a Call<'j>], storm: &Storm, settling: u64) -> Self {
        let before = || calls.iter().filter(|call| call.started.at < storm.started);
        let ended_before = |call: &Call<'_>| call.end.is_some_and(|end| end.moment.at < storm.started);
        Source {
            ok_before: before().filter(|call| call.is_ok() && ended_before(call)).count(),
            flawed: before()
                .any(|call| is_unreachable(call) && (ended_before(call) || call.touched_by.is_empty())),
            since: calls
                .iter()
                .filter(|call| call.started.at >= storm.ended)
                .copied()
                .collect(),
            settled: storm.ended.saturating_add(settling),
        }
    }

    /// On steady links: how many calls should have succeeded, and the first that did not.
    fn error(&self, run: &Run<'_>) -> (usize, Option<&'a Call<'j>>) {
        if self.flawed || self.ok_before == 0 {
            return (0, None);
        }
        let warm = run.plan.topology.all_hosts().count();
        let calls = || {
            let calls = self.since.iter().skip(warm).copied();
            calls.filter(|call| call.started.at >= self.settled)
        };
        let failed = calls().find(|call| is_unreachable(call) && !component_was_at_work(call));
        (calls().count(), failed)
    }

    /// On other links: how many calls there were, if there were enough, and the first of them if none succeeded.
    fn silence(&self) -> (usize, Option<&'a Call<'j>>) {
        if self.flawed || self.ok_before < MANY {
            return (0, None);
        }
        let settled = || self.since.iter().filter(|call| call.started.at >= self.settled);
        let unreachable = |call: &&&Call<'_>| is_unreachable(call) && !component_was_at_work(call);
        let all = settled().count();
        if all < MANY {
            return (0, None);
        }
        let failed = settled().filter(unreachable).count() == all;
        (all, settled().next().copied().filter(|_| failed))
    }
}

fn is_unreachable(call: &Call<'_>) -> bool {
    matches!(call.class(), "unavailable" | "timeout" | "module_not_found")
}

/// Whether a component used up the time, not the network: one was cut off that had no call in flight.
fn component_was_at_work(call: &Call<'_>) -> bool {
    let waits = |span: Id| {
        let for_hop = call.hops.iter().any(|hop| hop.parent == span && !hop.is_ok());
        let for_other = call
            .executions
            .iter()
            .any(|other| other.parent == span && other.span != span && !other.is_ok());
        for_hop || for_other
    };
    call.executions
        .iter()
        .filter(|execution| execution.end.is_none_or(|end| end.how == Handling::Dropped))
        .any(|execution| !waits(execution.span))
}

#[cfg(test)]
mod tests;

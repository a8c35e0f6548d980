//! After the last fault ends, and things settle, calls succeed again. Design, section 7.
//!
//! Settled means 20 s of virtual time after the last fault's end: longer than retransmission and reconnection back
//! off. From then on a call that ends `unavailable` or `timeout` breaks the promise, and no other class does: those
//! are the callee's own answers.
//!
//! The promise is only judged where the scenario itself cannot be the reason:
//! - every fault that began has ended, and no host went down by itself;
//! - the topology has no component that fails on purpose;
//! - links lose nothing and have a bounded latency;
//! - before the first fault the workload had successes from this host and no such error, apart from calls that
//!   a fault caught under way;
//! - the workload has had as many calls from this host since the faults ended as there are hosts: the first
//!   call on a path pays for the connection;
//! - no component of the call was still at work when its time was up.
//!
//! On links that lose segments, or whose latency has no bound, single errors prove nothing. There, the promise is
//! broken when of 20 calls or more not one succeeds, where before the first fault 20 or more did without an error.

use indexmap::IndexMap;

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Moment};
use crate::journal::{Death, Handling, Id};
use crate::plan::{Latency, Ratio, Topology};
use crate::time;

/// How long things take to settle, nanoseconds.
const SETTLING: u64 = 20_000_000_000;

/// How many calls prove something where single errors do not.
const MANY: usize = 20;

/// Components that fail because they are told to.
const FAILING_COMPONENTS: [&str; 2] = ["fail", "panic"];

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

    fn check(&self, run: &Run<'_>) -> Result<(), Violation> {
        let Some(storm) = Storm::of(run) else {
            return Ok(());
        };
        let steady = is_steady(&run.plan.topology);
        let mut first = First::default();
        for calls in by_source(run).values() {
            let source = Source::of(calls, &storm);
            let violation = if steady {
                source.error(run)
            } else {
                source.silence()
            };
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

/// From the start of the first fault to the end of the last one.
struct Storm {
    started: u64,
    ended: u64,
}

impl Storm {
    /// None when there was none, when it is not over, or when hosts or components fail without it.
    fn of(run: &Run<'_>) -> Option<Self> {
        let faults = run.history.faults.iter().filter(|fault| fault.started.is_some());
        let mut storm: Option<Storm> = None;
        for fault in faults {
            let (started, ended) = (fault.started?, fault.ended?);
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
        let fails_on_purpose = run
            .plan
            .topology
            .modules
            .values()
            .flat_map(|module| module.nodes.values())
            .any(|node| FAILING_COMPONENTS.contains(&node.component.as_str()));
        storm.filter(|_| !fails_by_itself && !fails_on_purpose)
    }
}

/// Whether links lose nothing, and none takes longer than some bound.
fn is_steady(topology: &Topology) -> bool {
    let bounded = |latency: &Latency| !matches!(latency, Latency::LogNormal { .. });
    let lossless = |loss: Ratio| loss.numerator == 0;
    bounded(&topology.network.latency)
        && lossless(topology.network.loss)
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
    /// Calls that ended ok before the storm.
    ok_before: usize,
    /// Whether the workload had such errors without it.
    flawed: bool,
    /// Calls that started since it ended.
    since: Vec<&'a Call<'j>>,
    settled: u64,
}

impl<'a, 'j> Source<'a, 'j> {
    fn of(calls: &[&'a Call<'j>], storm: &Storm) -> Self {
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
            settled: storm.ended.saturating_add(SETTLING),
        }
    }

    /// On steady links: the first call that should have succeeded.
    fn error(&self, run: &Run<'_>) -> Option<&'a Call<'j>> {
        if self.flawed || self.ok_before == 0 {
            return None;
        }
        let warm = run.plan.topology.hosts().count();
        let calls = self
            .since
            .iter()
            .skip(warm)
            .filter(|call| call.started.at >= self.settled);
        calls
            .copied()
            .find(|call| is_unreachable(call) && !component_was_at_work(call))
    }

    /// On links with a will of their own: the first of many calls, when not one of them succeeded.
    fn silence(&self) -> Option<&'a Call<'j>> {
        if self.flawed || self.ok_before < MANY {
            return None;
        }
        let settled = || self.since.iter().filter(|call| call.started.at >= self.settled);
        let unreachable = |call: &&&Call<'_>| is_unreachable(call) && !component_was_at_work(call);
        let all = settled().count();
        (all >= MANY && settled().filter(unreachable).count() == all).then(|| settled().next().copied())?
    }
}

fn is_unreachable(call: &Call<'_>) -> bool {
    matches!(call.class(), "unavailable" | "timeout")
}

/// Whether the time was spent by a component, and not on the way: one was cut off that waited for nobody.
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
mod tests {
    use super::*;
    use crate::plan::FaultKind;
    use crate::testing::{S, Script, both_ways};
    use std::sync::Arc;
    use std::time::Duration;

    /// A partition from 20 s to 30 s of a run of 100 s, one call each second.
    fn storm(outcome: impl Fn(&mut Script, u64)) -> Script {
        let mut script = Script::new();
        script.fault(
            "split",
            20 * S,
            Some(30 * S),
            FaultKind::Partition(both_ways("front", "back")),
        );
        script.ends(100 * S);
        for call in 1..90 {
            outcome(script.at(call * S), call);
        }
        script
    }

    fn healed(script: &mut Script, call: u64) {
        if (20..30).contains(&call) {
            script.unavailable(call)
        } else {
            script.chain(call)
        };
    }

    fn broken_at(at: u64) -> impl Fn(&mut Script, u64) {
        move |script, call| {
            if call == at {
                script.unavailable(call);
            } else {
                healed(script, call);
            }
        }
    }

    fn verdict(script: Script) -> Result<(), Violation> {
        let (plan, journal) = script.finish();
        Recovers.check(&Run::of(&plan, &journal))
    }

    fn topology(script: &mut Script, change: impl FnOnce(&mut Topology)) {
        change(Arc::get_mut(&mut script.plan.topology).unwrap());
    }

    #[test]
    fn calls_that_succeed_again_hold() {
        assert!(verdict(storm(healed)).is_ok());
    }

    #[test]
    fn an_error_after_things_settled_is_found() {
        let violation = verdict(storm(broken_at(50))).unwrap_err();
        assert_eq!((violation.call, violation.at), (Some(50), 50 * S));
        assert_eq!(violation.what, "unavailable 20 s after the last fault ended");
    }

    #[test]
    fn an_error_before_things_settled_is_not() {
        assert!(verdict(storm(broken_at(49))).is_ok());
    }

    #[test]
    fn nothing_is_judged_while_a_fault_lasts() {
        let mut script = storm(broken_at(60));
        script.fault(
            "for good",
            25 * S,
            None,
            FaultKind::Kill {
                hosts: vec!["store-1".to_owned()],
            },
        );
        assert!(verdict(script).is_ok());
    }

    #[test]
    fn nothing_is_judged_when_a_host_went_down_by_itself() {
        let mut script = storm(broken_at(60));
        script.at(55 * S).stop("back", Death::Failed);
        assert!(verdict(script).is_ok());
    }

    #[test]
    fn nothing_is_judged_where_components_fail_on_purpose() {
        let mut script = storm(broken_at(60));
        topology(&mut script, |topology| {
            topology.modules[1].nodes[0].component = "fail".to_owned();
        });
        assert!(verdict(script).is_ok());
    }

    #[test]
    fn errors_that_were_there_before_are_the_topologys_own() {
        let script = storm(|script, call| {
            if call == 5 {
                script.unavailable(call);
            } else {
                broken_at(60)(script, call);
            }
        });
        assert!(verdict(script).is_ok());
    }

    #[test]
    fn a_workload_without_a_success_before_is_not_judged() {
        let script = storm(|script, call| {
            if call >= 20 {
                broken_at(60)(script, call);
            }
        });
        assert!(verdict(script).is_ok());
    }

    #[test]
    fn a_call_that_the_fault_caught_under_way_is_no_error_from_before() {
        let script = storm(|script, call| {
            if call == 19 {
                script.timed_out(call);
            } else {
                broken_at(60)(script, call);
            }
        });
        let held = crate::journal::Event::Segment {
            touch: crate::journal::Touch::Held,
            flow: 1,
            from: "front".into(),
            to: "back".into(),
            bytes: 1,
            faults: vec![0],
        };
        let mut script = script;
        script.at(20 * S).push("", held);
        assert_eq!(verdict(script).unwrap_err().call, Some(60));
    }

    #[test]
    fn the_first_calls_on_a_path_pay_for_the_connection() {
        let sparse = |first: u64| {
            storm(move |script, call| {
                if call < 20 || call >= first {
                    broken_at(60)(script, call);
                }
            })
        };
        assert!(verdict(sparse(57)).is_ok());
        assert_eq!(verdict(sparse(56)).unwrap_err().call, Some(60));
    }

    #[test]
    fn a_slow_component_is_no_failure_to_recover() {
        let script = storm(|script, call| {
            if call == 60 {
                script.slow_component(call)
            } else {
                script.chain(call)
            };
        });
        assert!(verdict(script).is_ok());
        let script = storm(|script, call| {
            if call == 60 {
                script.timed_out(call)
            } else {
                script.chain(call)
            };
        });
        assert_eq!(verdict(script).unwrap_err().call, Some(60));
    }

    #[test]
    fn on_links_that_lose_segments_only_silence_counts() {
        let lossy = |outcome: fn(&mut Script, u64)| {
            let mut script = storm(outcome);
            topology(&mut script, |topology| {
                topology.network.loss = Ratio {
                    numerator: 1,
                    denominator: 50,
                }
            });
            verdict(script)
        };
        let from_fifty = |script: &mut Script, call: u64| {
            if call < 50 {
                script.chain(call)
            } else {
                script.timed_out(call)
            };
        };
        let but_one = |script: &mut Script, call: u64| {
            if call < 50 || call == 70 {
                script.chain(call)
            } else {
                script.timed_out(call)
            };
        };
        // 19 calls before the storm are too few to judge by; the 20th comes with the first of the scenario's start.
        assert!(lossy(but_one).is_ok());
        assert!(lossy(from_fifty).is_ok());
        let mut script = storm(from_fifty);
        script.at(19 * S + S / 2).chain(500);
        topology(&mut script, |topology| {
            topology.network.loss = Ratio {
                numerator: 1,
                denominator: 50,
            }
        });
        assert_eq!(verdict(script).unwrap_err().call, Some(50));
    }

    #[test]
    fn a_latency_without_a_bound_is_not_steady() {
        let mut script = storm(broken_at(60));
        topology(&mut script, |topology| {
            topology.network.latency = Latency::LogNormal {
                median: Duration::from_millis(2),
                p99: Duration::from_millis(9),
            };
        });
        assert!(verdict(script).is_ok());
    }
}

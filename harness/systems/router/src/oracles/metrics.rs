//! The Prometheus counters of modules agree with the journal. Spec: router S-34, S-35, H-10 to H-12, appendix C.
//!
//! For each host, and each module that it called:
//! - the count of calls with a status equals the number of hops that ended with it;
//! - the count of latencies equals the number of hops that reached the transport, and their sums agree.
//!
//! Hops without an end are not counted, and not judged here. For a process that died, the counters are read from its
//! memory (see `systems/router/counters.rs`), because no scrape could have fetched them. Other metrics are not judged:
//! gauges are samples, and local calls, retries, handled errors and remembered replies do not affect a call's outcome.

use std::collections::BTreeSet;

use squall_core::calls::Moment;
use squall_core::oracle::{First, Oracle, Run, Violation};
use squall_core::time;

use crate::evidence::{Counters, Latency, Pair};

/// Sums of floating-point seconds may be off by a millionth, plus a microsecond.
const MILLIONTH: u64 = 1_000_000;
const MICROSECOND: u64 = 1_000;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct MetricsAgree;

impl Oracle for MetricsAgree {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn promise(&self) -> &'static str {
        "what modules count is what happened"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        // Counters come last: a truncated journal has none, which another oracle judges.
        let Some(end) = run.history.end else {
            return Ok(0);
        };
        let counters = run.evidence::<Counters>();
        let (counted, happened) = (counters.borrowed(), happened(run));
        let mut first = First::default();
        first.judges_all(happened.calls.len() + happened.latencies.len());
        let mut offer = |(host, _, target): Pair<&str>, what: String| {
            let moment = Moment {
                at: end.at,
                line: u64::MAX,
            };
            first.offer(moment, || Violation {
                from: host.to_owned(),
                to: target.to_owned(),
                ..run.of_world(None, end.at, what)
            });
        };
        let keys: BTreeSet<_> = counted.calls.keys().chain(happened.calls.keys()).collect();
        for key @ (pair, status) in keys {
            let [counted, happened] = [&counted, &happened].map(|it| it.calls.get(key).copied().unwrap_or(0));
            if counted != happened {
                let what = format!("{counted} calls are counted as {status}, and {happened} ended so");
                offer(*pair, what);
            }
        }
        let pairs: BTreeSet<_> = counted
            .latencies
            .keys()
            .chain(happened.latencies.keys())
            .collect();
        for pair in pairs {
            let [counted, happened] =
                [&counted, &happened].map(|it| it.latencies.get(pair).copied().unwrap_or_default());
            if let Some(what) = differ(counted, happened) {
                offer(*pair, what);
            }
        }
        first.result()
    }
}

/// The expected counters.
fn happened<'j>(run: &Run<'j>) -> Counters<&'j str> {
    let mut counters = Counters::default();
    for (_, hop) in run.calls.messages() {
        let Some(end) = hop.end else { continue };
        let pair = (hop.host, hop.source_module, hop.target_module);
        counters.add_calls(pair, end.status, 1);
        if end.at_transport {
            counters.add_latency(pair, 1, end.moment.at.saturating_sub(hop.started.at));
        }
    }
    counters
}

fn differ(counted: Latency, happened: Latency) -> Option<String> {
    if counted.calls != happened.calls {
        let (counted, happened) = (counted.calls, happened.calls);
        return Some(format!(
            "{counted} latencies are counted, and {happened} calls reached the transport"
        ));
    }
    let tolerance = happened.took / MILLIONTH + MICROSECOND;
    (counted.took.abs_diff(happened.took) > tolerance).then(|| {
        let [counted, happened] = [counted.took, happened.took].map(time::exact);
        format!("latencies are counted as {counted} together, and the calls took {happened}")
    })
}

#[cfg(test)]
mod tests {
    use squall_core::journal::{Entry, Event};

    use super::*;
    use crate::journal::RouterEvent;
    use crate::testing::{OfModules, S, Script, assert_holds, broken, find, hop_end, span};

    fn script() -> Script {
        let mut script = Script::of_modules();
        script
            .at(S)
            .chain(1)
            .at(2 * S)
            .unavailable(2)
            .at(3 * S)
            .timed_out(3)
            .at(9 * S)
            .chain(4);
        script
    }

    /// The violation if this line of the counters of `front` is changed.
    fn told(change: impl Fn(&mut Event) -> bool) -> String {
        let violation = broken(&MetricsAgree, script(), |entries| {
            let found = entries.iter_mut().any(|entry| change(&mut entry.event));
            assert!(found, "no such line");
        });
        violation.to_string()
    }

    fn is_ok(event: &Event) -> bool {
        matches!(event.get(), Some(RouterEvent::CallsCounted { status, .. }) if &**status == "ok")
    }

    #[test]
    fn a_call_that_is_counted_twice_or_not_at_all_is_found() {
        for (counted, what) in [(3, "3 calls"), (1, "1 calls")] {
            let told = told(|event| match event.get_mut() {
                Some(RouterEvent::CallsCounted { calls, status, .. }) if &**status == "ok" => {
                    *calls = counted;
                    true
                }
                _ => false,
            });
            assert!(told.ends_with("are counted as ok, and 2 ended so"), "{told}");
            assert!(told.contains(what), "{told}");
        }
    }

    #[test]
    fn a_call_that_is_counted_as_something_else_is_found() {
        let told = told(|event| match event.get_mut() {
            Some(RouterEvent::CallsCounted { status, .. }) if &**status == "timeout" => {
                *status = "cancelled".into();
                true
            }
            _ => false,
        });
        assert_eq!(
            told,
            "at 60.000 s, front -> back, 1 calls are counted as cancelled, and 0 ended so"
        );
    }

    #[test]
    fn counters_that_are_missing_are_found() {
        let violation = broken(&MetricsAgree, script(), |entries| {
            entries.retain(|entry| !is_ok(&entry.event));
        });
        assert_eq!(violation.what, "0 calls are counted as ok, and 2 ended so");
    }

    #[test]
    fn a_latency_that_is_missing_too_many_or_too_long_is_found() {
        let changed = |more_calls: i64, more_time: i64| {
            told(|event| match event.get_mut() {
                Some(RouterEvent::LatencyCounted { calls, took, .. }) => {
                    *calls = calls.saturating_add_signed(more_calls);
                    *took = took.saturating_add_signed(more_time);
                    true
                }
                _ => false,
            })
        };
        for (more, counted) in [(-1, 1), (1, 3)] {
            let told = changed(more, 0);
            let promised = format!("{counted} latencies are counted, and 2 calls reached the transport");
            assert!(told.contains(&promised), "{told}");
        }
        assert!(changed(0, 10_000_000).contains("latencies are counted as"));
    }

    #[test]
    fn sums_of_floats_need_not_be_exact() {
        let (plan, mut journal) = script().finish();
        for entry in &mut journal.entries {
            if let Some(RouterEvent::LatencyCounted { took, .. }) = entry.event.get_mut() {
                *took += 500;
            }
        }
        assert!(MetricsAgree.check(&Run::of(&plan, &journal)).is_ok());
    }

    #[test]
    fn the_processes_of_a_host_are_counted_together() {
        let (plan, mut journal) = script().finish();
        let place = find(&journal.entries, is_ok);
        let mut other = journal.entries[place].clone();
        for (entry, of) in [(&mut other, 0), (&mut journal.entries[place], 1)] {
            if let Some(RouterEvent::CallsCounted {
                incarnation, calls, ..
            }) = entry.event.get_mut()
            {
                (*incarnation, *calls) = (of, 1);
            }
        }
        journal.entries.insert(place, other);
        assert!(MetricsAgree.check(&Run::of(&plan, &journal)).is_ok());
    }

    #[test]
    fn a_hop_without_an_end_is_counted_nowhere() {
        let violation = broken(&MetricsAgree, script(), |entries: &mut Vec<Entry>| {
            entries.remove(hop_end(entries, span(3, 1)));
        });
        assert_eq!(violation.what, "1 calls are counted as timeout, and 0 ended so");
        let mut open = script();
        open.at(59 * S).call_started(5, 0, "echo.in");
        open.hop_started(
            0,
            "front",
            5,
            (span(5, 1), squall_core::journal::Id::NONE),
            "echo.in",
            0,
        );
        assert_holds(&MetricsAgree, open);
    }

    #[test]
    fn a_journal_that_was_cut_short_has_no_counters() {
        let (plan, mut journal) = script().finish();
        let counted = |event: &Event| {
            let is_count = matches!(
                event.get(),
                Some(RouterEvent::CallsCounted { .. } | RouterEvent::LatencyCounted { .. })
            );
            is_count || matches!(event, Event::RunEnded { .. })
        };
        journal.entries.retain(|entry| !counted(&entry.event));
        assert!(MetricsAgree.check(&Run::of(&plan, &journal)).is_ok());
    }
}

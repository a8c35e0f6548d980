//! A draining module gets no new requests, and ends with none in flight. Spec: router 5.2.
//!
//! - A module's server goes through the phases of its shutdown in order. It stops within its grace period and the time
//!   for cancelling the rest, and then no request is in flight.
//! - A message that was sent after the sender must have received the receiver's GOAWAY is not handled.

use std::collections::BTreeMap;

use squall_core::calls::{Execution, Hop, HopKind};
use squall_core::faults;
use squall_core::network::{Network, longest_way};
use squall_core::oracle::{CALM, First, Run, SLACK, Violation};
use squall_core::time;

use crate::evidence::{Drain, Wire};

/// In order. Those of `OPTIONAL` are skipped if they have nothing to do.
const PHASES: [&str; 6] = [GOES, "goaway", "waiting", "cancelling", "aborting", STOPPED];
const OPTIONAL: [&str; 2] = ["cancelling", "aborting"];
const GOES: &str = "not_serving";
const STOPPED: &str = "stopped";
/// How long a server may take after its grace period: one second to inform callers, and some for unresponsive peers.
/// Nanoseconds.
const CUTTING_OFF: u64 = 6_000_000_000;

/// See the module's documentation.
pub fn check(run: &Run<'_>, first: &mut First) {
    let wire = run.evidence::<Wire>();
    for shutdown in shutdowns(&wire) {
        check_phases(run, &shutdown, first);
        check_end(run, &shutdown, first);
    }
    check_messages(run, &wire, first);
}

/// The phases of each shutdown.
fn shutdowns(wire: &Wire) -> Vec<Vec<&Drain>> {
    let mut all: Vec<Vec<&Drain>> = Vec::new();
    let mut by_host: BTreeMap<&str, usize> = BTreeMap::new();
    for drain in &wire.drains {
        match by_host.get(&*drain.host) {
            Some(place) if &*drain.phase != GOES => all[*place].push(drain),
            _ => {
                by_host.insert(&drain.host, all.len());
                all.push(vec![drain]);
            }
        }
    }
    all
}

fn check_phases(run: &Run<'_>, shutdown: &[&Drain], first: &mut First) {
    let mut next = 0;
    for drain in shutdown {
        first.judges();
        let place = PHASES.iter().position(|phase| **phase == *drain.phase);
        let skipped = place.and_then(|place| PHASES.get(next..place));
        let what = match skipped {
            Some(skipped) if skipped.iter().all(|phase| OPTIONAL.contains(phase)) => None,
            _ => Some(format!(
                "enters the phase {} of its shutdown out of its turn",
                drain.phase
            )),
        };
        let is_cut = shutdown.iter().any(|it| &*it.phase == "aborting");
        let left = (&*drain.phase == STOPPED && drain.in_flight > 0 && !is_cut)
            .then(|| format!("stopped with {} requests in the works", drain.in_flight));
        if let Some(what) = what.or(left) {
            let violation = || Violation {
                from: drain.host.to_string(),
                ..run.of_world(None, drain.moment.at, what)
            };
            first.offer(drain.moment, violation);
        }
        next = place.map_or(next, |place| place + 1);
    }
}

fn check_end(run: &Run<'_>, shutdown: &[&Drain], first: &mut First) {
    let (Some(begin), Some(last)) = (shutdown.first(), shutdown.last()) else {
        return;
    };
    let drains = run.plan.faults_of::<faults::Drain>().map(|(_, _, drain)| drain);
    let graces = drains
        .filter(|drain| drain.hosts.iter().any(|host| **host == *begin.host))
        .map(|drain| drain.grace);
    let grace = graces.max().map_or(0, time::nanos);
    let ended = run.history.ended();
    let latest = begin.moment.at.saturating_add(grace + CUTTING_OFF + SLACK);
    let latest = latest.saturating_add(run.history.paused(&begin.host, begin.moment.at, ended));
    let died = run.history.stopped_between(&begin.host, begin.moment.at, latest);
    if &*last.phase == STOPPED || died || ended < latest {
        return;
    }
    let what = format!(
        "began to shut down, and is {} {} later",
        last.phase,
        time::exact(ended - begin.moment.at)
    );
    let violation = || Violation {
        from: begin.host.to_string(),
        ..run.of_world(None, begin.moment.at, what)
    };
    first.offer(begin.moment, violation);
}

/// Messages to a module that its sender knew to be draining.
fn check_messages(run: &Run<'_>, wire: &Wire, first: &mut First) {
    let drains = wire.drains.iter();
    let going: Vec<_> = drains.filter(|it| &*it.phase == "goaway").collect();
    if going.is_empty() {
        return;
    }
    let network = run.evidence::<Network>();
    for (call, execution) in run.calls.executions() {
        let at = execution.started;
        let is_of_host = |it: &&&Drain| &*it.host == execution.host && it.moment < at;
        let Some(drain) = going.iter().rfind(is_of_host) else {
            continue;
        };
        let Some(hop) = run
            .calls
            .hop(execution.span)
            .filter(|_| execution.kind == HopKind::Message)
        else {
            continue;
        };
        if run
            .history
            .stopped_between(execution.host, drain.moment.at, at.at)
        {
            continue;
        }
        first.judges();
        if knew(run, &network, drain, hop, execution) {
            let what = "was sent to a module that its sender knew to be going away, and is handled";
            first.offer(at, || run.of_execution(call, execution, at.at, what));
        }
    }
}

/// Whether the sender must have received the GOAWAY before it sent the message.
fn knew(run: &Run<'_>, network: &Network, drain: &Drain, hop: &Hop<'_>, execution: &Execution<'_>) -> bool {
    let Some(way) = longest_way(&run.plan.topology, execution.host, hop.host) else {
        return false;
    };
    let (from, until) = (drain.moment.at, hop.started.at);
    until > from.saturating_add(way + SLACK)
        && !network.touched(execution.host, hop.host, from.saturating_sub(CALM), until)
        && run.history.paused(hop.host, from, until) == 0
        && run.history.paused(execution.host, from, until) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::RouterEvent;
    use crate::testing::{MS, OfModules, S, Script};

    fn phase(script: &mut Script, at: u64, phase: &str, in_flight: u64) {
        script.at(at).push(
            "back",
            RouterEvent::ServerDrain {
                module: "back".into(),
                phase: phase.into(),
                in_flight,
                connections: in_flight,
            },
        );
    }

    fn shutdown(phases: &[(u64, &str, u64)]) -> Script {
        let mut script = Script::of_modules();
        script.at(S).chain(1);
        for (at, name, in_flight) in phases {
            phase(&mut script, at * S, name, *in_flight);
        }
        script
    }

    fn complaint(script: Script) -> Option<String> {
        let (plan, journal) = script.finish();
        let mut first = First::default();
        check(&Run::of(&plan, &journal), &mut first);
        first.result().err().map(|violation| violation.what)
    }

    #[test]
    fn phases_come_in_their_order_and_the_last_but_two_may_be_missing() {
        let begin = [(10, GOES, 1), (10, "goaway", 1), (10, "waiting", 1)];
        assert_eq!(
            complaint(shutdown(&[&begin[..], &[(11, STOPPED, 0)]].concat())),
            None
        );
        let cut = [(11, "cancelling", 1), (12, "aborting", 1), (12, STOPPED, 1)];
        assert_eq!(complaint(shutdown(&[&begin[..], &cut].concat())), None);
        let what = complaint(shutdown(&[(10, GOES, 1), (10, "waiting", 1), (11, STOPPED, 0)]));
        let expected = "enters the phase waiting of its shutdown out of its turn";
        assert_eq!(what.as_deref(), Some(expected));
    }

    #[test]
    fn a_server_that_stops_with_something_in_the_works_or_never_is_found() {
        let begin = [(10, GOES, 1), (10, "goaway", 1), (10, "waiting", 1)];
        let what = complaint(shutdown(&[&begin[..], &[(11, STOPPED, 2)]].concat()));
        assert_eq!(what.as_deref(), Some("stopped with 2 requests in the works"));
        let what = complaint(shutdown(&begin));
        assert_eq!(
            what.as_deref(),
            Some("began to shut down, and is waiting 50 s later")
        );
    }

    #[test]
    fn a_message_that_is_sent_to_who_is_known_to_go_away_is_found() {
        let sent_after = |time: u64| {
            let mut script = shutdown(&[(10, GOES, 0), (10, "goaway", 0), (10, "waiting", 0)]);
            script.at(10 * S + time).chain(2);
            phase(&mut script, 11 * S, STOPPED, 0);
            complaint(script)
        };
        assert_eq!(sent_after(MS), None);
        let what = "was sent to a module that its sender knew to be going away, and is handled";
        assert_eq!(sent_after(500 * MS).as_deref(), Some(what));
    }
}

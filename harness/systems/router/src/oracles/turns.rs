//! A module's replicas take turns: while all of them take calls, their call counts differ by at most one. Spec: router
//! 4.3.
//!
//! Each calling host counts from the last state change of one of its endpoints of the module, or from the last discovery
//! update. A call that coincides with a change may have used another replica's turn, and one with an unknown receiver
//! resets the counts.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use squall_core::calls::{Call, Hop, Moment};
use squall_core::network::host_of;
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::{Endpoint, Placement, Wire};
use crate::plan::Module;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Turns;

impl Oracle for Turns {
    fn name(&self) -> &'static str {
        "turns"
    }

    fn promise(&self) -> &'static str {
        "a module's replicas take turns"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let mut peers: BTreeMap<(&str, &str), Peer<'_>> = BTreeMap::new();
        let (wire, placement) = (run.evidence::<Wire>(), run.evidence::<Placement>());
        let seen = Seen {
            run,
            wire: &wire,
            placement: &placement,
        };
        for (moment, step) in steps(run, &wire) {
            match step {
                Step::Stops(host) => peers.retain(|(of, _), _| *of != host),
                Step::Changes(it) => peers.entry((&it.host, &it.module)).or_default().changes(it),
                Step::Sends(call, hop) => {
                    let Some(peer) = peers.get_mut(&(hop.host, hop.target_module)) else {
                        continue;
                    };
                    if !peer.takes_turns(&seen, hop) {
                        continue;
                    }
                    first.judges();
                    if let Some(what) = peer.sent(hop) {
                        first.offer(moment, || run.of_hop(call, hop, moment.at, what));
                    }
                }
            }
        }
        first.result()
    }
}

/// A module, as seen by one host.
#[derive(Default)]
struct Peer<'a> {
    /// By address.
    states: IndexMap<&'a str, &'a str>,
    /// Messages to each since the last change. Absent if zero.
    sent: IndexMap<&'a str, u64>,
    changed: u64,
}

/// The evidence for turns.
struct Seen<'a, 'j> {
    run: &'a Run<'j>,
    wire: &'a Wire,
    placement: &'a Placement,
}

enum Step<'a> {
    Stops(&'a str),
    Changes(&'a Endpoint),
    Sends(Option<&'a Call<'a>>, &'a Hop<'a>),
}

fn steps<'a>(run: &'a Run<'_>, wire: &'a Wire) -> Vec<(Moment, Step<'a>)> {
    let endpoints = wire.endpoints.iter();
    let mut steps: Vec<_> = endpoints.map(|it| (it.moment, Step::Changes(it))).collect();
    let messages = run.calls.messages();
    steps.extend(messages.map(|(call, hop)| (hop.started, Step::Sends(call, hop))));
    for (host, history) in &run.history.hosts {
        let stops = history.stops.iter();
        // Its events at the instant of its death belong to the process that died.
        let at = |stop: &squall_core::history::Stop<'_>| Moment {
            at: stop.at,
            line: u64::MAX,
        };
        steps.extend(stops.map(|stop| (at(stop), Step::Stops(host))));
    }
    steps.sort_by_key(|(moment, _)| *moment);
    steps
}

impl<'a> Peer<'a> {
    fn changes(&mut self, it: &'a Endpoint) {
        self.states.insert(&it.address, &it.state);
        self.sent.clear();
        self.changed = it.moment.at;
    }

    /// Whether a message is sent while all replicas take calls. If not, the counts are reset.
    fn takes_turns(&mut self, seen: &Seen<'_, '_>, hop: &Hop<'_>) -> bool {
        let at = hop.started.at;
        let module = seen.run.plan.topology.all::<Module>().get(hop.target_module);
        let announced = module.and_then(|module| seen.placement.hosts(module, at, at));
        let ready = |host: &String| {
            let of_host = |(address, state): (&&str, &&str)| host_of(address) == host && *state == "ready";
            self.states.iter().any(of_host)
        };
        let others = self.states.values().filter(|state| **state == "ready").count();
        let all_take_calls = announced
            .is_some_and(|hosts| hosts.len() > 1 && others == hosts.len() && hosts.iter().all(ready));
        let peer = hop.end.map_or("", |end| end.peer);
        // A change that the message itself causes is recorded after its start.
        let judged = all_take_calls && !peer.is_empty() && !self.changes_at(seen.wire, hop);
        if !judged {
            self.sent.clear();
        }
        judged
    }

    fn changes_at(&self, wire: &Wire, hop: &Hop<'_>) -> bool {
        let endpoints = &wire.endpoints;
        let next = endpoints.partition_point(|it| it.moment < hop.started);
        let soon = endpoints[next..]
            .iter()
            .take_while(|it| it.moment.at == hop.started.at);
        self.changed == hop.started.at
            || soon
                .into_iter()
                .any(|it| &*it.host == hop.host && &*it.module == hop.target_module)
    }

    /// Counts a message. Returns the violation, if any.
    fn sent(&mut self, hop: &Hop<'a>) -> Option<String> {
        let peer = hop.end?.peer;
        *self.sent.entry(peer).or_default() += 1;
        let count = |address: &&&'a str| self.sent.get(**address).copied().unwrap_or(0);
        let ready = || {
            let ready = self.states.iter().filter(|(_, state)| **state == "ready");
            ready.map(|(address, _)| address)
        };
        let most = ready().max_by_key(|address| count(address))?;
        let least = ready().min_by_key(|address| count(address))?;
        let (often, seldom) = (count(&most), count(&least));
        (often > seldom + 1).then(|| {
            format!("{most} was sent {often} messages, and {least} {seldom}, since the last change of them")
        })
    }
}

#[cfg(test)]
mod tests {
    use squall_core::journal::{Event, Handling, Id};

    use super::*;
    use crate::journal::RouterEvent;
    use crate::testing::{MS, OfModules, S, Script, assert_holds, broken, hop_end, span};

    fn endpoint(script: &mut Script, host: &str, state: &str) {
        script.push(
            "back",
            RouterEvent::Endpoint {
                module: "store".into(),
                endpoint: format!("{host}:50051").into(),
                state: state.into(),
                cause: "".into(),
            },
        );
    }

    /// A message from `back` to one of the two hosts of `store`.
    fn message(script: &mut Script, call: u64, host: &str) {
        let only = span(call, 1);
        script.hop_started(0, "back", call, (only, Id::NONE), "disk.put", 0);
        script.handle_started(MS, host, call, (only, Id::NONE), "disk.put", true);
        script.handle_ended(2 * MS, host, only, Handling::Ok);
        script.hop_ended(3 * MS, "back", only, "ok", &format!("{host}:50051"));
    }

    fn script() -> Script {
        let mut script = Script::of_modules();
        script.at(S);
        for host in ["store-0", "store-1"] {
            endpoint(&mut script, host, "ready");
        }
        for call in 1..9 {
            let host = if call % 2 == 0 { "store-0" } else { "store-1" };
            message(script.at((1 + call) * S), call, host);
        }
        script
    }

    #[test]
    fn a_replica_that_is_preferred_is_found() {
        let violation = broken(&Turns, script(), |entries| {
            let end = hop_end(entries, span(3, 1));
            let Event::HopEnded { peer, .. } = &mut entries[end].event else {
                panic!("an end")
            };
            *peer = "store-0:50051".into();
        });
        assert_eq!(
            violation.what,
            "store-0:50051 was sent 3 messages, and store-1:50051 1, since the last change of them"
        );
    }

    #[test]
    fn while_one_takes_no_calls_the_other_may_have_them_all() {
        let mut script = script();
        endpoint(script.at(20 * S), "store-1", "closed");
        for call in 21..25 {
            message(script.at(call * S), call, "store-0");
        }
        endpoint(script.at(30 * S), "store-1", "ready");
        for call in 31..33 {
            message(
                script.at(call * S),
                call,
                if call == 31 { "store-0" } else { "store-1" },
            );
        }
        let (plan, journal) = script.finish();
        assert_eq!(Turns.check(&Run::of(&plan, &journal)), Ok(10));
    }

    #[test]
    fn a_message_that_finds_out_that_one_is_gone_is_nobodys_turn() {
        let mut script = script();
        script.at(20 * S);
        message(&mut script, 20, "store-1");
        message(script.at(21 * S), 21, "store-1");
        endpoint(&mut script, "store-0", "closed");
        assert_holds(&Turns, script);
    }
}

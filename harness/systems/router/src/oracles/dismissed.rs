//! A pool closes connections to hosts that no longer run the module after the last call on them. Spec: router 4.3, 6.1.
//!
//! Judged are connections, as the network saw them, of hosts that have received the update; a pool's own events are no
//! proof. Exempt are links that a fault touched recently, hosts that went down or were paused, and connections on which
//! calls still start: `Converges` judges those.

use squall_core::calls::Hop;
use squall_core::network::{Connection, Network, longest_way};
use squall_core::oracle::{CALM, First, Oracle, Run, SLACK, Violation};
use squall_core::time;

use crate::faults::Announce;
use crate::plan::Module;

/// How many link latencies a close takes: the last reply is acknowledged, and each side closes its direction.
const CROSSINGS: u64 = 6;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Dismissed;

impl Oracle for Dismissed {
    fn name(&self) -> &'static str {
        "dismissed"
    }

    fn promise(&self) -> &'static str {
        "a connection to where a module runs no more is closed with its last call"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let network = run.evidence::<Network>();
        for withdrawal in withdrawals(run) {
            let connections = network.connections.iter();
            for connection in connections.filter(|it| withdrawal.concerns(it)) {
                let Some(latest) = withdrawal.latest(run, &network, connection) else {
                    continue;
                };
                first.judges();
                if connection.closed.is_some_and(|closed| closed.at <= latest) {
                    continue;
                }
                let moment = squall_core::calls::Moment {
                    at: latest,
                    line: connection.opened.line,
                };
                let what = || {
                    let since = time::exact(latest - withdrawal.from);
                    format!(
                        "is still open {since} after {} was withdrawn, and no call is on it",
                        connection.to
                    )
                };
                first.offer(moment, || Violation {
                    from: connection.from.to_string(),
                    to: connection.to.to_string(),
                    ..run.of_world(None, latest, what())
                });
            }
        }
        first.result()
    }
}

/// A host that is no longer announced.
struct Withdrawal<'a> {
    host: &'a str,
    from: u64,
    /// When all hosts have received the update.
    heard: u64,
    /// When it is announced again.
    until: u64,
}

fn withdrawals<'a>(run: &Run<'a>) -> Vec<Withdrawal<'a>> {
    let mut all = Vec::new();
    for (number, _, announce) in run.plan.faults_of::<Announce>() {
        let past = &run.history.faults[number as usize];
        let Some(from) = past.started else { continue };
        let Announce {
            module, hosts, late, ..
        } = announce;
        let module = run.plan.topology.all::<Module>().get(module.as_str());
        let gone = module.into_iter().flat_map(|module| &module.hosts);
        all.extend(gone.filter(|host| !hosts.contains(host)).map(|host| Withdrawal {
            host,
            from,
            heard: from.saturating_add(time::nanos(*late) + SLACK),
            until: past.ended.unwrap_or_else(|| run.history.ended()),
        }));
    }
    all
}

impl Withdrawal<'_> {
    fn concerns(&self, connection: &Connection) -> bool {
        &*connection.to == self.host
            && connection.opened.at <= self.from
            && connection.closed.is_none_or(|closed| closed.at >= self.from)
    }

    /// When a connection must be closed, if that can be determined.
    fn latest(&self, run: &Run<'_>, network: &Network, connection: &Connection) -> Option<u64> {
        let (from, to) = (&*connection.from, &*connection.to);
        let way = longest_way(&run.plan.topology, from, to)?.max(longest_way(&run.plan.topology, to, from)?);
        let mut idle = self.heard;
        for (_, hop) in run
            .calls
            .messages()
            .filter(|(_, hop)| hop.host == from && may_be_on(hop, to))
        {
            let ended = hop.end.map(|end| end.moment.at)?;
            if hop.started.at > self.heard && hop.started.at < self.until && hop.peer_host() == Some(to) {
                return None;
            }
            if hop.started.at <= self.heard {
                idle = idle.max(ended);
            }
        }
        let latest = idle.saturating_add(CROSSINGS * way + SLACK);
        let undisturbed = [from, to].into_iter().all(|host| {
            !run.history.stopped_between(host, self.from, latest)
                && run.history.paused(host, self.from, latest) == 0
        });
        // The close waits behind earlier losses, too.
        let is_calm = !network.touched(from, to, self.from.saturating_sub(CALM), latest);
        (latest < self.until && undisturbed && is_calm).then_some(latest)
    }
}

/// Whether a call may use a connection to a host: one that was never sent may have waited for it.
fn may_be_on(hop: &Hop<'_>, to: &str) -> bool {
    hop.peer_host().is_none_or(|peer| peer == to)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_core::journal::{Event, Touch};

    use super::*;
    use crate::testing::{MS, OfModules, S, Script};

    /// `store-0` is withdrawn at 10 s, while a call is in flight that ends at 12.009 s. Its connection closes this long
    /// after that, or never.
    fn withdrawn(closes: Option<u64>) -> Result<u64, String> {
        withdrawn_after(Script::of_modules(), closes)
    }

    fn withdrawn_after(mut script: Script, closes: Option<u64>) -> Result<u64, String> {
        let opened = Event::ConnectionOpened {
            flow: 1,
            from: "back".into(),
            to: "store-0".into(),
        };
        script.at(S).push("back", opened).chain(1);
        let kind = Announce {
            module: "store".into(),
            hosts: vec!["store-1".into()],
            late: Duration::ZERO,
            twice: false,
        };
        script.fault("news", 10 * S, Some(40 * S), kind);
        if let Some(later) = closes {
            let closed = Event::ConnectionClosed {
                flow: 1,
                from: "back".into(),
                to: "store-0".into(),
                how: squall_core::journal::Close::Finished,
            };
            script.at(10 * S + later).push("back", closed);
        }
        let (plan, journal) = script.finish();
        let checked = Dismissed.check(&Run::of(&plan, &journal));
        checked.map_err(|violation| violation.what)
    }

    #[test]
    fn a_goodbye_may_wait_behind_what_was_held_before() {
        let mut script = Script::of_modules();
        let held = Event::Segment {
            touch: Touch::Held,
            flow: 1,
            from: "back".into(),
            to: "store-0".into(),
            bytes: 13,
            faults: vec![0],
        };
        script.at(9 * S).push("", held);
        assert_eq!(withdrawn_after(script, None), Ok(0));
    }

    #[test]
    fn a_connection_that_stays_open_after_its_address_is_gone_is_found() {
        for closes in [0, MS, 4 * MS] {
            assert_eq!(withdrawn(Some(closes)), Ok(1), "{closes}");
        }
        for closes in [None, Some(2 * S)] {
            let what = withdrawn(closes).unwrap_err();
            assert!(
                what.starts_with("is still open ") && what.ends_with("no call is on it"),
                "{what}"
            );
        }
    }
}

//! Calls follow discovery: once the last update has propagated, calls go to the module that owns their node, and to one
//! of its hosts. Spec: router 4.3, 6.1, appendix C.
//!
//! Calls are not judged while an update propagates, nor from a host that was paused meanwhile, which gets it later. A
//! module that dials itself is judged by `NoSelfDial`.

use squall_core::calls::{Call, Hop};
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::Placement;
use crate::plan::Module;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Converges;

impl Oracle for Converges {
    fn name(&self) -> &'static str {
        "converges"
    }

    fn promise(&self) -> &'static str {
        "calls go where discovery says, as soon as everybody has heard"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let placement = run.evidence::<Placement>();
        for (call, hop) in run.calls.messages() {
            check_hop(run, &placement, call, hop, &mut first);
        }
        first.result()
    }
}

fn check_hop(
    run: &Run<'_>,
    placement: &Placement,
    call: Option<&Call<'_>>,
    hop: &Hop<'_>,
    first: &mut First,
) {
    let at = hop.started.at;
    let until = hop.end.map_or(at, |end| end.moment.at);
    if hop.target_module.is_empty() || run.history.paused(hop.host, 0, until) > 0 {
        return;
    }
    first.judges();
    let node = hop.to.rsplit_once('.').map_or("", |(node, _)| node);
    let owners = placement.supposed_owners(node, at);
    if !owners.is_empty() && !owners.contains(&hop.target_module) {
        let what = || {
            format!(
                "was sent to module {}, which had the node before",
                hop.target_module
            )
        };
        first.offer(hop.started, || run.of_hop(call, hop, at, what()));
    }
    let Some(peer) = hop.peer_host().filter(|peer| *peer != hop.host) else {
        return;
    };
    let module = run.plan.topology.all::<Module>().get(hop.target_module);
    let hosts = module.and_then(|module| placement.hosts(module, at, until));
    if hosts.is_some_and(|hosts| hosts.iter().all(|host| host != peer)) {
        let what = || {
            format!(
                "was sent to {peer}, where module {} does not run",
                hop.target_module
            )
        };
        first.offer(hop.started, || run.of_hop(call, hop, at, what()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_core::faults::FaultKind;

    use super::*;
    use crate::faults::{Announce, Move};
    use crate::testing::{MS, OfModules, S, Script};

    /// A chain of calls at each of these times, around a fault from 10 s to 20 s.
    fn check(kind: impl FaultKind, calls: &[u64]) -> Result<(), String> {
        let mut script = Script::of_modules();
        script.fault("news", 10 * S, Some(20 * S), kind);
        for (call, at) in (1..).zip(calls) {
            script.at(*at).chain(call);
        }
        let (plan, journal) = script.finish();
        Converges
            .check(&Run::of(&plan, &journal))
            .map(drop)
            .map_err(|violation| violation.what)
    }

    /// `store` runs only on `store-1`; the update takes up to `late` to reach other hosts.
    fn announce(hosts: &[&str], late: u64) -> Announce {
        Announce {
            module: "store".into(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            late: Duration::from_nanos(late),
            twice: false,
        }
    }

    #[test]
    fn a_host_that_is_not_announced_any_more_is_called_no_more() {
        let elsewhere = || announce(&["store-1"], S);
        let what = check(elsewhere(), &[5 * S, 15 * S]).unwrap_err();
        assert_eq!(what, "was sent to store-0, where module store does not run");
        assert_eq!(check(elsewhere(), &[5 * S, 10 * S + 500 * MS, 25 * S]), Ok(()));
        assert_eq!(check(announce(&["store-0"], 0), &[15 * S]), Ok(()));
        assert!(check(announce(&[], 0), &[15 * S]).is_err(), "it runs nowhere");
    }

    #[test]
    fn a_module_that_had_a_node_before_is_called_no_more() {
        let moved = |late| Move {
            node: "disk".into(),
            to: "front".into(),
            late: Duration::from_nanos(late),
            twice: false,
        };
        let what = check(moved(0), &[15 * S]).unwrap_err();
        assert_eq!(what, "was sent to module store, which had the node before");
        assert_eq!(check(moved(0), &[5 * S, 10 * S - 2 * MS, 25 * S]), Ok(()));
        // While the update propagates, the old place is valid.
        assert!(check(moved(0), &[10 * S + 900 * MS]).is_err());
        assert_eq!(check(moved(S), &[10 * S + 900 * MS, 25 * S]), Ok(()));
        assert_eq!(check(moved(S), &[11 * S + 100 * MS]).unwrap_err(), what);
    }

    #[test]
    fn a_host_that_was_paused_hears_later() {
        let mut script = Script::of_modules();
        script.fault("news", 10 * S, Some(20 * S), announce(&["store-1"], 0));
        script
            .at(9 * S)
            .push("back", squall_core::journal::Event::HostPaused);
        script
            .at(11 * S)
            .push("back", squall_core::journal::Event::HostResumed);
        script.at(11 * S + MS).chain_of(1, MS);
        crate::testing::assert_holds(&Converges, script);
    }
}

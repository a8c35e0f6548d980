//! The links of a topology, in the simulator's numbers.

use squall_sim::{HostPairs, LinkRule, Sim};

use crate::plan::{self, Pairs, Topology};

/// Lays the links of a topology, once all of its hosts are there.
pub(super) fn lay(sim: &Sim, topology: &Topology) {
    sim.set_link_rules(topology.links.iter().map(|link| rule(sim, link)).collect());
}

fn rule(sim: &Sim, link: &plan::Link) -> LinkRule {
    LinkRule {
        pairs: host_pairs(sim, &link.pairs),
        latency: link.latency.as_ref().map(Into::into),
        loss: link.loss.map(Into::into),
        bandwidth: link.bandwidth.map(Into::into),
    }
}

/// The simulator's numbers for a plan's names.
pub(super) fn host_pairs(sim: &Sim, pairs: &Pairs) -> HostPairs {
    let set = |names: &[String]| names.iter().filter_map(|name| sim.host(name)).collect();
    HostPairs {
        from: set(&pairs.from),
        to: set(&pairs.to),
        both_ways: pairs.both_ways,
    }
}

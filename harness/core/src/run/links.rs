//! Configures the simulator's links from a topology.

use squall_sim::{HostPairs, LinkRule, Sim};

use crate::plan::{self, Pairs, Topology};

/// Sets up all links, after all hosts exist.
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

/// The simulator's host identifiers for names in a plan.
pub(super) fn host_pairs(sim: &Sim, pairs: &Pairs) -> HostPairs {
    let set = |names: &[String]| names.iter().filter_map(|name| sim.host(name)).collect();
    HostPairs {
        from: set(&pairs.from),
        to: set(&pairs.to),
        both_ways: pairs.both_ways,
    }
}

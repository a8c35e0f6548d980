//! The state of links: what the topology says of a pair of hosts, and what the active faults make of it.
//!
//! Rules and faults are kept as they were given; the state of one ordered pair is worked out when a
//! segment first crosses it, and again after a fault started or ended. So a system of a thousand hosts
//! costs what its connections cost, not a million links.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::HostId;
use crate::latency::Latency;
use crate::seed::Chance;

/// What a link does to segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSpec {
    /// One-way delay.
    pub latency: Latency,
    /// Loss, each way.
    pub loss: Chance,
}

/// Ordered pairs of hosts.
#[derive(Debug, Clone, Default)]
pub struct HostPairs {
    /// From any of these...
    pub from: BTreeSet<HostId>,
    /// ...to any of these,
    pub to: BTreeSet<HostId>,
    /// and back.
    pub both_ways: bool,
}

impl HostPairs {
    fn contains(&self, from: HostId, to: HostId) -> bool {
        (self.from.contains(&from) && self.to.contains(&to))
            || (self.both_ways && self.from.contains(&to) && self.to.contains(&from))
    }
}

/// An exception to the network's default: later rules win, field by field.
#[derive(Debug, Clone)]
pub struct LinkRule {
    /// Which links.
    pub pairs: HostPairs,
    /// Their latency, if it differs.
    pub latency: Option<Latency>,
    /// Their loss, if it differs.
    pub loss: Option<Chance>,
}

/// What a fault does to links while it is active.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Segments are held and sent again later.
    Hold(HostPairs),
    /// Adds to a link's latency.
    AddLatency(HostPairs, Latency),
    /// Replaces a link's latency.
    SetLatency(HostPairs, Latency),
    /// Replaces a link's loss.
    SetLoss(HostPairs, Chance),
}

impl Effect {
    fn pairs(&self) -> &HostPairs {
        match self {
            Effect::Hold(pairs)
            | Effect::AddLatency(pairs, _)
            | Effect::SetLatency(pairs, _)
            | Effect::SetLoss(pairs, _) => pairs,
        }
    }
}

/// The state of one ordered pair of hosts.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) latency: Latency,
    pub(crate) added: Vec<Latency>,
    pub(crate) loss: Chance,
    /// Faults that hold segments; held while there are any.
    pub(crate) held_by: Vec<u32>,
    /// Faults that changed the latency.
    pub(crate) slowed_by: Vec<u32>,
    /// The fault that changed the loss.
    pub(crate) lossy_by: Option<u32>,
    epoch: u64,
}

#[derive(Debug)]
pub(crate) struct Links {
    default: LinkSpec,
    rules: Vec<LinkRule>,
    /// By fault.
    effects: BTreeMap<u32, Vec<Effect>>,
    /// Moves when an effect starts or ends: states from an older epoch are worked out anew.
    epoch: u64,
    /// Per sending host, ascending by receiving host.
    states: Vec<Vec<(HostId, Link)>>,
}

impl Links {
    pub(crate) fn new(default: LinkSpec) -> Self {
        Links {
            default,
            rules: Vec::new(),
            effects: BTreeMap::new(),
            epoch: 0,
            states: Vec::new(),
        }
    }

    pub(crate) fn set_rules(&mut self, rules: Vec<LinkRule>) {
        self.rules = rules;
        self.epoch += 1;
    }

    pub(crate) fn start(&mut self, fault: u32, effect: Effect) {
        self.effects.entry(fault).or_default().push(effect);
        self.epoch += 1;
    }

    pub(crate) fn end(&mut self, fault: u32) {
        if self.effects.remove(&fault).is_some() {
            self.epoch += 1;
        }
    }

    pub(crate) fn get(&mut self, from: HostId, to: HostId) -> &Link {
        let row = from.0 as usize;
        if self.states.len() <= row {
            self.states.resize_with(row + 1, Vec::new);
        }
        let place = match self.states[row].binary_search_by_key(&to, |(host, _)| *host) {
            Ok(place) => {
                if self.states[row][place].1.epoch != self.epoch {
                    self.states[row][place].1 = self.resolve(from, to);
                }
                place
            }
            Err(place) => {
                let link = self.resolve(from, to);
                self.states[row].insert(place, (to, link));
                place
            }
        };
        &self.states[row][place].1
    }

    fn resolve(&self, from: HostId, to: HostId) -> Link {
        let mut link = Link {
            latency: self.default.latency.clone(),
            added: Vec::new(),
            loss: self.default.loss,
            held_by: Vec::new(),
            slowed_by: Vec::new(),
            lossy_by: None,
            epoch: self.epoch,
        };
        for rule in self.rules.iter().filter(|rule| rule.pairs.contains(from, to)) {
            if let Some(latency) = &rule.latency {
                link.latency = latency.clone();
            }
            if let Some(loss) = rule.loss {
                link.loss = loss;
            }
        }
        let all = self
            .effects
            .iter()
            .flat_map(|(&fault, effects)| effects.iter().map(move |effect| (fault, effect)));
        for (fault, effect) in all.filter(|(_, effect)| effect.pairs().contains(from, to)) {
            match effect {
                Effect::Hold(_) => link.held_by.push(fault),
                Effect::AddLatency(_, latency) => {
                    link.added.push(latency.clone());
                    link.slowed_by.push(fault);
                }
                Effect::SetLatency(_, latency) => {
                    link.latency = latency.clone();
                    link.slowed_by.push(fault);
                }
                Effect::SetLoss(_, loss) => {
                    link.loss = *loss;
                    link.lossy_by = Some(fault);
                }
            }
        }
        // In the order of the faults' numbers: several effects of one fault are neighbours.
        link.held_by.dedup();
        link.slowed_by.dedup();
        link
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: HostId = HostId(1);
    const B: HostId = HostId(2);

    fn pairs(both_ways: bool) -> HostPairs {
        HostPairs {
            from: [A].into(),
            to: [B].into(),
            both_ways,
        }
    }

    fn millis(millis: u64) -> Latency {
        Latency::constant(Duration::from_millis(millis))
    }

    fn links() -> Links {
        Links::new(LinkSpec {
            latency: millis(2),
            loss: Chance::NEVER,
        })
    }

    #[test]
    fn a_one_way_hold_leaves_the_way_back_open() {
        let mut links = links();
        links.start(3, Effect::Hold(pairs(false)));
        assert_eq!(links.get(A, B).held_by, [3]);
        assert!(links.get(B, A).held_by.is_empty());
    }

    #[test]
    fn an_ended_effect_leaves_nothing_behind() {
        let mut links = links();
        links.start(0, Effect::SetLatency(pairs(true), millis(50)));
        assert_eq!(links.get(B, A).latency, millis(50));
        links.end(0);
        assert_eq!(links.get(B, A).latency, millis(2));
        assert!(links.get(B, A).slowed_by.is_empty());
    }

    #[test]
    fn several_effects_of_one_fault_act_together_and_end_together() {
        let mut links = links();
        links.start(3, Effect::Hold(pairs(false)));
        links.start(3, Effect::Hold(pairs(true)));
        links.start(3, Effect::AddLatency(pairs(true), millis(1)));
        assert_eq!(links.get(A, B).held_by, [3]);
        assert_eq!(links.get(B, A).held_by, [3]);
        assert_eq!(links.get(B, A).slowed_by, [3]);
        links.end(3);
        assert!(links.get(A, B).held_by.is_empty());
        assert!(links.get(B, A).added.is_empty());
    }

    #[test]
    fn the_last_rule_that_matches_wins_field_by_field() {
        let mut links = links();
        let loss = Chance::new(1, 10);
        links.set_rules(vec![
            LinkRule {
                pairs: pairs(true),
                latency: Some(millis(5)),
                loss: Some(loss),
            },
            LinkRule {
                pairs: pairs(false),
                latency: Some(millis(7)),
                loss: None,
            },
        ]);
        assert_eq!(
            (links.get(A, B).latency.clone(), links.get(A, B).loss),
            (millis(7), loss)
        );
        assert_eq!(
            (links.get(B, A).latency.clone(), links.get(B, A).loss),
            (millis(5), loss)
        );
    }
}

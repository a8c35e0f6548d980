//! The state of links: the topology's settings for a pair of hosts, combined with active faults.
//!
//! Rules and faults are stored as given; the state of an ordered pair is computed when a segment first crosses it, and
//! again after a fault started or ended. So the cost for a thousand hosts depends on their connections, not on a
//! million links.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::HostId;
use crate::latency::Latency;
use crate::queue::{Bandwidth, Pace};
use crate::seed::Chance;

/// The properties of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSpec {
    /// One-way delay.
    pub latency: Latency,
    /// Loss, each way.
    pub loss: Chance,
    /// Bandwidth each way; `None` is unlimited.
    pub bandwidth: Option<Bandwidth>,
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
    pub(crate) fn contains(&self, from: HostId, to: HostId) -> bool {
        (self.from.contains(&from) && self.to.contains(&to))
            || (self.both_ways && self.from.contains(&to) && self.to.contains(&from))
    }
}

/// An exception to the network's default: later rules win, field by field.
#[derive(Debug, Clone)]
pub struct LinkRule {
    /// The links.
    pub pairs: HostPairs,
    /// Latency, if overridden.
    pub latency: Option<Latency>,
    /// Loss, if overridden.
    pub loss: Option<Chance>,
    /// Bandwidth, if overridden.
    pub bandwidth: Option<Bandwidth>,
}

/// An effect of an active fault on links.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A partition: segments do not get through, and are retransmitted later.
    Hold(HostPairs),
    /// Segments wait on the link, and continue at once and in order when the effect ends. There is no retransmission
    /// meanwhile; a kernel that receives nothing from its peer for 10 s ends the connection.
    Stall(HostPairs),
    /// Adds to a link's latency.
    AddLatency(HostPairs, Latency),
    /// Replaces a link's latency.
    SetLatency(HostPairs, Latency),
    /// Replaces a link's loss.
    SetLoss(HostPairs, Chance),
    /// Replaces a link's bandwidth.
    SetBandwidth(HostPairs, Bandwidth),
    /// Connects are refused when they arrive, even if a listener exists. Open connections are unaffected.
    Refuse(HostPairs),
    /// Connects get no response, and are retransmitted later. Open connections are unaffected.
    Blackhole(HostPairs),
}

impl Effect {
    fn pairs(&self) -> &HostPairs {
        match self {
            Effect::Hold(pairs)
            | Effect::Stall(pairs)
            | Effect::AddLatency(pairs, _)
            | Effect::SetLatency(pairs, _)
            | Effect::SetLoss(pairs, _)
            | Effect::SetBandwidth(pairs, _)
            | Effect::Refuse(pairs)
            | Effect::Blackhole(pairs) => pairs,
        }
    }
}

/// The state of one ordered pair of hosts.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) latency: Latency,
    pub(crate) added: Vec<Latency>,
    pub(crate) loss: Chance,
    /// Faults that hold segments, which are held while there are any.
    pub(crate) held_by: Vec<u32>,
    /// Faults that changed the latency.
    pub(crate) slowed_by: Vec<u32>,
    /// The fault that changed the loss.
    pub(crate) lossy_by: Option<u32>,
    bandwidth: Option<Bandwidth>,
    /// The fault that changed the bandwidth.
    pub(crate) narrowed_by: Option<u32>,
    /// Faults that stop segments on the link, which is stopped while there are any.
    pub(crate) stalled_by: Vec<u32>,
    /// Faults that refuse connects.
    pub(crate) refused_by: Vec<u32>,
    /// Faults that swallow connects.
    pub(crate) swallowed_by: Vec<u32>,
    epoch: u64,
}

impl Link {
    /// No segment gets through.
    pub(crate) fn is_cut(&self) -> bool {
        !self.held_by.is_empty() || !self.stalled_by.is_empty() || self.loss.is_certain()
    }

    /// The rate at which segments leave the queue before it.
    pub(crate) fn pace(&self) -> Pace {
        match self.bandwidth {
            _ if !self.stalled_by.is_empty() => Pace::Stopped,
            Some(bandwidth) => Pace::Limited(bandwidth),
            None => Pace::Unlimited,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Links {
    default: LinkSpec,
    rules: Vec<LinkRule>,
    /// By fault.
    effects: BTreeMap<u32, Vec<Effect>>,
    /// Incremented when an effect starts or ends: states of an older epoch are recomputed.
    epoch: u64,
    /// Per sending host, ascending by receiving host.
    states: Vec<Vec<(HostId, Link)>>,
}

/// The bandwidth-delay product of a connection's links with a bandwidth, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pipe {
    /// For a round trip.
    pub(crate) round_trip: u64,
    /// For a millisecond.
    pub(crate) millisecond: u64,
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

    /// Whether any fault acts on any link.
    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// The maximum round-trip time, without faults.
    pub(crate) fn round_trip(&self, from: HostId, to: HostId) -> u64 {
        self.own(from, to).latency.longest() + self.own(to, from).latency.longest()
    }

    /// The properties of a link without faults.
    fn own(&self, from: HostId, to: HostId) -> LinkSpec {
        let mut own = self.default.clone();
        for rule in self.rules.iter().filter(|rule| rule.pairs.contains(from, to)) {
            if let Some(latency) = &rule.latency {
                own.latency = latency.clone();
            }
            own.loss = rule.loss.unwrap_or(own.loss);
            own.bandwidth = rule.bandwidth.or(own.bandwidth);
        }
        own
    }

    /// The bandwidth-delay product between these two, the larger of both directions. `None` if neither has a bandwidth.
    pub(crate) fn pipe(&self, client: HostId, server: HostId) -> Option<Pipe> {
        let (there, back) = (self.own(client, server), self.own(server, client));
        let round_trip = there.latency.longest() + back.latency.longest();
        let fastest = there.bandwidth.max(back.bandwidth)?;
        Some(Pipe {
            round_trip: fastest.bytes_within(round_trip),
            millisecond: fastest.bytes_within(1_000_000),
        })
    }

    fn resolve(&self, from: HostId, to: HostId) -> Link {
        let own = self.own(from, to);
        let mut link = Link {
            latency: own.latency,
            added: Vec::new(),
            loss: own.loss,
            held_by: Vec::new(),
            slowed_by: Vec::new(),
            lossy_by: None,
            bandwidth: own.bandwidth,
            narrowed_by: None,
            stalled_by: Vec::new(),
            refused_by: Vec::new(),
            swallowed_by: Vec::new(),
            epoch: self.epoch,
        };
        let all = self
            .effects
            .iter()
            .flat_map(|(&fault, effects)| effects.iter().map(move |effect| (fault, effect)));
        for (fault, effect) in all.filter(|(_, effect)| effect.pairs().contains(from, to)) {
            match effect {
                Effect::Hold(_) => link.held_by.push(fault),
                Effect::Stall(_) => link.stalled_by.push(fault),
                Effect::Refuse(_) => link.refused_by.push(fault),
                Effect::Blackhole(_) => link.swallowed_by.push(fault),
                Effect::AddLatency(_, latency) => {
                    link.added.push(latency.clone());
                    // An effect that changes nothing touches nothing.
                    if latency.longest() > 0 {
                        link.slowed_by.push(fault);
                    }
                }
                Effect::SetLatency(_, latency) => {
                    if link.latency != *latency {
                        link.slowed_by.push(fault);
                    }
                    link.latency = latency.clone();
                }
                Effect::SetLoss(_, loss) => {
                    link.loss = *loss;
                    link.lossy_by = Some(fault);
                }
                Effect::SetBandwidth(_, bandwidth) => {
                    link.bandwidth = Some(*bandwidth);
                    link.narrowed_by = Some(fault);
                }
            }
        }
        // In order of fault numbers, so effects of one fault are adjacent.
        for faults in [
            &mut link.held_by,
            &mut link.slowed_by,
            &mut link.stalled_by,
            &mut link.refused_by,
            &mut link.swallowed_by,
        ] {
            faults.dedup();
        }
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
            bandwidth: None,
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
    fn a_latency_that_makes_no_difference_touches_nothing() {
        let mut links = links();
        let same = links.get(A, B).latency.clone();
        links.start(0, Effect::AddLatency(pairs(true), millis(0)));
        links.start(1, Effect::SetLatency(pairs(true), same));
        assert!(links.get(A, B).slowed_by.is_empty());
        links.start(2, Effect::AddLatency(pairs(true), millis(1)));
        assert_eq!(links.get(A, B).slowed_by, [2]);
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
                bandwidth: None,
            },
            LinkRule {
                pairs: pairs(false),
                latency: Some(millis(7)),
                loss: None,
                bandwidth: None,
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

    #[test]
    fn a_pipe_is_that_of_the_wider_way() {
        let mut links = links();
        assert_eq!(links.pipe(A, B), None);
        let rule = |both_ways, bits| LinkRule {
            pairs: pairs(both_ways),
            latency: Some(millis(50)),
            loss: None,
            bandwidth: Bandwidth::bits_per_second(bits),
        };
        links.set_rules(vec![rule(true, 8_000_000), rule(false, 80_000_000)]);
        // 80 Mbit/s, 100 ms round-trip time.
        let pipe = Some(Pipe {
            round_trip: 1_000_000,
            millisecond: 10_000,
        });
        assert_eq!((links.pipe(A, B), links.pipe(B, A)), (pipe, pipe));
        let narrow = Bandwidth::bits_per_second(1).expect("not zero");
        links.start(0, Effect::SetBandwidth(pairs(true), narrow));
        assert_eq!(links.pipe(A, B), pipe, "no fault changes it");
        assert_eq!(links.get(B, A).pace(), Pace::Limited(narrow));
        links.start(1, Effect::Stall(pairs(false)));
        assert_eq!(links.get(A, B).pace(), Pace::Stopped);
    }
}

//! The history of connections, folded from the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calls::Moment;
use crate::journal::{Entry, Event, Journal};
use crate::oracle::{Evidence, Run};
use crate::plan::{Latency, Topology};
use crate::time;

/// All connections and touched links.
#[derive(Debug, Default)]
pub struct Network {
    /// In the order in which they were established.
    pub connections: Vec<Connection>,
    /// Open connections by number: the index in `connections`.
    open: BTreeMap<u64, usize>,
    /// When segments were touched between two hosts, keyed by the smaller name, then by the other.
    touched: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u64>>>,
}

/// A connection that was established.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The host that dialled.
    pub from: Arc<str>,
    /// The host that accepted.
    pub to: Arc<str>,
    /// When.
    pub opened: Moment,
    /// When it ended, if it did.
    pub closed: Option<Moment>,
}

impl Evidence for Network {
    fn of(run: &Run<'_>) -> Self {
        Network::of(run.journal)
    }
}

impl Network {
    /// Folds a journal.
    #[must_use]
    pub fn of(journal: &Journal) -> Self {
        let mut network = Network::default();
        for entry in &journal.entries {
            network.add(entry);
        }
        network
    }

    /// Whether a fault, or a link's own loss, touched a segment between two hosts, either way, between two instants.
    #[must_use]
    pub fn touched(&self, one: &str, other: &str, from: u64, until: u64) -> bool {
        let pairs = self.touched.get(one.min(other));
        let times = pairs.and_then(|pairs| pairs.get(one.max(other)));
        let times = times.map_or(&[][..], Vec::as_slice);
        let first = times.partition_point(|at| *at < from);
        times.get(first).is_some_and(|at| *at <= until)
    }

    fn add(&mut self, entry: &Entry) {
        let moment = Moment {
            at: entry.at,
            line: entry.number,
        };
        match &entry.event {
            Event::ConnectionOpened { flow, from, to } => {
                self.open.insert(*flow, self.connections.len());
                self.connections.push(Connection {
                    from: from.clone(),
                    to: to.clone(),
                    opened: moment,
                    closed: None,
                });
            }
            Event::ConnectionClosed { flow, .. } => {
                if let Some(place) = self.open.remove(flow) {
                    self.connections[place].closed = Some(moment);
                }
            }
            Event::Segment { from, to, .. } => self.touch(from.min(to), from.max(to), entry.at),
            _ => {}
        }
    }

    /// Clones names only for the first touch of a pair of hosts: a fault may touch many segments.
    fn touch(&mut self, one: &Arc<str>, other: &Arc<str>, at: u64) {
        match self.touched.get_mut(one).and_then(|pairs| pairs.get_mut(other)) {
            Some(times) => times.push(at),
            None => {
                let pairs = self.touched.entry(one.clone()).or_default();
                pairs.insert(other.clone(), vec![at]);
            }
        }
    }
}

/// The maximum delay of a segment between two hosts without faults, in nanoseconds. `None` on links with loss, limited
/// bandwidth or unbounded latency.
#[must_use]
pub fn longest_way(topology: &Topology, from: &str, to: &str) -> Option<u64> {
    let network = &topology.network;
    let (mut latency, mut loss, mut bandwidth) = (&network.latency, network.loss, network.bandwidth);
    for link in &topology.links {
        let has = |hosts: &[String], host: &str| hosts.iter().any(|other| other == host);
        let pairs = &link.pairs;
        let there = has(&pairs.from, from) && has(&pairs.to, to);
        let back = pairs.both_ways && has(&pairs.from, to) && has(&pairs.to, from);
        if there || back {
            latency = link.latency.as_ref().unwrap_or(latency);
            loss = link.loss.unwrap_or(loss);
            bandwidth = link.bandwidth.or(bandwidth);
        }
    }
    match latency {
        _ if loss.numerator > 0 || bandwidth.is_some() => None,
        Latency::Constant(way) | Latency::Uniform { max: way, .. } => Some(time::nanos(*way)),
        Latency::LogNormal { .. } => None,
    }
}

/// The host of `host:port`.
#[must_use]
pub fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

//! Which faults touched a call, as far as the journal shows it.
//!
//! A fault touched a call if, for one of its hops,
//! - it lost, held, delayed or dropped a segment between the two hosts of the hop, either way, refused a connect
//!   or reset a connection, while the hop was in flight (requests share connections: the segment need not belong to
//!   this request);
//! - or the hop failed, and the fault did one of these shortly before: a stalled connection stays stalled
//!   until its next retransmission, and a pool backs off after a failed connect;
//! - or, for a client's call, it affected a segment between two hosts that the call may have reached while it was in
//!   flight: the hosts of its known gRPC calls, or else all hosts that are reachable over connections from its own;
//! - or the fault declares that it touches such calls ([`Touches`](crate::faults::Touches)): those of its hosts, say.
//!
//! Faults of the caller's own host touch all of its calls. Segments are indexed by pair of hosts and by fault, so
//! each hop costs a few binary searches, whatever the length of the journal.

mod served;

use std::cell::LazyCell;

use indexmap::{IndexMap, IndexSet};

use self::served::ServedWindow;
use super::{Call, Hop, Rpc};
use crate::faults::{Connects, Past, Touches};
use crate::history::History;
use crate::journal::{Event, Journal, Touch};
use crate::oracle::evidence::Kept;
use crate::plan::Plan;
use crate::target::Causes;
use crate::time::nanos;

/// How long before a failed hop a lost segment may have stalled its connection, or a host may have been down:
/// retransmission backs off for some seconds until the connection is reset, and a pool backs off as long after a failed
/// connect.
const STALL: u64 = 15_000_000_000;

pub(super) fn touch<'j>(
    calls: &mut [Call<'j>],
    rpcs: &[Rpc<'j>],
    journal: &'j Journal,
    plan: &Plan,
    history: &History<'_>,
    kept: &Kept,
) {
    let segments = Segments::of(journal);
    let windows = Windows::of(journal, plan, history, kept);
    if segments.pairs.is_empty() && windows.is_empty() {
        return;
    }
    let mut by_call: IndexMap<u64, Vec<&Rpc<'_>>> = IndexMap::new();
    for rpc in rpcs {
        if let Some(call) = rpc.call {
            by_call.entry(call).or_default().push(rpc);
        }
    }
    let groups = plan.topology.groups().map(|group| (group.name, group.hosts));
    let groups: IndexMap<&str, &[String]> = groups.collect();
    let dials = LazyCell::new(|| Dials::of(journal));
    let mut reach: IndexMap<&str, IndexSet<&str>> = IndexMap::new();
    for call in calls {
        let mut touched = Touched::default();
        let end = call.end.map_or(history.ended(), |end| end.moment.at);
        let whole = Span::new(call.started.at, end, call.is_ok());
        windows.find_host(call.host, whole, &mut touched);
        windows.find_target(call.to, "", whole, &mut touched);
        for window in &windows.served {
            window.find(call, whole, &mut touched);
        }
        let workload = plan.workloads.get(call.workload as usize);
        if workload.is_some_and(|workload| workload.target.causes() == Causes::Rpcs) {
            let known = by_call.get(&call.number).map_or(&[][..], Vec::as_slice);
            for rpc in known {
                let until = rpc.end.map_or(end, |(moment, _)| moment.at);
                let span = Span::new(rpc.started.at, until, rpc.is_ok());
                let ends = [rpc.host, rpc.target()];
                ends.iter()
                    .for_each(|host| windows.find_host(host, span, &mut touched));
                segments.find_between((rpc.host, rpc.target()), span, &mut touched);
            }
            if known.is_empty() {
                let reached = reach.entry(call.host).or_insert_with(|| dials.reach(call.host));
                reached
                    .iter()
                    .for_each(|host| windows.find_host(host, whole, &mut touched));
                segments.find_among(reached, whole, &mut touched);
            }
        }
        for hop in &call.hops {
            let until = hop.end.map_or(history.ended(), |end| end.moment.at);
            let span = Span::new(hop.started.at, until, hop.is_ok());
            windows.find_host(hop.host, span, &mut touched);
            windows.find_target(hop.to, hop.target_module, span, &mut touched);
            for target in targets(hop, &groups) {
                windows.find_host(target, span, &mut touched);
                segments.find(hop, target, until, &mut touched);
                if !hop.is_ok() {
                    windows.find_connect(hop.host, target, span, &mut touched);
                }
            }
        }
        call.touched_by = touched.faults;
        call.touched_by_loss = touched.loss;
    }
}

/// When a call or a hop was in flight, and its result.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    until: u64,
    is_ok: bool,
}

impl Span {
    fn new(from: u64, until: u64, is_ok: bool) -> Self {
        Span { from, until, is_ok }
    }

    /// Whether it overlaps `started..ended`, or contains `started` if both are equal.
    fn meets(self, started: u64, ended: u64) -> bool {
        started <= self.until && (self.from < ended || self.from <= started)
    }
}

/// The host that received the hop or, if unknown, all hosts that may have.
fn targets<'p>(hop: &Hop<'p>, groups: &IndexMap<&str, &'p [String]>) -> impl Iterator<Item = &'p str> {
    let peer = hop.peer_host();
    let group = match peer {
        Some(_) => None,
        None => groups.get(hop.target_module),
    };
    let candidates = group.into_iter().copied().flatten();
    peer.into_iter().chain(candidates.map(String::as_str))
}

#[derive(Default)]
struct Touched {
    faults: Vec<u32>,
    loss: bool,
}

impl Touched {
    fn add(&mut self, fault: Option<u32>) {
        let Some(fault) = fault else {
            self.loss = true;
            return;
        };
        if let Err(place) = self.faults.binary_search(&fault) {
            self.faults.insert(place, fault);
        }
    }
}

/// When each fault touched segments between each pair of hosts.
#[derive(Default)]
struct Segments<'j> {
    /// By unordered pair, then by fault: `None` is the link's own loss.
    pairs: IndexMap<(&'j str, &'j str), Vec<ByFault>>,
}

type ByFault = (Option<u32>, Times);

/// Ascending.
#[derive(Default)]
struct Times {
    all: Vec<u64>,
    /// Only lasting effects: segments that wait for retransmission, and failed connects.
    stalled: Vec<u64>,
}

impl<'j> Segments<'j> {
    fn of(journal: &'j Journal) -> Self {
        let mut segments = Segments::default();
        for entry in &journal.entries {
            let Event::Segment {
                touch,
                from,
                to,
                faults,
                ..
            } = &entry.event
            else {
                continue;
            };
            let pair = segments.pairs.entry(unordered(from, to)).or_default();
            if faults.is_empty() {
                record(pair, None, entry.at, *touch);
            }
            for fault in faults {
                record(pair, Some(*fault), entry.at, *touch);
            }
        }
        segments
    }

    fn find(&self, hop: &Hop<'_>, target: &str, until: u64, touched: &mut Touched) {
        let span = Span::new(hop.started.at, until, hop.is_ok());
        self.find_between((hop.host, target), span, touched);
    }

    fn find_between(&self, (one, other): (&str, &str), span: Span, touched: &mut Touched) {
        let pair = self.pairs.get(&unordered(one, other));
        pair.into_iter().for_each(|pair| find_within(pair, span, touched));
    }

    /// Between any two of these hosts.
    fn find_among(&self, hosts: &IndexSet<&str>, span: Span, touched: &mut Touched) {
        let are_both = |(one, other): &(&str, &str)| hosts.contains(one) && hosts.contains(other);
        let pairs = self.pairs.iter().filter(|(pair, _)| are_both(pair));
        pairs.for_each(|(_, pair)| find_within(pair, span, touched));
    }
}

/// Which hosts each host has dialled.
struct Dials<'j>(IndexMap<&'j str, IndexSet<&'j str>>);

impl<'j> Dials<'j> {
    fn of(journal: &'j Journal) -> Self {
        let mut dials = Dials(IndexMap::new());
        for entry in &journal.entries {
            if let Event::ConnectionOpened { from, to, .. } | Event::ConnectionClosed { from, to, .. } =
                &entry.event
            {
                dials.0.entry(&**from).or_default().insert(&**to);
            }
        }
        dials
    }

    /// The hosts that can be reached over dialled connections, this one included.
    fn reach(&self, host: &'j str) -> IndexSet<&'j str> {
        let mut reached = IndexSet::from([host]);
        let mut next = 0;
        while let Some(host) = reached.get_index(next).copied() {
            reached.extend(self.0.get(host).into_iter().flatten().copied());
            next += 1;
        }
        reached
    }
}

fn find_within(pair: &[ByFault], span: Span, touched: &mut Touched) {
    for (fault, times) in pair {
        let during = any_within(&times.all, span.from, span.until);
        let before = !span.is_ok && any_within(&times.stalled, span.from.saturating_sub(STALL), span.from);
        if during || before {
            touched.add(*fault);
        }
    }
}

fn record(pair: &mut Vec<ByFault>, fault: Option<u32>, at: u64, touch: Touch) {
    let place = pair
        .iter()
        .position(|(known, _)| *known == fault)
        .unwrap_or_else(|| {
            pair.push((fault, Times::default()));
            pair.len() - 1
        });
    let times = &mut pair[place].1;
    times.all.push(at);
    let lasts = match touch {
        Touch::Lost | Touch::Held | Touch::Refused => true,
        // Without a fault, a host is down, and the fault of that host accounts for it.
        Touch::Dropped => fault.is_some(),
        Touch::Delayed | Touch::Reset => false,
    };
    if lasts {
        times.stalled.push(at);
    }
}

fn any_within(times: &[u64], from: u64, until: u64) -> bool {
    times
        .get(times.partition_point(|at| *at < from))
        .is_some_and(|at| *at <= until)
}

fn unordered<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    if one <= other { (one, other) } else { (other, one) }
}

/// The declared touches of all faults, by variant.
#[derive(Default)]
struct Windows {
    hosts: IndexMap<String, Vec<Window>>,
    connects: Vec<(Window, Connects)>,
    ports: Vec<(Window, String)>,
    groups: Vec<(Window, String)>,
    served: Vec<ServedWindow>,
}

/// When each fault was active.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: u64,
    until: u64,
    fault: u32,
}

impl Windows {
    fn of(journal: &Journal, plan: &Plan, history: &History<'_>, kept: &Kept) -> Self {
        let mut windows = Windows::default();
        for (fault, (planned, past)) in (0_u32..).zip(plan.faults.iter().zip(&history.faults)) {
            let Some(from) = past.started else { continue };
            let until = past.ended.unwrap_or(u64::MAX);
            let window = Window { from, until, fault };
            let past = Past {
                started: from,
                ended: until,
                journal,
                kept,
            };
            for touches in planned.kind.touches(&past) {
                windows.add(window, touches, plan);
            }
        }
        windows
    }

    fn add(&mut self, window: Window, touches: Touches, plan: &Plan) {
        match touches {
            Touches::Hosts(hosts) => {
                for host in hosts {
                    self.hosts.entry(host).or_default().push(window);
                }
            }
            Touches::Connects(connects) => self.connects.push((window, connects)),
            Touches::Ports { of, late } => {
                let until = window.until.saturating_add(nanos(late));
                self.ports.push((Window { until, ..window }, of));
            }
            Touches::Group { name, late } => {
                let until = window.until.saturating_add(nanos(late));
                self.groups.push((Window { until, ..window }, name));
            }
            Touches::Served { hosts, until, all } => {
                let window = Window { until, ..window };
                self.served
                    .extend(ServedWindow::of(window, hosts, all, &plan.topology));
            }
        }
    }

    fn is_empty(&self) -> bool {
        let nothing_is_named = self.ports.is_empty() && self.groups.is_empty() && self.served.is_empty();
        nothing_is_named && self.hosts.is_empty() && self.connects.is_empty()
    }

    fn find_host(&self, host: &str, span: Span, touched: &mut Touched) {
        for window in self.hosts.get(host).into_iter().flatten() {
            let in_its_wake = || !span.is_ok && span.meets(window.from, window.until.saturating_add(STALL));
            if span.meets(window.from, window.until) || in_its_wake() {
                touched.add(Some(window.fault));
            }
        }
    }

    fn find_target(&self, to: &str, group: &str, span: Span, touched: &mut Touched) {
        let owner = to.rsplit_once('.').map(|(owner, _)| owner);
        let ports = self.ports.iter().filter(|(_, it)| owner == Some(it));
        let groups = self.groups.iter().filter(|(_, it)| it == group);
        for (window, _) in ports.chain(groups) {
            if span.meets(window.from, window.until) {
                touched.add(Some(window.fault));
            }
        }
    }

    fn find_connect(&self, from: &str, to: &str, span: Span, touched: &mut Touched) {
        for (window, connects) in &self.connects {
            if span.meets(window.from, window.until) && connects.keep_out(from, to) {
                touched.add(Some(window.fault));
            }
        }
    }
}

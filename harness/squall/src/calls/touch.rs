//! Which faults touched a call, as far as the journal shows it.
//!
//! A fault touched a call when, for one of its hops,
//! - it lost, held, delayed or dropped a segment between the two hosts of the hop, either way, refused a connect
//!   or reset a connection, while the hop was under way (requests share connections: the segment need not be of
//!   this very request);
//! - or the hop did not end ok, and the fault did such a thing shortly before: a stalled connection stays stalled
//!   until its next retransmission, and a pool that could not connect waits before it tries again;
//! - or the hop did not end ok, and a fault that refuses or swallows connects lay between its two hosts while it
//!   was under way: then what the pool did not try for may be why;
//! - or a fault of a host (kill, crash, pause, clock, drain) was active at one of the two hosts while the hop was under way;
//! - or the hop did not end ok, and such a fault had ended shortly before: a host that is back is not dialled at once;
//! - or it was to be executed by a provider that tried out a canary, or was drained, meanwhile;
//! - or a fault of the node that it goes to, or one that says where its module runs, was active meanwhile: of what
//!   never left its module the call says where it goes.
//!
//! Faults of the caller's own host touch all of its calls. Segments are indexed by pair of hosts and by fault, so
//! that each hop costs a few binary searches however long the journal is.

mod provider;

use indexmap::IndexMap;

use self::provider::ProviderFaults;
use super::{Call, Hop};
use crate::history::History;
use crate::journal::{Event, Journal, Touch};
use crate::plan::{Connects, FaultKind, Plan};
use crate::time::nanos;

/// How long before a failed hop a lost segment may have stalled its connection, or a host have been down: retransmission
/// backs off up to some seconds, and after that the connection is reset; a pool that could not connect waits as long.
const STALL: u64 = 15_000_000_000;

pub(super) fn touch(calls: &mut [Call<'_>], journal: &Journal, plan: &Plan, history: &History<'_>) {
    let segments = Segments::of(journal);
    let hosts = HostFaults::of(plan, history);
    let closed = ClosedDoors::of(plan, history);
    let modules = ModuleFaults::of(plan, history);
    let providers = ProviderFaults::of(journal, plan, history);
    let nothing_of_modules = closed.0.is_empty() && modules.0.is_empty();
    if segments.pairs.is_empty() && hosts.windows.is_empty() && nothing_of_modules && providers.is_empty() {
        return;
    }
    for call in calls {
        let mut touched = Touched::default();
        let end = call.end.map_or(history.ended(), |end| end.moment.at);
        let whole = Span::new(call.started.at, end, call.is_ok());
        hosts.find(call.host, whole, &mut touched);
        modules.find(call.to, "", whole, &mut touched);
        providers.find(call, end, &mut touched);
        for hop in &call.hops {
            let until = hop.end.map_or(history.ended(), |end| end.moment.at);
            let span = Span::new(hop.started.at, until, hop.is_ok());
            hosts.find(hop.host, span, &mut touched);
            modules.find(hop.to, hop.target_module, span, &mut touched);
            for target in targets(hop, plan) {
                hosts.find(target, span, &mut touched);
                segments.find(hop, target, until, &mut touched);
                if !hop.is_ok() {
                    closed.find(hop, target, span, &mut touched);
                }
            }
        }
        call.touched_by = touched.faults;
        call.touched_by_loss = touched.loss;
    }
}

/// When a call or a hop was under way, and what came of it.
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

    /// Whether it was under way while something was so from `started` on, and no longer so at `ended`; or at the one
    /// moment of both.
    fn meets(self, started: u64, ended: u64) -> bool {
        started <= self.until && (self.from < ended || self.from <= started)
    }
}

/// The host that the hop was sent to or, when that is not known, all that it may have been sent to.
fn targets<'p>(hop: &'p Hop<'_>, plan: &'p Plan) -> impl Iterator<Item = &'p str> {
    let peer = hop.peer_host();
    let candidates = match peer {
        Some(_) => None,
        None => plan.topology.modules.get(hop.target_module),
    };
    peer.into_iter().chain(
        candidates
            .into_iter()
            .flat_map(|module| module.hosts.iter().map(String::as_str)),
    )
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

/// When which fault touched a segment between which two hosts.
#[derive(Default)]
struct Segments<'j> {
    /// By unordered pair; within that by fault, none for the link's own loss.
    pairs: IndexMap<(&'j str, &'j str), Vec<ByFault>>,
}

type ByFault = (Option<u32>, Times);

/// Ascending.
#[derive(Default)]
struct Times {
    all: Vec<u64>,
    /// Only of what outlasts the moment: segments that wait for their retransmission, connects in vain.
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
        let Some(pair) = self.pairs.get(&unordered(hop.host, target)) else {
            return;
        };
        let start = hop.started.at;
        for (fault, times) in pair {
            let during = any_within(&times.all, start, until);
            let before = !hop.is_ok() && any_within(&times.stalled, start.saturating_sub(STALL), start);
            if during || before {
                touched.add(*fault);
            }
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
        // Of a machine that is down it is the host's fault that tells.
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

/// When which fault of a host was active at which host.
struct HostFaults<'p> {
    windows: IndexMap<&'p str, Vec<(u64, u64, u32)>>,
}

impl<'p> HostFaults<'p> {
    fn of(plan: &'p Plan, history: &History<'_>) -> Self {
        let mut windows: IndexMap<&str, Vec<_>> = IndexMap::new();
        for (number, (fault, past)) in (0_u32..).zip(plan.faults.iter().zip(&history.faults)) {
            let (FaultKind::Kill { hosts }
            | FaultKind::Crash { hosts }
            | FaultKind::Pause { hosts }
            | FaultKind::Clock { hosts, .. }
            | FaultKind::Drain { hosts, .. }) = &fault.kind
            else {
                continue;
            };
            let Some(started) = past.started else { continue };
            let ended = past.ended.unwrap_or(u64::MAX);
            for host in hosts {
                windows.entry(host).or_default().push((started, ended, number));
            }
        }
        HostFaults { windows }
    }

    fn find(&self, host: &str, span: Span, touched: &mut Touched) {
        for &(started, ended, fault) in self.windows.get(host).into_iter().flatten() {
            if span.meets(started, ended) || (!span.is_ok && span.meets(started, ended.saturating_add(STALL)))
            {
                touched.add(Some(fault));
            }
        }
    }
}

/// When which fault was about a node, or about where a module runs.
struct ModuleFaults<'p>(Vec<(u64, u64, u32, &'p FaultKind)>);

impl<'p> ModuleFaults<'p> {
    fn of(plan: &'p Plan, history: &History<'_>) -> Self {
        let faults = (0_u32..).zip(plan.faults.iter().zip(&history.faults));
        let faults = faults.filter_map(|(number, (fault, past))| {
            let late = match &fault.kind {
                FaultKind::Remove { .. } | FaultKind::Close { .. } => 0,
                FaultKind::Move { late, .. } | FaultKind::Announce { late, .. } => nanos(*late),
                _ => return None,
            };
            let ended = past.ended.map_or(u64::MAX, |ended| ended.saturating_add(late));
            Some((past.started?, ended, number, &fault.kind))
        });
        ModuleFaults(faults.collect())
    }

    fn find(&self, to: &str, target: &str, span: Span, touched: &mut Touched) {
        for &(started, ended, fault, kind) in &self.0 {
            let concerns = match kind {
                FaultKind::Remove { node } | FaultKind::Move { node, .. } | FaultKind::Close { node } => {
                    to.rsplit_once('.').is_some_and(|(it, _)| it == node)
                }
                FaultKind::Announce { module, .. } => module == target,
                _ => false,
            };
            if concerns && span.meets(started, ended) {
                touched.add(Some(fault));
            }
        }
    }
}

/// When which fault kept whom from connecting to whom.
struct ClosedDoors<'p>(Vec<(u64, u64, u32, &'p Connects)>);

impl<'p> ClosedDoors<'p> {
    fn of(plan: &'p Plan, history: &History<'_>) -> Self {
        let faults = (0_u32..).zip(plan.faults.iter().zip(&history.faults));
        let doors = faults.filter_map(|(number, (fault, past))| {
            let (FaultKind::Refuse(connects) | FaultKind::Blackhole(connects)) = &fault.kind else {
                return None;
            };
            Some((past.started?, past.ended.unwrap_or(u64::MAX), number, connects))
        });
        ClosedDoors(doors.collect())
    }

    fn find(&self, hop: &Hop<'_>, target: &str, span: Span, touched: &mut Touched) {
        for (started, ended, fault, connects) in &self.0 {
            if span.meets(*started, *ended) && keeps_out(connects, hop.host, target) {
                touched.add(Some(*fault));
            }
        }
    }
}

fn keeps_out(connects: &Connects, from: &str, to: &str) -> bool {
    let among = |hosts: &[String], host: &str| hosts.iter().any(|other| other == host);
    match connects {
        Connects::To(hosts) => among(hosts, to),
        Connects::Between(pairs) => {
            (among(&pairs.from, from) && among(&pairs.to, to))
                || (pairs.both_ways && among(&pairs.from, to) && among(&pairs.to, from))
        }
    }
}

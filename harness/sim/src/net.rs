//! Segments in transit between two kernels: delay, loss, partitions, retransmission.
//!
//! An application on TCP never sees a lost packet, only bytes that arrive later. So a lost segment is sent
//! again after a retransmission timeout (200 ms, doubling up to two minutes), later segments of the same
//! flow and direction queue behind it, and after too long without progress the sender gives up (see `liveness`).
//! A partition holds segments in the same way. Delivery within one flow and direction is always in order.
//!
//! Before each link there is a queue ([`crate::queue`]): segments of all flows enter it after the loss decision, and
//! leave it in the same order at the link's bandwidth. Latency comes after it. A segment that finds a second's worth of
//! bytes before it counts as lost. A link without a bandwidth has no queue.
//!
//! Deliberately simpler than a real kernel: there is no fast retransmit, and what queued behind a lost
//! segment gets through together with it, like the bytes of one stream. (If each were judged separately, a busy
//! flow would never catch up: it would queue more during one timeout than it gets through before the next.)
//! flow would never catch up: it would queue more during one timeout than it gets through before the next.)

mod bare;
mod departures;
mod liveness;
mod retransmission;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use self::bare::Bare;
use self::liveness::Life;
use crate::capture::Capture;
use crate::digest::Digest;
use crate::host::HostId;
use crate::link::{Effect, LinkRule, Links, Pipe};
use crate::observe::Touch;
use crate::queue::Queue;
use crate::seed::Stream;
use crate::segment::{Body, Direction, FlowId, Segment};

const MILLISECOND: u64 = 1_000_000;
/// The first retransmission timeout of an open connection.
const FIRST_TIMEOUT: u64 = 200 * MILLISECOND;
/// The first retransmission timeout of a connect, as on Linux.
const FIRST_CONNECT_TIMEOUT: u64 = 1_000 * MILLISECOND;
const LONGEST_TIMEOUT: u64 = 120_000 * MILLISECOND;
/// How long a kernel tries to connect, as on Linux. Open connections give up earlier: see `liveness`.
const GIVE_UP_AFTER: u64 = 127_000 * MILLISECOND;
/// The latency between two sockets of the same host.
const LOOPBACK: u64 = 10_000;

/// A scheduled event of the network.
#[derive(Debug)]
enum Due {
    Deliver(Segment),
    /// A retransmission timeout of this flow and direction.
    Retry(FlowId, Direction),
    /// The first segment of a link's queue leaves, unless the queue's ticket has changed since.
    Depart(HostId, HostId, u64),
    /// A retransmission timeout of its acknowledgements.
    RetryBare(FlowId, Direction),
    /// The kernel at the end that receives this direction checks whether its peer is alive, unless a later check is due.
    Check(FlowId, Direction, u64),
    /// It gets an answer.
    Answer(FlowId, Direction),
}

struct Queued {
    at: u64,
    number: u64,
    due: Due,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// One direction of one flow.
#[derive(Debug, Default)]
struct Channel {
    flow: Option<u64>,
    /// The number of the next segment.
    next_order: u64,
    /// The number of arrived segments.
    arrived: u64,
    /// When the last segment arrives: none overtakes it.
    last_arrival: u64,
    /// Segments that wait for the first of them to get through.
    blocked: VecDeque<Segment>,
    /// When the first of them was first sent.
    blocked_since: u64,
    timeout: u64,
    /// A timer runs for `blocked`.
    has_timer: bool,
    bare: Bare,
    life: Life,
}

impl Channel {
    /// A segment in transit to a machine that went down precedes those sent since.
    fn wait(&mut self, segment: Segment) {
        let place = self
            .blocked
            .partition_point(|blocked| blocked.order < segment.order);
        self.blocked.insert(place, segment);
    }
}

/// A segment that was affected in transit.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) touch: Touch,
    pub(crate) flow: u64,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) bytes: u64,
    pub(crate) faults: Vec<u32>,
}

/// The result of a due event.
pub(crate) enum Arrival {
    /// Pass this to the engine.
    Segment(Segment),
    /// Have the engine refuse this connect, even if a listener exists.
    Refused(Segment),
    /// Inform the engine that the sender of this direction gives up.
    GiveUp {
        flow: FlowId,
        direction: Direction,
        /// It informs its peer: from, to.
        resets: Option<(HostId, HostId)>,
    },
    /// Inform the engine that the other kernel answers the end that receives this direction: with a reset, if it does
    /// not know the connection.
    Answer(FlowId, Direction),
    /// Nothing to do.
    Nothing,
}

pub(crate) struct Net {
    links: Links,
    pub(crate) digest: Digest,
    /// Records arrivals, if enabled.
    pub(crate) capture: Option<Capture>,
    /// Segments touched since the journal last took them.
    pub(crate) touched: Vec<Touched>,
    queue: BinaryHeap<Reverse<Queued>>,
    next_number: u64,
    channels: Vec<[Channel; 2]>,
    /// The links with queued segments, each with the ticket of the next departure.
    queues: BTreeMap<(HostId, HostId), (u64, Queue)>,
    /// Hosts that are off: no segment reaches them.
    off: Vec<bool>,
    network: Stream,
    faults: Stream,
}

impl Net {
    pub(crate) fn new(links: Links, seed: u64, traced: bool) -> Self {
        Net {
            links,
            digest: Digest::new(traced),
            capture: None,
            touched: Vec::new(),
            queue: BinaryHeap::new(),
            next_number: 0,
            channels: Vec::new(),
            queues: BTreeMap::new(),
            off: Vec::new(),
            network: Stream::new(seed, "network"),
            faults: Stream::new(seed, "faults"),
        }
    }

    /// When the next event is due.
    pub(crate) fn next(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(queued)| queued.at)
    }

    /// Takes a segment that a host has written at `now`.
    pub(crate) fn send(&mut self, now: u64, mut segment: Segment) {
        self.digest.segment(now, &segment);
        if self.is_stale(&segment) {
            return;
        }
        if segment.body == Body::Ack {
            return self.send_bare(now, segment);
        }
        if liveness::calls_for_an_answer(&segment.body) {
            self.note_sent(now, segment.flow, segment.direction);
        }
        let channel = self.channel(segment.flow, segment.direction);
        if matches!(segment.body, Body::Reset(_)) {
            // The sender's kernel has dropped the connection, and its retransmissions.
            channel.blocked.clear();
            channel.bare.supersede();
        }
        segment.order = channel.next_order;
        channel.next_order += 1;
        if channel.blocked.is_empty() {
            self.judge(now, segment);
        } else {
            channel.blocked.push_back(segment);
        }
    }

    /// The next event that is due at or before `now`.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Arrival> {
        if self.next()? > now {
            return None;
        }
        let Reverse(queued) = self.queue.pop()?;
        Some(match queued.due {
            Due::Deliver(segment) if segment.body == Body::Ack => {
                if self.is_off(segment.to) || self.is_overtaken(&segment) {
                    Arrival::Nothing
                } else {
                    if self.knows(segment.flow, segment.direction) {
                        self.note_heard(now, segment.flow, segment.direction);
                    }
                    Arrival::Segment(segment)
                }
            }
            Due::Deliver(segment) if self.is_off(segment.to) => {
                self.block(now, segment, Touch::Dropped, Vec::new());
                Arrival::Nothing
            }
            Due::Deliver(segment) => {
                if self.knows(segment.flow, segment.direction) {
                    self.channel(segment.flow, segment.direction).arrived = segment.order + 1;
                    self.note_heard(now, segment.flow, segment.direction);
                    if segment.body == Body::Accept {
                        self.established(now, segment.flow, segment.to, segment.from);
                    }
                }
                self.arrive(segment)
            }
            Due::Retry(flow, direction) => self.retry(now, flow, direction),
            Due::RetryBare(flow, direction) => self.retry_bare(now, flow, direction),
            Due::Check(flow, at, ticket) => self.check(now, flow, at, ticket),
            Due::Answer(flow, at) => self.answer(now, flow, at),
            Due::Depart(from, to, ticket) => {
                self.leave_queue(now, (from, to), ticket);
                Arrival::Nothing
            }
        })
    }

    /// Settings that differ between links.
    pub(crate) fn set_rules(&mut self, now: u64, rules: Vec<LinkRule>) {
        self.links.set_rules(rules);
        self.set_paces(now);
        self.look_at_all(now);
    }

    /// Starts an effect of a fault on links.
    pub(crate) fn start(&mut self, now: u64, fault: u32, effect: Effect) {
        self.links.start(fault, effect);
        self.set_paces(now);
        self.look_at_all(now);
    }

    /// Ends a fault.
    pub(crate) fn end(&mut self, now: u64, fault: u32) {
        self.links.end(fault);
        self.set_paces(now);
        self.look_at_all(now);
    }

    /// Both ends have dropped the connection: its retransmissions are cancelled.
    pub(crate) fn forget(&mut self, flow: FlowId, faults: &[u32], ends: (HostId, HostId)) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let channel = self.channel(flow, direction);
            channel.blocked.clear();
            channel.bare.supersede();
        }
        self.touched.push(Touched {
            touch: Touch::Reset,
            flow: flow.number,
            from: ends.0,
            to: ends.1,
            bytes: 0,
            faults: faults.to_vec(),
        });
    }

    /// The bandwidth-delay product of a connection; see [`Links::pipe`].
    pub(crate) fn pipe(&self, client: HostId, server: HostId) -> Option<Pipe> {
        self.links.pipe(client, server)
    }

    /// The receiver had no room: the segment counts as lost.
    pub(crate) fn bounce(&mut self, now: u64, segment: Segment) {
        self.block(now, segment, Touch::Lost, Vec::new());
    }

    /// The machine is off: its retransmissions are dropped, and no segment reaches it.
    pub(crate) fn switch_off(&mut self, now: u64, host: HostId) {
        self.set_off(host, true);
        for channel in self.channels.iter_mut().flatten() {
            if channel
                .blocked
                .front()
                .is_some_and(|segment| segment.from == host)
            {
                channel.blocked.clear();
            }
        }
        self.look_at_all(now);
    }

    pub(crate) fn switch_on(&mut self, now: u64, host: HostId) {
        if self.is_off(host) {
            self.set_off(host, false);
            self.look_at_all(now);
        }
    }

    fn set_off(&mut self, host: HostId, off: bool) {
        let place = host.0 as usize;
        if self.off.len() <= place {
            self.off.resize(place + 1, false);
        }
        self.off[place] = off;
    }

    fn is_off(&self, host: HostId) -> bool {
        self.off.get(host.0 as usize).copied().unwrap_or(false)
    }

    fn channel(&mut self, flow: FlowId, direction: Direction) -> &mut Channel {
        let slot = flow.slot as usize;
        if self.channels.len() <= slot {
            self.channels.resize_with(slot + 1, Default::default);
        }
        let channel = &mut self.channels[slot][direction.index()];
        if channel.flow != Some(flow.number) {
            // The slot was used by a removed flow; a timer of that may still run, and finds nothing.
            *channel = Channel {
                flow: Some(flow.number),
                ..Channel::default()
            };
        }
        channel
    }

    /// Whether the slot still belongs to this flow.
    fn knows(&self, flow: FlowId, direction: Direction) -> bool {
        let channels = self.channels.get(flow.slot as usize);
        channels.is_some_and(|channels| channels[direction.index()].flow == Some(flow.number))
    }

    /// Whether a later flow has taken a segment's slot: both ends of its own have finished, so it is not awaited.
    fn is_stale(&self, segment: &Segment) -> bool {
        let channels = self.channels.get(segment.flow.slot as usize);
        let flow = channels.and_then(|channels| channels[segment.direction.index()].flow);
        flow.is_some_and(|number| number > segment.flow.number)
    }

    /// Decides on a segment that is the first of its channel.
    fn judge(&mut self, now: u64, segment: Segment) {
        if segment.from == segment.to {
            return self.schedule(now, now + LOOPBACK, segment);
        }
        let link = self.links.get(segment.from, segment.to);
        if !link.held_by.is_empty() {
            let faults = link.held_by.clone();
            return self.block(now, segment, Touch::Held, faults);
        }
        if !link.swallowed_by.is_empty() && matches!(segment.body, Body::Connect { .. }) {
            let faults = link.swallowed_by.clone();
            return self.block(now, segment, Touch::Dropped, faults);
        }
        let stream = if link.lossy_by.is_some() {
            &mut self.faults
        } else {
            &mut self.network
        };
        if segment.body != Body::Confirm && stream.happens(link.loss) {
            let faults = link.lossy_by.into_iter().collect();
            return self.block(now, segment, Touch::Lost, faults);
        }
        self.enter_queue(now, segment);
    }

    /// A segment gets through: it arrives after the link's latency.
    fn forward(&mut self, now: u64, segment: Segment) {
        let delay = self.delay(&segment);
        let link = self.links.get(segment.from, segment.to);
        if !link.slowed_by.is_empty() {
            let faults = link.slowed_by.clone();
            self.touch(&segment, Touch::Delayed, faults);
        }
        self.schedule(now, now + delay, segment);
    }

    /// The delay of a segment.
    fn delay(&mut self, segment: &Segment) -> u64 {
        if segment.from == segment.to {
            return LOOPBACK;
        }
        let link = self.links.get(segment.from, segment.to);
        let mut delay = link.latency.sample(&mut self.network);
        for added in &link.added {
            delay += added.sample(&mut self.faults);
        }
        delay
    }

    /// A due segment arrives at a machine that is up.
    fn arrive(&mut self, segment: Segment) -> Arrival {
        if matches!(segment.body, Body::Connect { .. }) && segment.from != segment.to {
            let link = self.links.get(segment.from, segment.to);
            if !link.refused_by.is_empty() {
                let faults = link.refused_by.clone();
                self.touch(&segment, Touch::Refused, faults);
                return Arrival::Refused(segment);
            }
        }
        Arrival::Segment(segment)
    }

    fn schedule(&mut self, now: u64, at: u64, segment: Segment) {
        let channel = self.channel(segment.flow, segment.direction);
        let at = at.max(channel.last_arrival).max(now);
        channel.last_arrival = at;
        channel.bare.supersede();
        self.push(at, Due::Deliver(segment));
    }

    fn push(&mut self, at: u64, due: Due) {
        let number = self.next_number;
        self.next_number += 1;
        self.queue.push(Reverse(Queued { at, number, due }));
    }

    fn touch(&mut self, segment: &Segment, touch: Touch, faults: Vec<u32>) {
        self.touched.push(Touched {
            touch,
            flow: segment.flow.number,
            from: segment.from,
            to: segment.to,
            bytes: segment.body.bytes().len() as u64,
            faults,
        });
    }
}

//! Bare acknowledgements.
//!
//! Only engines with packets have them, and no application waits for one. So they must not affect segments that
//! applications wait for: random loss does not apply to them, they start no timeout of their direction, and no segment
//! queues behind them. An overtaken one is discarded. A blocked one is sent again, because the peer would retransmit
//! what it acknowledges, until the peer gives up.

use super::liveness::UNANSWERED;
use super::{Arrival, Due, FIRST_TIMEOUT, LONGEST_TIMEOUT, Net};
use crate::queue::Pace;
use crate::segment::{Direction, FlowId, Segment};

/// The bare acknowledgements of one direction of one flow. Each includes all earlier ones.
#[derive(Debug, Default)]
pub(super) struct Bare {
    /// The last one that was blocked.
    waiting: Option<Segment>,
    since: u64,
    timeout: u64,
    has_timer: bool,
    last_arrival: u64,
}

impl Bare {
    /// A later segment with the same acknowledgement got through.
    pub(super) fn supersede(&mut self) {
        self.waiting = None;
        self.timeout = 0;
    }
}

impl Net {
    pub(super) fn send_bare(&mut self, now: u64, mut segment: Segment) {
        let channel = self.channel(segment.flow, segment.direction);
        segment.order = channel.next_order;
        if channel.blocked.is_empty() {
            return self.judge_bare(now, segment);
        }
        // A waiting one is sent with the content that it would have at that time.
        for blocked in &mut channel.blocked {
            blocked.header.acknowledged = segment.header.acknowledged;
            blocked.header.window = segment.header.window;
        }
    }

    fn judge_bare(&mut self, now: u64, segment: Segment) {
        let is_local = segment.from == segment.to;
        if !is_local && !self.links.get(segment.from, segment.to).held_by.is_empty() {
            return self.block_bare(now, segment);
        }
        if !is_local {
            // Without payload it takes no bandwidth: it only waits for earlier segments.
            let pair = (segment.from, segment.to);
            let pace = self.links.get(pair.0, pair.1).pace();
            if pace == Pace::Stopped || self.queues.contains_key(&pair) {
                return self.push_to_queue(now, pace, segment);
            }
        }
        self.forward_bare(now, segment);
    }

    /// One leaves the queue before its link. A partition may have begun meanwhile.
    pub(super) fn depart_bare(&mut self, now: u64, segment: Segment) {
        if !self.links.get(segment.from, segment.to).held_by.is_empty() {
            return self.block_bare(now, segment);
        }
        self.forward_bare(now, segment);
    }

    fn forward_bare(&mut self, now: u64, segment: Segment) {
        let at = now + self.delay(&segment);
        let channel = self.channel(segment.flow, segment.direction);
        let at = at.max(channel.last_arrival).max(channel.bare.last_arrival);
        channel.bare.last_arrival = at;
        channel.bare.supersede();
        self.push(at, Due::Deliver(segment));
    }

    fn block_bare(&mut self, now: u64, segment: Segment) {
        let (flow, direction) = (segment.flow, segment.direction);
        let bare = &mut self.channel(flow, direction).bare;
        if bare.timeout == 0 {
            bare.timeout = FIRST_TIMEOUT;
            bare.since = now;
        }
        bare.waiting = Some(segment);
        if !bare.has_timer {
            bare.has_timer = true;
            let at = (now + bare.timeout).min(bare.since + UNANSWERED);
            self.push(at, Due::RetryBare(flow, direction));
        }
    }

    pub(super) fn retry_bare(&mut self, now: u64, flow: FlowId, direction: Direction) -> Arrival {
        if !self.knows(flow, direction) {
            return Arrival::Nothing;
        }
        let bare = &mut self.channel(flow, direction).bare;
        bare.has_timer = false;
        let Some(segment) = bare.waiting.take() else {
            return Arrival::Nothing;
        };
        if now - bare.since >= UNANSWERED {
            return Arrival::GiveUp {
                flow,
                direction: direction.opposite(),
                resets: None,
            };
        }
        bare.timeout = (bare.timeout * 2).min(LONGEST_TIMEOUT);
        if !self.is_off(segment.to) {
            self.judge_bare(now, segment);
        }
        Arrival::Nothing
    }

    /// Whether a later segment has arrived.
    pub(super) fn is_overtaken(&mut self, segment: &Segment) -> bool {
        let (flow, direction) = (segment.flow, segment.direction);
        self.knows(flow, direction) && self.channel(flow, direction).arrived > segment.order
    }
}

//! Retransmission of blocked segments, until the sender gives up.

use super::liveness::UNANSWERED;
use super::{Arrival, Due, FIRST_CONNECT_TIMEOUT, FIRST_TIMEOUT, GIVE_UP_AFTER, LONGEST_TIMEOUT, Net};
use crate::observe::Touch;
use crate::segment::{Body, Cause, Direction, FlowId, Segment};

impl Net {
    /// A segment is blocked: it, and all segments after it, wait for a retransmission timeout.
    pub(super) fn block(&mut self, now: u64, segment: Segment, touch: Touch, faults: Vec<u32>) {
        self.touch(&segment, touch, faults);
        if self.is_stale(&segment) {
            return;
        }
        if segment.body == Body::Reset(Cause::Close) {
            // Sent once: the peer gets a reset when it next writes to the dead connection, or probes it.
            return self.expect_probe(now, segment.flow, segment.direction);
        }
        let (flow, direction) = (segment.flow, segment.direction);
        let first = match segment.body {
            Body::Connect { .. } | Body::Accept | Body::Reset(Cause::Connect) => FIRST_CONNECT_TIMEOUT,
            _ => FIRST_TIMEOUT,
        };
        let channel = self.channel(flow, direction);
        if channel.blocked.is_empty() && channel.timeout == 0 {
            channel.timeout = first;
            channel.blocked_since = now;
        }
        channel.wait(segment);
        if !channel.has_timer {
            channel.has_timer = true;
            let gives_up_at = channel.blocked_since + channel.blocked.front().map_or(0, patience);
            let at = (now + channel.timeout).min(gives_up_at);
            self.push(at, Due::Retry(flow, direction));
        }
    }

    /// A retransmission timeout: the first blocked segment tries again, and the others follow it.
    pub(super) fn retry(&mut self, now: u64, flow: FlowId, direction: Direction) -> Arrival {
        if !self.knows(flow, direction) {
            return Arrival::Nothing;
        }
        let channel = self.channel(flow, direction);
        channel.has_timer = false;
        let Some(first) = channel.blocked.front() else {
            return Arrival::Nothing;
        };
        if now - channel.blocked_since >= patience(first) {
            // A reset that is a response is retransmitted by the other side, which repeats its segments without success.
            let waits_for_answer = matches!(
                channel.blocked.drain(..).next(),
                Some(Segment {
                    body: Body::Reset(_),
                    ..
                })
            );
            let gives_up = if waits_for_answer {
                direction.opposite()
            } else {
                direction
            };
            return Arrival::GiveUp {
                flow,
                direction: gives_up,
                resets: None,
            };
        }
        channel.timeout = (channel.timeout * 2).min(LONGEST_TIMEOUT);
        let mut waiting = std::mem::take(&mut channel.blocked);
        if let Some(first) = waiting.pop_front() {
            if self.is_off(first.to) {
                // Not sent, because it could not arrive: the timeouts continue.
                self.block(now, first, Touch::Dropped, Vec::new());
            } else {
                self.judge(now, first);
            }
        }
        let channel = self.channel(flow, direction);
        if !channel.blocked.is_empty() {
            // It is blocked, so the rest keeps waiting behind it.
            channel.blocked.append(&mut waiting);
            return Arrival::Nothing;
        }
        // Progress: the next loss starts with a short timeout again.
        channel.timeout = 0;
        for segment in waiting {
            self.follow(now, segment);
        }
        Arrival::Nothing
    }

    /// Segments behind one that got through follow it, until the link's queue is full.
    pub(super) fn follow(&mut self, now: u64, segment: Segment) {
        let channel = self.channel(segment.flow, segment.direction);
        if channel.blocked.is_empty() {
            self.enter_queue(now, segment);
        } else {
            channel.blocked.push_back(segment);
        }
    }
}

/// How long the sender of a segment keeps trying.
fn patience(segment: &Segment) -> u64 {
    match segment.body {
        Body::Connect { .. } | Body::Accept | Body::Reset(Cause::Connect) => GIVE_UP_AFTER,
        _ => UNANSWERED,
    }
}

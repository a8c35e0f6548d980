//! The queues before links: the segments that wait for bandwidth, and their departures.

use super::{Due, LOOPBACK, Net};
use crate::host::HostId;
use crate::observe::Touch;
use crate::queue::{Pace, Queue};
use crate::segment::{Body, Segment};

impl Net {
    /// Enqueues a segment that was not lost: it leaves after all earlier segments of this link, once its own bytes are
    /// written.
    pub(super) fn enter_queue(&mut self, now: u64, segment: Segment) {
        if segment.from == segment.to {
            return self.schedule(now, now + LOOPBACK, segment);
        }
        let pair = (segment.from, segment.to);
        let link = self.links.get(pair.0, pair.1);
        let pace = link.pace();
        let takes_time = match pace {
            Pace::Unlimited => false,
            Pace::Limited(_) => !segment.body.bytes().is_empty(),
            Pace::Stopped => true,
        };
        let queue = self.queues.get(&pair);
        if queue.is_none() && !takes_time {
            return self.forward(now, segment);
        }
        let narrowed_by: Vec<u32> = link.narrowed_by.into_iter().collect();
        if queue.is_some_and(|(_, queue)| queue.is_full()) {
            return self.block(now, segment, Touch::Lost, narrowed_by);
        }
        if pace == Pace::Stopped {
            let faults = link.stalled_by.clone();
            self.touch(&segment, Touch::Held, faults);
        } else if !narrowed_by.is_empty() {
            self.touch(&segment, Touch::Delayed, narrowed_by);
        }
        self.push_to_queue(now, pace, segment);
    }

    pub(super) fn push_to_queue(&mut self, now: u64, pace: Pace, segment: Segment) {
        let pair = (segment.from, segment.to);
        let (_, queue) = self.queues.entry(pair).or_insert((0, Queue::new(pace)));
        let is_first = queue.is_empty();
        queue.push(now, segment);
        if is_first {
            self.await_departure(pair);
        }
    }

    /// The first segment of a queue leaves, unless its departure was rescheduled.
    pub(super) fn leave_queue(&mut self, now: u64, pair: (HostId, HostId), ticket: u64) {
        let queue = self.queues.get_mut(&pair);
        let Some((_, queue)) = queue.filter(|(current, _)| *current == ticket) else {
            return;
        };
        let segment = queue.pop(now);
        if queue.is_empty() {
            self.queues.remove(&pair);
        } else {
            self.await_departure(pair);
        }
        if let Some(segment) = segment {
            self.depart(now, segment);
        }
    }

    /// A fault began or ended: queues continue at the new rates of their links.
    pub(super) fn set_paces(&mut self, now: u64) {
        let pairs: Vec<_> = self.queues.keys().copied().collect();
        for pair in pairs {
            let pace = self.links.get(pair.0, pair.1).pace();
            if let Some((_, queue)) = self.queues.get_mut(&pair) {
                queue.set_pace(now, pace);
            }
            self.await_departure(pair);
        }
    }

    pub(super) fn await_departure(&mut self, pair: (HostId, HostId)) {
        let number = self.next_number;
        let Some((ticket, queue)) = self.queues.get_mut(&pair) else {
            return;
        };
        // Unique, because every event has its own number.
        *ticket = number;
        match queue.due() {
            Some(at) => self.push(at, Due::Depart(pair.0, pair.1, number)),
            None => self.next_number += 1,
        }
    }

    /// A segment leaves a queue. A partition may have begun meanwhile, or its flow may be gone.
    pub(super) fn depart(&mut self, now: u64, segment: Segment) {
        if self.is_stale(&segment) {
            return;
        }
        if segment.body == Body::Ack {
            return self.depart_bare(now, segment);
        }
        let link = self.links.get(segment.from, segment.to);
        if !link.held_by.is_empty() {
            let faults = link.held_by.clone();
            return self.block(now, segment, Touch::Held, faults);
        }
        let channel = self.channel(segment.flow, segment.direction);
        let first = channel.blocked.front();
        if first.is_some_and(|first| first.order < segment.order) {
            // It left before an earlier segment was blocked by a partition.
            return channel.wait(segment);
        }
        self.forward(now, segment);
    }
}

//! The queue before a link: segments leave it in order, at the link's rate.
//!
//! On a link with a bandwidth, a segment leaves once its payload is written: bytes over rate. On a stopped link none
//! leave. When the rate changes, the segment being written continues at the new rate from the current bit, as do those
//! behind it, so a narrow link has no effect beyond its end. Times are whole nanoseconds; each departure is rounded up.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use crate::segment::Segment;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Payload bandwidth of a link in one direction, for all connections together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(NonZeroU64);

impl Bandwidth {
    /// In bits per second. `None` for zero: for a stopped link see [`crate::Effect::Stall`].
    pub fn bits_per_second(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Bandwidth)
    }

    /// As `u128`, for products with nanoseconds.
    fn rate(self) -> u128 {
        u128::from(self.0.get())
    }

    /// The bytes that cross within a time in nanoseconds, rounded up.
    pub(crate) fn bytes_within(self, nanos: u64) -> u64 {
        let bytes = (self.rate() * u128::from(nanos)).div_ceil(8 * NANOS_PER_SECOND);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Bits per second.
impl From<NonZeroU64> for Bandwidth {
    fn from(bits: NonZeroU64) -> Self {
        Bandwidth(bits)
    }
}

/// The rate at which segments leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Unlimited,
    /// As their bytes are written.
    Limited(Bandwidth),
    /// Not at all.
    Stopped,
}

/// Segments of one ordered pair of hosts that wait to leave.
#[derive(Debug)]
pub(crate) struct Queue {
    pace: Pace,
    waiting: VecDeque<Segment>,
    /// Payload bits of all waiting segments.
    bits: u128,
    /// The unwritten part of the first segment at `since`: bits times 10^9, so that a rate times nanoseconds has the
    /// same unit and nothing is rounded.
    left: u128,
    since: u64,
}

impl Queue {
    pub(crate) fn new(pace: Pace) -> Self {
        Queue {
            pace,
            waiting: VecDeque::new(),
            bits: 0,
            left: 0,
            since: 0,
        }
    }

    /// One second's worth of bytes is waiting: the queue is full. A stopped queue has no limit, as it has no rate; the
    /// windows of connections bound it.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.pace, Pace::Limited(bandwidth) if self.bits >= bandwidth.rate())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn push(&mut self, now: u64, segment: Segment) {
        self.bits += bits(&segment);
        self.waiting.push_back(segment);
        if self.waiting.len() == 1 {
            self.begin(now);
        }
    }

    /// When the first segment leaves if nothing changes. Never before the time of the last change.
    pub(crate) fn due(&self) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        match self.pace {
            Pace::Unlimited => Some(self.since),
            Pace::Limited(bandwidth) => {
                let nanos = u64::try_from(self.left.div_ceil(bandwidth.rate())).unwrap_or(u64::MAX);
                Some(self.since.saturating_add(nanos))
            }
            Pace::Stopped => None,
        }
    }

    /// The first segment leaves at `now`, and the next one starts.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Segment> {
        let segment = self.waiting.pop_front()?;
        self.bits -= bits(&segment);
        self.begin(now);
        Some(segment)
    }

    /// Changes the rate at `now`.
    pub(crate) fn set_pace(&mut self, now: u64, pace: Pace) {
        if let Pace::Limited(bandwidth) = self.pace {
            let written = bandwidth.rate() * u128::from(now - self.since);
            self.left = self.left.saturating_sub(written);
        }
        self.since = now;
        self.pace = pace;
    }

    fn begin(&mut self, now: u64) {
        self.since = now;
        self.left = self.waiting.front().map_or(0, bits) * NANOS_PER_SECOND;
    }
}

/// Headers are not counted: a segment without payload takes no time, but keeps its order.
fn bits(segment: &Segment) -> u128 {
    segment.body.bytes().len() as u128 * 8
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::host::HostId;
    use crate::segment::{Body, Direction, FlowId, Header};

    fn segment(bytes: usize) -> Segment {
        Segment {
            flow: FlowId { slot: 0, number: 0 },
            direction: Direction::ToServer,
            from: HostId(1),
            to: HostId(2),
            header: Header::default(),
            order: 0,
            body: Body::Data(Bytes::from(vec![0; bytes])),
        }
    }

    fn limited(bits: u64) -> Pace {
        Pace::Limited(Bandwidth::bits_per_second(bits).expect("not zero"))
    }

    #[test]
    fn departures_are_bytes_over_rate_rounded_up_to_a_nanosecond() {
        let mut queue = Queue::new(limited(3));
        queue.push(0, segment(1));
        assert_eq!(queue.due(), Some(2_666_666_667));
    }

    #[test]
    fn a_change_of_pace_counts_from_the_bit_that_was_reached() {
        let mut queue = Queue::new(limited(8_000));
        queue.push(0, segment(1_000));
        queue.push(0, segment(500));
        assert_eq!(queue.due(), Some(1_000_000_000));
        queue.set_pace(250_000_000, limited(80_000));
        assert_eq!(queue.due(), Some(325_000_000), "750 bytes at 10,000 a second");
        queue.set_pace(300_000_000, Pace::Stopped);
        assert_eq!(queue.due(), None);
        queue.set_pace(900_000_000, limited(8_000));
        assert_eq!(queue.due(), Some(1_150_000_000), "250 bytes were left");
        assert!(queue.pop(1_150_000_000).is_some());
        assert_eq!(queue.due(), Some(1_650_000_000));
        queue.set_pace(1_200_000_000, Pace::Unlimited);
        assert_eq!(queue.due(), Some(1_200_000_000));
    }

    #[test]
    fn a_queue_is_full_when_a_seconds_worth_of_bytes_waits() {
        let mut queue = Queue::new(limited(8_000));
        queue.push(0, segment(999));
        assert!(!queue.is_full());
        queue.push(0, segment(1));
        assert!(queue.is_full());
        queue.set_pace(0, limited(16_000));
        assert!(!queue.is_full());
        queue.set_pace(0, Pace::Stopped);
        assert!(!queue.is_full());
    }
}

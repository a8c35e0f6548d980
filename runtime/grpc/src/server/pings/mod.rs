//! Detects clients that ping too often. Spec: gRPC proposals A8 and A9.
//!
//! HTTP/2 answers pings by itself, and does not report them. So the frames of a connection are scanned in passing,
//! only on servers with such a policy.

mod frames;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use frames::{Frames, Head};

/// How often a client may ping. At its third violation a client gets `too_many_pings` and is cut off with all of its
/// calls. Headers or data sent to it since reset the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingPolicy {
    /// The minimum interval of pings while calls are in flight.
    pub interval: Duration,
    /// The same while no call is in flight.
    pub without_calls: Duration,
}

impl PingPolicy {
    /// The defaults of gRPC's servers in Go, Java and C: 5 min, and 2 h without calls.
    pub const fn grpc() -> Self {
        PingPolicy::every(Duration::from_secs(5 * 60))
    }

    /// This interval while calls are in flight, and without calls the default of gRPC's servers: 2 h, or this if it
    /// is longer.
    pub const fn every(interval: Duration) -> Self {
        const WITHOUT_CALLS: Duration = Duration::from_secs(2 * 60 * 60);
        PingPolicy {
            interval,
            without_calls: if interval.as_nanos() > WITHOUT_CALLS.as_nanos() {
                interval
            } else {
                WITHOUT_CALLS
            },
        }
    }
}

/// The number of early pings that are tolerated.
const STRIKES: u32 = 2;
/// The text in the GOAWAY: clients look for it.
const TOO_MANY: &[u8] = b"too_many_pings";
const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 11];

/// Watches the pings of one client.
pub(super) struct Pings {
    policy: PingPolicy,
    incoming: Frames,
    outgoing: Frames,
    calls: BTreeSet<u32>,
    last_call: u32,
    last_ping: Option<Instant>,
    strikes: u32,
}

impl Pings {
    pub(super) fn new(policy: PingPolicy) -> Self {
        Pings {
            policy,
            incoming: Frames::behind_preface(),
            outgoing: Frames::default(),
            calls: BTreeSet::new(),
            last_call: 0,
            last_ping: None,
            strikes: 0,
        }
    }

    /// True once the client has pinged too often.
    pub(super) fn are_too_many(&self) -> bool {
        self.strikes > STRIKES
    }

    /// These bytes were received from the client.
    pub(super) fn came(&mut self, mut bytes: &[u8]) {
        while let Some(head) = self.incoming.next(&mut bytes) {
            match head.kind {
                Head::HEADERS if head.stream > self.last_call => {
                    self.last_call = head.stream;
                    self.calls.insert(head.stream);
                }
                Head::RESET => {
                    self.calls.remove(&head.stream);
                }
                Head::PING if !head.is_ack() => self.pinged(Instant::now()),
                _ => {}
            }
        }
    }

    fn pinged(&mut self, now: Instant) {
        let permitted = match self.calls.is_empty() {
            true => self.policy.without_calls,
            false => self.policy.interval,
        };
        if self.last_ping.is_some_and(|last| now - last < permitted) {
            self.strikes += 1;
        }
        self.last_ping = Some(now);
    }

    /// These bytes are sent to the client.
    pub(super) fn went(&mut self, mut bytes: &[u8]) {
        while let Some(head) = self.outgoing.next(&mut bytes) {
            match head.kind {
                Head::HEADERS | Head::DATA => {
                    // The next ping counts from then on, like the first one.
                    self.strikes = 0;
                    self.last_ping = None;
                    if head.ends_stream() {
                        self.calls.remove(&head.stream);
                    }
                }
                Head::RESET => {
                    self.calls.remove(&head.stream);
                }
                _ => {}
            }
        }
    }

    /// The replacement of the GOAWAY at the start of these outgoing bytes: the same GOAWAY with a reason, which the
    /// HTTP/2 library cannot set. Also returns the number of bytes that it replaces.
    pub(super) fn reasoned(&self, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        let goaway = bytes.get(..Head::LENGTH + 8)?;
        let (head, said) = goaway.split_at(Head::LENGTH);
        let head = self.outgoing.begins(head)?;
        if head.kind != Head::GOAWAY || head.length != 8 || said[4..] != ENHANCE_YOUR_CALM {
            return None;
        }
        let mut reasoned = vec![0, 0, u8::try_from(8 + TOO_MANY.len()).unwrap_or(8)];
        reasoned.extend_from_slice(&goaway[3..]);
        reasoned.extend_from_slice(TOO_MANY);
        Some((reasoned, goaway.len()))
    }

    /// The number of outgoing bytes before a GOAWAY.
    pub(super) fn before_goaway(&self, bytes: &[u8]) -> usize {
        let mut outgoing = self.outgoing.clone();
        let mut left = bytes;
        while let Some(head) = outgoing.next(&mut left) {
            if head.kind == Head::GOAWAY {
                return (bytes.len() - left.len()).saturating_sub(Head::LENGTH);
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, stream: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.extend(vec![kind; length.into()]);
        frame
    }

    fn ping() -> Vec<u8> {
        frame(Head::PING, 0, 0, 8)
    }

    /// A client after its preface, with a call in flight if requested.
    fn client(policy: PingPolicy, calls: bool) -> Pings {
        let mut pings = Pings::new(policy);
        pings.came(PREFACE);
        pings.came(&frame(4, 0, 0, 0));
        if calls {
            pings.came(&frame(Head::HEADERS, 4, 1, 20));
        }
        pings
    }

    #[tokio::test(start_paused = true)]
    async fn the_third_ping_that_comes_too_early_is_one_too_many() {
        let policy = PingPolicy::every(Duration::from_secs(60));
        for (every, calls, survives) in [(61, true, 100), (59, true, 3), (61, false, 3), (7201, false, 100)] {
            let mut pings = client(policy, calls);
            let mut survived = 0;
            while survived < 100 {
                tokio::time::advance(Duration::from_secs(every)).await;
                // In two pieces, as they may arrive.
                pings.came(&ping()[..5]);
                pings.came(&ping()[5..]);
                if pings.are_too_many() {
                    break;
                }
                survived += 1;
            }
            assert_eq!(survived, survives, "every {every} s, calls: {calls}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_makes_up_for_all_and_an_ack_is_no_ping() {
        let mut pings = client(PingPolicy::grpc(), true);
        for _ in 0..10 {
            pings.came(&ping());
            pings.came(&ping());
            pings.came(&frame(Head::PING, 1, 0, 8));
            pings.went(&frame(Head::DATA, 0, 1, 100));
        }
        assert!(!pings.are_too_many());
        // The call has ended: from now on two hours apply.
        pings.went(&frame(Head::HEADERS, 5, 1, 10));
        for _ in 0..4 {
            tokio::time::advance(Duration::from_secs(6 * 60)).await;
            pings.came(&ping());
        }
        assert!(pings.are_too_many());
    }

    #[test]
    fn the_goaway_says_why() {
        let mut pings = client(PingPolicy::grpc(), false);
        let mut goaway = frame(Head::GOAWAY, 0, 0, 8);
        goaway[9..].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 11]);
        let before = frame(Head::DATA, 0, 1, 100);
        let both = [before.clone(), goaway.clone()].concat();
        assert_eq!(pings.before_goaway(&both), before.len());
        assert_eq!(pings.reasoned(&both), None);
        pings.went(&before);
        assert_eq!(pings.before_goaway(&goaway), 0);
        let (reasoned, length) = pings.reasoned(&goaway).unwrap();
        assert_eq!(length, 17);
        assert_eq!(reasoned[2], 22);
        assert!(reasoned.ends_with(b"\0\0\0\x01\0\0\0\x0btoo_many_pings"));
        // Any other GOAWAY is left unchanged.
        goaway[16] = 0;
        assert_eq!(pings.reasoned(&goaway), None);
    }
}

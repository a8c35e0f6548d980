//! Clients that ping too often, and what becomes of them. Spec: gRPC proposals A8 and A9.
//!
//! HTTP/2 answers pings by itself, and does not tell of them. So the frames of a connection are looked through as they
//! pass, where a server has such a policy, and only there.

mod frames;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use frames::{Frames, Head};

/// How often a client may ping. One that does so more often is told `too_many_pings`, and cut off with all of its calls
/// at the third time. What it has been sent since, headers or data, makes up for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingPolicy {
    /// The shortest time between two pings while calls are in flight.
    pub interval: Duration,
    /// The same while none are.
    pub without_calls: Duration,
}

impl PingPolicy {
    /// What gRPC's servers in Go, Java and C do when they are not told otherwise: 5 min, and 2 h without calls.
    pub const fn grpc() -> Self {
        PingPolicy::every(Duration::from_secs(5 * 60))
    }

    /// So often while calls are in flight, and without calls as gRPC's servers have it: 2 h, or longer if this is.
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

/// So many pings that come too early are let pass.
const STRIKES: u32 = 2;
/// What is said in the GOAWAY: clients look for it.
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

    /// These bytes have come from the client.
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

    /// These bytes go to the client.
    pub(super) fn went(&mut self, mut bytes: &[u8]) {
        while let Some(head) = self.outgoing.next(&mut bytes) {
            match head.kind {
                Head::HEADERS | Head::DATA => {
                    // The next one counts from then on: it is as the first.
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

    /// What is to be written instead of the GOAWAY that these bytes, which are about to go, begin with: the same one
    /// with a reason, which HTTP/2 here cannot say. And how many bytes it stands for.
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

    /// How many of these bytes, which are about to go, come before a GOAWAY.
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

    /// A client that has said hello, with a call in flight if it says so.
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
                // In two pieces, as they may come.
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
        // The call has ended: from now on two hours count.
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
        // Another one is left as it is.
        goaway[16] = 0;
        assert_eq!(pings.reasoned(&goaway), None);
    }
}

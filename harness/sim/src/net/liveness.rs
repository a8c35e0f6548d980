//! How a kernel detects a dead peer, with the socket options of `TokioPlatform`: TCP keepalive and TCP_USER_TIMEOUT (see
//! `squall_platform::KEEPALIVE_IDLE` and its neighbours).
//!
//! An open connection whose peer's kernel is unreachable, because its machine is off or segments are blocked in either
//! direction, ends with `TimedOut`:
//!
//! | state | when |
//! |---|---|
//! | idle: probes after 5 s, then each second | 10 s after the last segment of the peer; it also sends a reset |
//! | waiting for an acknowledgement | 10 s after the first retransmission, which is 200 ms after the bytes were sent |
//!
//! A peer whose machine has rebooted answers the next probe with a reset. A paused process has a kernel that answers.
//!
//! While nothing is cut, probes are not events: the time of the last answer is computed only when a cut occurs. So an
//! idle connection costs nothing. Loss below 100 % does not affect probes.

use std::time::Duration;

use squall_platform::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, USER_TIMEOUT};

use super::{Arrival, Due, FIRST_TIMEOUT, Net};
use crate::host::HostId;
use crate::segment::{Body, Direction, FlowId};

const IDLE: u64 = nanos(KEEPALIVE_IDLE);
const INTERVAL: u64 = nanos(KEEPALIVE_INTERVAL);
const SILENCE: u64 = nanos(USER_TIMEOUT);
/// The maximum time that bytes may stay unacknowledged.
pub(super) const UNANSWERED: u64 = FIRST_TIMEOUT + SILENCE;

const fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

/// The liveness state of one direction of an open connection.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The sending and the receiving host, while the connection is open.
    ends: Option<(HostId, HostId)>,
    /// The two kernels cannot reach each other, in at least one direction.
    is_cut: bool,
    /// When the receiver last got a segment from the sender.
    heard_at: u64,
    /// When the sender last sent bytes.
    sent_at: Option<u64>,
    /// When the sender sent bytes that are not acknowledged yet. Not maintained while nothing is cut.
    unanswered_since: Option<u64>,
    /// The number of the receiver's pending check; earlier ones are void.
    ticket: u64,
}

impl Net {
    /// A connection is open at both ends.
    pub(super) fn established(&mut self, now: u64, flow: FlowId, client: HostId, server: HostId) {
        for (direction, ends) in [
            (Direction::ToServer, (client, server)),
            (Direction::ToClient, (server, client)),
        ] {
            // The server learns of it one latency later, and would not notice a cut before.
            let later = match direction {
                Direction::ToServer => self.links.round_trip(client, server) / 2,
                Direction::ToClient => 0,
            };
            let life = &mut self.channel(flow, direction).life;
            life.ends = Some(ends);
            life.heard_at = now + later;
        }
        if self.may_be_cut() {
            self.look_at(now, flow);
        }
    }

    /// Both ends have finished a connection.
    pub(crate) fn closed(&mut self, flow: FlowId) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            if self.knows(flow, direction) {
                self.channel(flow, direction).life.ends = None;
            }
        }
    }

    /// A host sends bytes, which need an acknowledgement.
    pub(super) fn note_sent(&mut self, now: u64, flow: FlowId, direction: Direction) {
        let life = &mut self.channel(flow, direction).life;
        life.sent_at = Some(now);
        if life.is_cut && life.unanswered_since.is_none() {
            life.unanswered_since = Some(now);
            self.check_at(now + UNANSWERED, flow, direction.opposite());
        }
    }

    /// A segment arrives, and acknowledges what has arrived at its sender.
    pub(super) fn note_heard(&mut self, now: u64, flow: FlowId, direction: Direction) {
        let life = &mut self.channel(flow, direction).life;
        life.heard_at = now;
        if !life.is_cut && self.knows(flow, direction.opposite()) {
            let back = self.channel(flow, direction.opposite());
            if back.life.unanswered_since.is_some() && back.blocked.is_empty() {
                back.life.unanswered_since = None;
            }
        }
    }

    /// Links or machines have changed: recomputes which connections are cut.
    pub(super) fn look_at_all(&mut self, now: u64) {
        for slot in 0..self.channels.len() {
            let [there, back] = &self.channels[slot];
            if let Some(number) = there.flow.filter(|_| there.flow == back.flow) {
                let slot = slot as u32;
                self.look_at(now, FlowId { slot, number });
            }
        }
    }

    /// Whether any may be cut, without checking links.
    fn may_be_cut(&self) -> bool {
        self.links.has_effects() || self.off.contains(&true)
    }

    fn look_at(&mut self, now: u64, flow: FlowId) {
        let life = &self.channel(flow, Direction::ToServer).life;
        let Some((client, server)) = life.ends.filter(|(client, server)| client != server) else {
            return;
        };
        let was_cut = life.is_cut;
        let to_server = self.is_cut(client, server);
        let to_client = self.is_cut(server, client);
        let is_cut = to_server || to_client;
        if is_cut == was_cut {
            return;
        }
        for at in [Direction::ToServer, Direction::ToClient] {
            self.channel(flow, at).life.is_cut = is_cut;
            if is_cut {
                let hears = match at {
                    Direction::ToServer => !to_server,
                    Direction::ToClient => !to_client,
                };
                self.begin_silence(now, flow, at, hears);
            } else {
                self.end_silence(now, flow, at);
            }
        }
    }

    /// Whether no segment gets from one kernel to the other.
    fn is_cut(&mut self, from: HostId, to: HostId) -> bool {
        self.is_off(from) || self.is_off(to) || self.links.get(from, to).is_cut()
    }

    /// The end that receives `at` gets no answers from `now` on; `hears` if segments sent to it before still arrive.
    fn begin_silence(&mut self, now: u64, flow: FlowId, at: Direction, hears: bool) {
        let Some((peer, host)) = self.channel(flow, at).life.ends else {
            return;
        };
        let round_trip = self.links.round_trip(host, peer);
        let out = self.channel(flow, at.opposite());
        let answered_at = out.life.sent_at.map(|sent| sent + round_trip);
        let in_flight = answered_at.is_some_and(|at| at > now) && !hears;
        let unanswered = match (out.blocked.is_empty(), in_flight) {
            (false, _) => Some(out.blocked_since),
            (true, true) => out.life.sent_at,
            (true, false) => None,
        };
        out.life.unanswered_since = unanswered;
        let life = &mut self.channel(flow, at).life;
        if !in_flight {
            life.heard_at = life.heard_at.max(answered_at.unwrap_or(0));
        }
        life.heard_at = last_answer(now, life.heard_at, round_trip);
        let due = unanswered.map_or(life.heard_at + SILENCE, |since| since + UNANSWERED);
        self.check_at(due, flow, at);
    }

    /// The end that receives `at` can get answers again, to its next retransmission or probe.
    fn end_silence(&mut self, now: u64, flow: FlowId, at: Direction) {
        let unanswered = self.channel(flow, at.opposite()).life.unanswered_since;
        let life = &self.channel(flow, at).life;
        let due = match unanswered {
            Some(since) => next_retransmission(now, since).min(since + UNANSWERED),
            None => next_probe(now, life.heard_at).min(life.heard_at + SILENCE),
        };
        self.check_at(due, flow, at);
    }

    /// The other kernel has lost the connection, unknown to the end that receives `at`: its next probe is answered with a
    /// reset.
    pub(crate) fn expect_probe(&mut self, now: u64, flow: FlowId, at: Direction) {
        if !self.knows(flow, at) {
            return;
        }
        let life = &self.channel(flow, at).life;
        let Some((peer, host)) = life.ends.filter(|_| !life.is_cut) else {
            return;
        };
        let round_trip = self.links.round_trip(host, peer);
        let life = &mut self.channel(flow, at).life;
        life.heard_at = last_answer(now, life.heard_at, round_trip);
        let due = next_probe(now, life.heard_at);
        self.check_at(due, flow, at);
    }

    fn check_at(&mut self, due: u64, flow: FlowId, at: Direction) {
        // Unique, because every event has its own number.
        let ticket = self.next_number;
        self.channel(flow, at).life.ticket = ticket;
        self.push(due, Due::Check(flow, at, ticket));
    }

    /// The kernel at the end that receives `at` checks how long its peer has been silent.
    pub(super) fn check(&mut self, now: u64, flow: FlowId, at: Direction, ticket: u64) -> Arrival {
        let is_known = self.knows(flow, at) && self.knows(flow, at.opposite());
        if !is_known || self.channel(flow, at).life.ticket != ticket {
            return Arrival::Nothing;
        }
        let out = self.channel(flow, at.opposite());
        let unanswered = out.life.unanswered_since;
        let is_blocked = !out.blocked.is_empty();
        let life = &self.channel(flow, at).life;
        let (Some((peer, host)), is_cut) = (life.ends, life.is_cut) else {
            return Arrival::Nothing;
        };
        let due = unanswered.map_or(life.heard_at + SILENCE, |since| since + UNANSWERED);
        if now >= due {
            let out = self.channel(flow, at.opposite());
            out.blocked.clear();
            out.bare.supersede();
            return Arrival::GiveUp {
                flow,
                direction: at.opposite(),
                resets: unanswered.is_none().then_some((host, peer)),
            };
        }
        if is_cut {
            self.check_at(due, flow, at);
        } else {
            // Blocked segments have their own timer.
            self.channel(flow, at.opposite()).life.unanswered_since = None;
            if !is_blocked {
                let answered = now + self.links.round_trip(host, peer);
                self.push(answered, Due::Answer(flow, at));
            }
        }
        Arrival::Nothing
    }

    /// The other kernel answers a probe or a retransmission.
    pub(super) fn answer(&mut self, now: u64, flow: FlowId, at: Direction) -> Arrival {
        if !self.knows(flow, at) || self.channel(flow, at).life.is_cut {
            return Arrival::Nothing;
        }
        self.channel(flow, at).life.heard_at = now;
        Arrival::Answer(flow, at)
    }
}

/// Whether a kernel waits for the acknowledgement of such a segment.
pub(super) fn calls_for_an_answer(body: &Body) -> bool {
    matches!(body, Body::Data(_) | Body::Fin)
}

/// When the last probe was answered on a connection that was silent from `heard` to `now`, with a probe 5 s after each
/// answer.
fn last_answer(now: u64, heard: u64, round_trip: u64) -> u64 {
    let every = IDLE + round_trip;
    heard + now.saturating_sub(heard) / every * every
}

/// The next probe of a kernel whose last received segment was at `heard`.
fn next_probe(now: u64, heard: u64) -> u64 {
    let first = heard + IDLE;
    first + now.saturating_sub(first).div_ceil(INTERVAL) * INTERVAL
}

/// The next retransmission of a kernel that has waited for an acknowledgement since `since`.
fn next_retransmission(now: u64, since: u64) -> u64 {
    let mut timeout = FIRST_TIMEOUT;
    let mut at = since + timeout;
    while at <= now {
        timeout *= 2;
        at += timeout;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;

    #[test]
    fn probes_that_were_answered_are_five_seconds_and_a_round_trip_apart() {
        for (now, last) in [
            (4_000, 0),
            (5_009, 0),
            (5_010, 5_010),
            (10_019, 5_010),
            (10_020, 10_020),
        ] {
            assert_eq!(last_answer(now * MS, 0, 10 * MS), last * MS, "at {now} ms");
        }
        assert_eq!(
            last_answer(3 * S, 4 * S, 0),
            4 * S,
            "an answer is still on its way"
        );
    }

    #[test]
    fn probes_that_are_not_answered_are_a_second_apart() {
        for (now, next) in [(0, 5_000), (4_999, 5_000), (5_001, 6_000), (8_999, 9_000)] {
            assert_eq!(next_probe(now * MS, 0), next * MS, "at {now} ms");
        }
    }

    #[test]
    fn retransmissions_double() {
        for (now, next) in [(0, 200), (200, 600), (1_000, 1_400), (6_300, 12_600)] {
            assert_eq!(next_retransmission(now * MS, 0), next * MS, "at {now} ms");
        }
    }
}

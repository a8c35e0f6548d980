//! The state machine of one connection. Spec: provider 2.7.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::manager::after;

/// The state of a connection.
///
/// ```text
///              control plane opened            heartbeat
///   Registered --------------------> Active <-----------+
///       |                             |  |  +-----------+
///       |    drain requested, DrainAck|  |
///       |                             v  |
///       |                      Draining  |
///       | no control plane            |  | no heartbeat
///       | in time       past the drain|  | in time
///       |                     deadline|  |
///       v                             v  v
///   Disconnected <----------------- from all of them: stream ended or failed, deregistered, shutdown
/// ```
///
/// A disconnected connection is removed from the table in the same step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes calls, and must open its control plane.
    Registered { since: Instant },
    /// It takes calls, and must send heartbeats.
    Active { last_heartbeat: Instant },
    /// It takes no more calls. Heartbeats are not required.
    Draining { since: Instant, until: Instant },
    /// It has left.
    Disconnected,
}

/// The events of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The first message was received on its control plane.
    Opened,
    /// A heartbeat was received.
    Heartbeat,
    /// An operator asks it to finish by then.
    DrainRequested { until: Instant },
    /// The provider announces that it drains, with or without a request; it has until then.
    DrainAcked { until: Instant },
    /// Timeouts are checked; those that expired no longer than `spare` ago are ignored.
    Checked { spare: Duration },
    /// It leaves, or is deregistered.
    Left(Cause),
}

/// Why a connection has entered a state. The texts are those of the event `provider.state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Opened,
    DrainRequested,
    DrainAcked,
    HeartbeatTimeout,
    ControlPlaneTimeout,
    DrainDeadline,
    StreamEnded,
    StreamFailed(Box<str>),
    Deregistered,
    Shutdown,
}

/// The time limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timers {
    pub(crate) control_plane: Duration,
    pub(crate) heartbeat: Duration,
}

impl Phase {
    /// The only place where a connection changes. Returns the reason when it has entered another state; events that
    /// have no meaning in a state have no effect.
    pub(crate) fn on(&mut self, event: Event, now: Instant, timers: &Timers) -> Option<Cause> {
        let (next, cause) = match (*self, event) {
            (Phase::Disconnected, _) => return None,
            (_, Event::Left(cause)) => (Phase::Disconnected, cause),

            (Phase::Registered { .. }, Event::Opened) => {
                (Phase::Active { last_heartbeat: now }, Cause::Opened)
            }
            (Phase::Registered { since }, Event::Checked { spare })
                if now - since > timers.control_plane.saturating_add(spare) =>
            {
                (Phase::Disconnected, Cause::ControlPlaneTimeout)
            }

            (Phase::Active { .. }, Event::Heartbeat) => {
                *self = Phase::Active { last_heartbeat: now };
                return None;
            }
            (Phase::Active { .. }, Event::DrainRequested { until }) => {
                (Phase::Draining { since: now, until }, Cause::DrainRequested)
            }
            (Phase::Active { .. }, Event::DrainAcked { until }) => {
                (Phase::Draining { since: now, until }, Cause::DrainAcked)
            }
            (Phase::Active { last_heartbeat }, Event::Checked { spare })
                if now - last_heartbeat > timers.heartbeat.saturating_add(spare) =>
            {
                (Phase::Disconnected, Cause::HeartbeatTimeout)
            }

            (Phase::Draining { until, .. }, Event::Checked { spare }) if now >= after(until, spare) => {
                (Phase::Disconnected, Cause::DrainDeadline)
            }

            (Phase::Registered { .. } | Phase::Active { .. } | Phase::Draining { .. }, _) => return None,
        };
        *self = next;
        Some(cause)
    }

    /// The manager stood still for that long, and received nothing: all deadlines move by it. A period that began
    /// meanwhile, or later, is moved to now at most.
    pub(crate) fn postpone(&mut self, time: Duration, now: Instant) {
        match self {
            Phase::Registered { since: from } | Phase::Active { last_heartbeat: from } => {
                *from = after(*from, time).min(now);
            }
            Phase::Draining { since, until } => {
                let counted = time.min(now.saturating_duration_since(*since));
                *until = after(*until, counted);
            }
            Phase::Disconnected => {}
        }
    }

    /// Whether it takes new calls.
    pub(crate) fn takes_calls(&self) -> bool {
        matches!(self, Phase::Registered { .. } | Phase::Active { .. })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Opened => "control plane opened",
            Cause::DrainRequested => "drain requested",
            Cause::DrainAcked => "DrainAck",
            Cause::HeartbeatTimeout => "heartbeat timeout",
            Cause::ControlPlaneTimeout => "control plane timeout",
            Cause::DrainDeadline => "drain deadline",
            Cause::StreamEnded => "stream ended",
            Cause::StreamFailed(why) => return write!(f, "stream failed: {why}"),
            Cause::Deregistered => "deregistered",
            Cause::Shutdown => "shutdown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: Timers = Timers {
        control_plane: Duration::from_secs(30),
        heartbeat: Duration::from_secs(15),
    };

    /// Seconds after the beginning of the test.
    fn at(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn a_control_plane_makes_it_active_once() {
        let begin = Instant::now();
        let mut phase = Phase::Registered { since: begin };
        assert_eq!(
            phase.on(Event::Opened, at(begin, 3), &TIMERS),
            Some(Cause::Opened)
        );
        let active = Phase::Active {
            last_heartbeat: at(begin, 3),
        };
        assert_eq!(phase, active);
        assert_eq!(phase.on(Event::Opened, at(begin, 4), &TIMERS), None);
        assert_eq!(phase, active);
    }

    #[test]
    fn heartbeats_count_only_while_it_is_active() {
        let begin = Instant::now();
        let until = at(begin, 30);
        for unmoved in [
            Phase::Registered { since: begin },
            Phase::Draining { since: begin, until },
            Phase::Disconnected,
        ] {
            let mut phase = unmoved;
            assert_eq!(phase.on(Event::Heartbeat, at(begin, 5), &TIMERS), None);
            assert_eq!(phase, unmoved);
        }
        let mut phase = Phase::Active {
            last_heartbeat: begin,
        };
        assert_eq!(phase.on(Event::Heartbeat, at(begin, 5), &TIMERS), None);
        assert_eq!(
            phase,
            Phase::Active {
                last_heartbeat: at(begin, 5)
            }
        );
    }

    #[test]
    fn timeouts_are_over_only_after_they_have_passed() {
        let begin = Instant::now();
        let cases = [
            (Phase::Registered { since: begin }, 30, Cause::ControlPlaneTimeout),
            (
                Phase::Active {
                    last_heartbeat: begin,
                },
                15,
                Cause::HeartbeatTimeout,
            ),
        ];
        for (phase, seconds, cause) in cases {
            let (mut early, mut late) = (phase, phase);
            assert_eq!(
                early.on(
                    Event::Checked {
                        spare: Duration::ZERO
                    },
                    at(begin, seconds),
                    &TIMERS
                ),
                None
            );
            assert_eq!(early, phase);
            let after = at(begin, seconds) + Duration::from_nanos(1);
            assert_eq!(
                late.on(
                    Event::Checked {
                        spare: Duration::ZERO
                    },
                    after,
                    &TIMERS
                ),
                Some(cause)
            );
            assert_eq!(late, Phase::Disconnected);
        }
    }

    #[test]
    fn a_draining_one_lives_until_its_deadline_without_heartbeats() {
        let begin = Instant::now();
        let until = at(begin, 100);
        let mut phase = Phase::Draining { since: begin, until };
        assert_eq!(
            phase.on(
                Event::Checked {
                    spare: Duration::ZERO
                },
                at(begin, 99),
                &TIMERS
            ),
            None
        );
        assert_eq!(
            phase.on(
                Event::Checked {
                    spare: Duration::ZERO
                },
                until,
                &TIMERS
            ),
            Some(Cause::DrainDeadline)
        );
    }

    #[test]
    fn a_standstill_moves_every_deadline_and_nothing_into_the_future() {
        let begin = Instant::now();
        let (still, now) = (Duration::from_secs(20), at(begin, 30));
        let mut phases = [
            Phase::Registered { since: begin },
            Phase::Active {
                last_heartbeat: at(begin, 5),
            },
            // Received after the timeout was over.
            Phase::Active { last_heartbeat: now },
            Phase::Draining {
                since: begin,
                until: at(begin, 25),
            },
            Phase::Draining {
                since: at(begin, 28),
                until: at(begin, 60),
            },
        ];
        for phase in &mut phases {
            phase.postpone(still, now);
        }
        let expected = [
            Phase::Registered { since: at(begin, 20) },
            Phase::Active {
                last_heartbeat: at(begin, 25),
            },
            Phase::Active { last_heartbeat: now },
            Phase::Draining {
                since: begin,
                until: at(begin, 45),
            },
            Phase::Draining {
                since: at(begin, 28),
                until: at(begin, 62),
            },
        ];
        assert_eq!(phases, expected);
    }

    #[test]
    fn a_late_check_lets_those_be_whose_time_is_hardly_over() {
        let begin = Instant::now();
        let spare = Duration::from_secs(1);
        for (seconds, cause) in [(16, None), (17, Some(Cause::HeartbeatTimeout))] {
            let mut phase = Phase::Active {
                last_heartbeat: begin,
            };
            assert_eq!(
                phase.on(Event::Checked { spare }, at(begin, seconds), &TIMERS),
                cause
            );
        }
    }

    #[test]
    fn only_an_active_one_can_be_drained() {
        let begin = Instant::now();
        let until = at(begin, 30);
        for event in [Event::DrainRequested { until }, Event::DrainAcked { until }] {
            for unmoved in [
                Phase::Registered { since: begin },
                Phase::Draining {
                    since: begin,
                    until: at(begin, 7),
                },
                Phase::Disconnected,
            ] {
                let mut phase = unmoved;
                assert_eq!(phase.on(event.clone(), begin, &TIMERS), None);
                assert_eq!(phase, unmoved);
            }
            let mut phase = Phase::Active {
                last_heartbeat: begin,
            };
            assert!(phase.on(event, begin, &TIMERS).is_some());
            assert_eq!(phase, Phase::Draining { since: begin, until });
            assert!(!phase.takes_calls());
        }
    }

    #[test]
    fn it_can_leave_from_every_state_once() {
        let begin = Instant::now();
        for phase in [
            Phase::Registered { since: begin },
            Phase::Active {
                last_heartbeat: begin,
            },
            Phase::Draining {
                since: begin,
                until: begin,
            },
        ] {
            let mut phase = phase;
            let left = Event::Left(Cause::StreamEnded);
            assert_eq!(phase.on(left.clone(), begin, &TIMERS), Some(Cause::StreamEnded));
            assert_eq!(phase, Phase::Disconnected);
            assert_eq!(phase.on(left, begin, &TIMERS), None);
        }
    }
}

//! The rules for pinging and giving up, without clock or connection.

use std::time::Duration;

use tokio::time::Instant;

use super::Keepalive;

/// The number of checks per interval of a connection with calls. Times of reads are known only to this precision:
/// reading a clock with each read would cost more.
const LOOKS: u32 = 4;

/// A ping without a response for this long is a bad sign, but not yet the end.
const PROMPT: Duration = Duration::from_secs(3);

/// Watches one connection.
///
/// ```text
///             a call waits                 silent for the interval, and permitted
///   Asleep ----------------> Listening --------------------------------------------> Pinged
///     ^                       |     ^                                                |    |
///     +-----------------------+     +------------------------------------------------+    | nothing came
///      none waits any more                         anything came                          v  in time
///                                                                                        dead
/// ```
#[derive(Debug)]
pub(crate) struct Watch {
    rules: Keepalive,
    state: State,
    /// The number of reads at the last check.
    reads: u64,
    last_ping: Option<Instant>,
    /// Headers or data came since the last ping: the peer's ping counter is reset.
    answered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asleep,
    /// As far as known, nothing came since then.
    Listening {
        since: Instant,
    },
    Pinged {
        at: Instant,
        since: Instant,
    },
}

/// The observed state of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The number of reads so far.
    pub(crate) reads: u64,
    /// Headers or data came since the last check.
    pub(crate) answered: bool,
    /// Calls wait for their responses.
    pub(crate) waiting: bool,
    /// Several calls got no response: ping at once, if that is permitted.
    pub(crate) suspect: bool,
}

/// The next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Check again when a call begins.
    Sleep,
    /// Check again at this instant.
    Wait(Instant),
    /// Send a ping, and check again at this instant.
    Ping(Instant),
    /// The ping has had no response for longer than usual. Check again at this instant.
    Suspect(Instant),
    /// The peer is gone.
    Dead {
        /// How long nothing came.
        silent: Duration,
        /// How long ago the ping was sent.
        pinged: Duration,
    },
}

impl Watch {
    pub(crate) fn new(rules: Keepalive) -> Self {
        Watch {
            rules,
            state: State::Asleep,
            reads: 0,
            last_ping: None,
            answered: false,
        }
    }

    /// True when pings are also sent without calls.
    pub(crate) fn is_sleepless(&self) -> bool {
        self.rules.while_idle
    }

    /// True when the next check is at the start of a call.
    pub(crate) fn is_asleep(&self) -> bool {
        self.state == State::Asleep
    }

    /// True when any read answers the question.
    pub(crate) fn is_pinged(&self) -> bool {
        matches!(self.state, State::Pinged { .. })
    }

    /// Checks the connection.
    pub(crate) fn look(&mut self, now: Instant, seen: Seen) -> Step {
        let came = seen.reads != self.reads;
        self.reads = seen.reads;
        self.answered |= seen.answered;
        let watching = seen.waiting || self.rules.while_idle || (seen.suspect && !came);
        let since = match self.state {
            State::Pinged { at, since } if !came => {
                let dead_at = at + self.rules.timeout;
                return match now - at {
                    pinged if now >= dead_at => Step::Dead {
                        silent: now - since,
                        pinged,
                    },
                    pinged if pinged >= PROMPT => Step::Suspect(dead_at),
                    _ => Step::Wait(dead_at.min(at + PROMPT)),
                };
            }
            _ if !watching => {
                self.state = State::Asleep;
                return Step::Sleep;
            }
            State::Listening { since } if !came => since,
            _ => now,
        };
        if now - since >= self.rules.interval || (seen.suspect && !came) {
            if let Some(not_before) = self.not_before().filter(|it| now < *it) {
                self.state = State::Listening { since };
                // Not exactly then, because something may arrive until then.
                return Step::Wait(not_before.min(now + self.rules.interval));
            }
            self.state = State::Pinged { at: now, since };
            self.last_ping = Some(now);
            self.answered = false;
            return Step::Ping(now + self.rules.timeout.min(PROMPT));
        }
        self.state = State::Listening { since };
        let silent_until = since + self.rules.interval;
        if !seen.waiting {
            return Step::Wait(silent_until);
        }
        // Timers have millisecond resolution: one of zero would never elapse.
        let step = (self.rules.interval / LOOKS).max(Duration::from_millis(1));
        Step::Wait(silent_until.min(now + step))
    }

    /// Before this instant the peer would punish another ping.
    fn not_before(&self) -> Option<Instant> {
        let last = self.last_ping.filter(|_| !self.answered)?;
        // Practically never, if the sum overflows.
        Some(last.checked_add(self.rules.permitted).unwrap_or(last + FAR))
    }
}

/// Longer than any connection lasts.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A connection with events at given seconds, checked when the watch asks for it.
    #[derive(Debug, Clone)]
    struct Story {
        rules: Keepalive,
        /// When something arrives, and whether that is headers or data.
        comes: Vec<(u64, bool)>,
        /// The period in which a call waits.
        waits: std::ops::Range<u64>,
        /// Several calls got no response before.
        suspect: bool,
    }

    #[derive(Debug, Default, PartialEq)]
    struct Told {
        pings: Vec<Duration>,
        suspect: Option<Duration>,
        dead: Option<Duration>,
    }

    impl Story {
        fn tell(&self, until: u64) -> Told {
            let start = Instant::now();
            let mut watch = Watch::new(self.rules);
            let mut told = Told::default();
            let mut last = None;
            let mut now = start;
            while now - start < Duration::from_secs(until) {
                let second = |at: Instant| (at - start).as_secs_f64();
                let so_far = self.comes.iter().filter(|(at, _)| *at as f64 <= second(now));
                let seen = Seen {
                    reads: so_far.clone().count() as u64,
                    answered: so_far
                        .clone()
                        .any(|(at, data)| *data && last.is_none_or(|last| *at as f64 > second(last))),
                    waiting: (self.waits.start as f64..self.waits.end as f64).contains(&second(now)),
                    suspect: self.suspect,
                };
                last = Some(now);
                let next = match watch.look(now, seen) {
                    Step::Sleep => {
                        // A call triggers a check.
                        let wakes = start + Duration::from_secs(self.waits.start);
                        if wakes <= now {
                            break;
                        }
                        wakes
                    }
                    Step::Wait(until) => until,
                    Step::Suspect(until) => {
                        told.suspect.get_or_insert(now - start);
                        until
                    }
                    Step::Ping(until) => {
                        told.pings.push(now - start);
                        until
                    }
                    Step::Dead { .. } => {
                        told.dead = Some(now - start);
                        break;
                    }
                };
                assert!(next > now, "time passes");
                now = next;
            }
            told
        }
    }

    fn seconds(all: &[u64]) -> Vec<Duration> {
        all.iter().map(|it| Duration::from_secs(*it)).collect()
    }

    #[test]
    fn without_calls_no_client_pings() {
        let story = Story {
            rules: Keepalive::client(),
            comes: vec![],
            waits: 0..0,
            suspect: false,
        };
        assert_eq!(story.tell(100_000), Told::default());
    }

    #[test]
    fn a_call_that_waits_is_asked_after_once_and_then_every_five_minutes() {
        let story = Story {
            rules: Keepalive::client(),
            // The responses to the pings.
            comes: vec![(11, false), (311, false), (611, false)],
            waits: 0..900,
            suspect: false,
        };
        assert_eq!(story.tell(900).pings, seconds(&[10, 310, 610]));
    }

    #[test]
    fn a_silent_peer_is_given_up_after_interval_and_timeout() {
        let story = Story {
            rules: Keepalive::client(),
            comes: vec![],
            waits: 5..900,
            suspect: false,
        };
        let told = story.tell(900);
        assert_eq!(told.pings, seconds(&[15]));
        assert_eq!(told.suspect, Some(18 * SECOND));
        assert_eq!(told.dead, Some(35 * SECOND));
    }

    #[test]
    fn one_that_is_suspect_is_pinged_at_once_and_watched_without_calls() {
        let story = Story {
            rules: Keepalive::client(),
            comes: vec![],
            waits: 0..1,
            suspect: true,
        };
        let told = story.tell(900);
        assert_eq!(told.pings, seconds(&[0]));
        assert_eq!(told.dead, Some(20 * SECOND));
    }

    #[test]
    fn modules_of_tinysystems_ping_while_idle() {
        let story = Story {
            rules: Keepalive::tiny_systems(),
            comes: vec![(11, false)],
            waits: 0..0,
            suspect: false,
        };
        let told = story.tell(100);
        assert_eq!(told.pings, seconds(&[10, 23]));
        assert_eq!(told.dead, Some(26 * SECOND));
    }

    #[test]
    fn data_that_flow_need_no_ping_and_a_ping_behind_them_kills_nothing() {
        let story = Story {
            rules: Keepalive {
                while_idle: false,
                ..Keepalive::tiny_systems()
            },
            // Something arrives every 9 s, then after 12 s: the ping at about 63 s has no response of its own by
            // then.
            comes: (1..7).map(|it| (it * 9, true)).chain([(66, true)]).collect(),
            waits: 0..70,
            suspect: false,
        };
        let told = story.tell(70);
        assert_eq!(told.pings.len(), 1, "{told:?}");
        assert_eq!(told.dead, None);
    }

    proptest! {
        #[test]
        fn no_server_is_annoyed_and_only_silence_kills(
            interval in 1..20_u64,
            timeout in 1..20_u64,
            permitted in 0..100_u64,
            while_idle in any::<bool>(),
            comes in proptest::collection::btree_map(0..400_u64, any::<bool>(), 0..30),
            waits in (0..200_u64).prop_flat_map(|from| (Just(from), from..400)),
        ) {
            let rules = Keepalive {
                interval: Duration::from_secs(interval),
                timeout: Duration::from_secs(timeout),
                permitted: Duration::from_secs(permitted),
                while_idle,
            };
            let comes: Vec<_> = comes.into_iter().collect();
            let told = Story { rules, comes: comes.clone(), waits: waits.0..waits.1, suspect: false }.tell(400);
            let came_within = |from: Duration, to: Duration, only_data: bool| comes.iter().any(|(at, data)| {
                let at = Duration::from_secs(*at);
                from < at && at <= to && (*data || !only_data)
            });
            for ping in &told.pings {
                prop_assert!(
                    while_idle || (waits.0..=waits.1).contains(&ping.as_secs()),
                    "no pings without calls"
                );
                let silence = rules.interval * 3 / 4;
                prop_assert!(
                    !came_within(ping.saturating_sub(silence), *ping, false) || *ping < silence,
                    "none while something comes: {told:?}"
                );
            }
            for pair in told.pings.windows(2) {
                prop_assert!(
                    pair[1] - pair[0] >= rules.permitted || came_within(pair[0], pair[1], true),
                    "none sooner than permitted: {told:?}"
                );
            }
            if let Some(dead) = told.dead {
                prop_assert!(!came_within(dead - rules.timeout, dead, false), "{told:?}");
                prop_assert_eq!(told.pings.last(), Some(&(dead - rules.timeout)));
            }
        }
    }
}

//! The history of hosts and faults, folded from the journal.

use indexmap::IndexMap;

use crate::journal::{Death, Event, Handling, Journal, Touch};

/// A run, without its calls.
#[derive(Debug, Default)]
pub struct History<'j> {
    /// By host name, in the order of their first line.
    pub hosts: IndexMap<&'j str, Host<'j>>,
    /// By index in the plan.
    pub faults: Vec<Fault<'j>>,
    /// When the plan was over and the run continued, if it did.
    pub quiet: Option<u64>,
    /// The journal's last entry, if it has one.
    pub end: Option<End>,
    /// When the last event happened.
    pub last: u64,
}

/// The last entry of a journal.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Virtual nanoseconds.
    pub at: u64,
    /// Tasks that should have ended and did not.
    pub tasks_left: u64,
    /// Sockets that should be closed and are not.
    pub sockets_left: u64,
    /// Timers that should be cancelled and are not.
    pub timers_left: u64,
}

/// The history of one host.
#[derive(Debug, Default)]
pub struct Host<'j> {
    /// When it was paused or slowed: from, until. Intervals do not overlap.
    pub pauses: Vec<(u64, Option<u64>)>,
    /// When it went down.
    pub stops: Vec<Stop<'j>>,
    /// Tasks that panicked: when, and the message.
    pub panics: Vec<(u64, &'j str)>,
    /// Handlers that panicked: when, and the message.
    pub handler_panics: Vec<(u64, &'j str)>,
    /// Tasks that components started with `tokio::spawn`.
    pub strays: u64,
    /// The source location where the first of them was started.
    pub stray_place: &'j str,
    /// System calls that escaped the simulation: when, what, and source location.
    pub escapes: Vec<(u64, &'j str, &'j str)>,
    is_paused: bool,
    is_slow: bool,
}

/// A host went down.
#[derive(Debug, Clone, Copy)]
pub struct Stop<'j> {
    /// Virtual nanoseconds.
    pub at: u64,
    /// How.
    pub how: Death,
    /// The error, if it failed by itself.
    pub error: &'j str,
}

/// The history of one fault.
#[derive(Debug, Default, Clone)]
pub struct Fault<'j> {
    /// When it started, if it did before the end of the run.
    pub started: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// Its text.
    pub text: &'j str,
    /// Segments that it lost.
    pub lost: u64,
    /// Segments that it held.
    pub held: u64,
    /// Segments that it delayed.
    pub delayed: u64,
    /// Segments that it dropped without retransmission.
    pub dropped: u64,
    /// Connects that it refused.
    pub refused: u64,
    /// Connections that it reset.
    pub reset: u64,
}

impl<'j> History<'j> {
    /// Folds a journal. Time and memory are linear in its length.
    #[must_use]
    pub fn of(journal: &'j Journal) -> Self {
        let mut history = History::default();
        for entry in &journal.entries {
            history.last = history.last.max(entry.at);
            history.add(entry.at, &entry.host, &entry.event);
        }
        history
    }

    fn add(&mut self, at: u64, host: &'j str, event: &'j Event) {
        match event {
            Event::RunEnded {
                tasks_left,
                sockets_left,
                timers_left,
            } => {
                self.end = Some(End {
                    at,
                    tasks_left: *tasks_left,
                    sockets_left: *sockets_left,
                    timers_left: *timers_left,
                });
            }
            Event::QuietStarted => self.quiet = Some(at),
            Event::HostStarted { .. } => {
                self.host(host);
            }
            Event::HostStopped { how, error, .. } => {
                let host = self.host(host);
                host.stops.push(Stop { at, how: *how, error });
                // A paused process that dies does not resume.
                host.pause(at, false);
            }
            Event::HostPaused => self.host(host).pause(at, true),
            Event::HostResumed => self.host(host).pause(at, false),
            Event::HostSlowed { per_poll } => self.host(host).slow(at, *per_poll > 0),
            Event::TaskPanicked { message } => self.host(host).panics.push((at, message)),
            Event::StrayTask { place } => {
                let host = self.host(host);
                if host.strays == 0 {
                    host.stray_place = place;
                }
                host.strays += 1;
            }
            Event::Escaped { what, place } => self.host(host).escapes.push((at, what, place)),
            Event::HandleEnded {
                how: Handling::Panic,
                error,
                ..
            } => self.host(host).handler_panics.push((at, error)),
            Event::FaultStarted { fault, text, .. } => {
                let fault = self.fault(*fault);
                fault.started.get_or_insert(at);
                fault.text = text;
            }
            Event::FaultEnded { fault } => self.fault(*fault).ended = Some(at),
            Event::Segment { touch, faults, .. } => {
                for fault in faults {
                    let fault = self.fault(*fault);
                    match touch {
                        Touch::Lost => fault.lost += 1,
                        Touch::Held => fault.held += 1,
                        Touch::Delayed => fault.delayed += 1,
                        Touch::Dropped => fault.dropped += 1,
                        Touch::Refused => fault.refused += 1,
                        Touch::Reset => fault.reset += 1,
                    }
                }
            }
            _ => {}
        }
    }

    /// When the run ended or, for a journal without an end, the time of its last entry.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.end.map_or(self.last, |end| end.at)
    }

    /// For how many nanoseconds `host` was paused or slowed between two instants. Its actions may be late by as much.
    #[must_use]
    pub fn paused(&self, host: &str, from: u64, until: u64) -> u64 {
        self.pauses(host, from, until)
            .map(|(start, end)| end - start)
            .sum()
    }

    /// The intervals between two instants in which `host` was paused or slowed.
    pub fn pauses(&self, host: &str, from: u64, until: u64) -> impl Iterator<Item = (u64, u64)> {
        let pauses = self.hosts.get(host).map_or(&[][..], |host| &host.pauses);
        let first = pauses.partition_point(|(_, end)| end.is_some_and(|end| end <= from));
        pauses[first..]
            .iter()
            .take_while(move |(start, _)| *start < until)
            .map(move |(start, end)| {
                let start = from.max(*start);
                (start, end.unwrap_or(until).min(until).max(start))
            })
    }

    /// Whether `host` went down between two instants, both included.
    #[must_use]
    pub fn stopped_between(&self, host: &str, from: u64, until: u64) -> bool {
        let stops = self.hosts.get(host).map_or(&[][..], |host| &host.stops);
        stops.iter().any(|stop| (from..=until).contains(&stop.at))
    }

    /// Whether `host` was paused when the run ended.
    #[must_use]
    pub fn paused_at_the_end(&self, host: &str) -> bool {
        self.hosts.get(host).is_some_and(|host| host.is_paused)
    }

    fn host(&mut self, name: &'j str) -> &mut Host<'j> {
        self.hosts.entry(name).or_default()
    }

    fn fault(&mut self, index: u32) -> &mut Fault<'j> {
        let index = index as usize;
        if self.faults.len() <= index {
            self.faults.resize_with(index + 1, Fault::default);
        }
        &mut self.faults[index]
    }
}

impl Host<'_> {
    fn pause(&mut self, at: u64, is_paused: bool) {
        self.is_paused = is_paused;
        self.lags(at);
    }

    fn slow(&mut self, at: u64, is_slow: bool) {
        self.is_slow = is_slow;
        self.lags(at);
    }

    fn lags(&mut self, at: u64) {
        match self.pauses.last_mut() {
            Some((_, end @ None)) if !(self.is_paused || self.is_slow) => *end = Some(at),
            Some((_, None)) => {}
            _ if self.is_paused || self.is_slow => self.pauses.push((at, None)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MS, Script};

    #[test]
    fn a_slow_host_counts_as_one_that_is_paused_and_both_at_once_count_once() {
        let slowed = |per_poll| Event::HostSlowed { per_poll };
        let mut script = Script::new();
        script.at(10 * MS).push("back", slowed(5));
        script.at(20 * MS).push("back", Event::HostPaused);
        script.at(30 * MS).push("back", slowed(0));
        script.at(40 * MS).push("back", Event::HostResumed);
        script.at(50 * MS).push("back", slowed(5));
        let (_, journal) = script.finish();
        let history = History::of(&journal);
        assert_eq!(history.paused("back", 0, 45 * MS), 30 * MS);
        assert_eq!(history.paused("back", 0, 60 * MS), 40 * MS);
        assert!(!history.paused_at_the_end("back"), "it works, if slowly");
    }

    #[test]
    fn paused_time_is_what_a_window_and_the_pauses_share() {
        let mut script = Script::new();
        for (from, until) in [(10, 20), (40, 50)] {
            script.at(from * MS).push("back", Event::HostPaused);
            script.at(until * MS).push("back", Event::HostResumed);
        }
        script.at(90 * MS).push("back", Event::HostPaused);
        let (_, journal) = script.finish();
        let history = History::of(&journal);
        let paused = |from: u64, until: u64| history.paused("back", from * MS, until * MS) / MS;
        assert_eq!(paused(0, 10), 0);
        assert_eq!(paused(15, 18), 3);
        assert_eq!(paused(0, 60), 20);
        assert_eq!(paused(20, 45), 5);
        assert_eq!(paused(95, 100), 5);
        assert_eq!(history.paused("front", 0, 100 * MS), 0);
        assert!(history.paused_at_the_end("back"));
    }

    #[test]
    fn a_host_that_dies_while_it_is_paused_is_not_paused_any_more() {
        let mut script = Script::new();
        script.at(10 * MS).push("back", Event::HostPaused);
        script.at(20 * MS).stop("back", Death::Killed);
        let (_, journal) = script.finish();
        let history = History::of(&journal);
        assert!(!history.paused_at_the_end("back"));
        assert!(history.stopped_between("back", 20 * MS, 30 * MS));
        assert!(!history.stopped_between("back", 21 * MS, 30 * MS));
    }
}

//! The human-readable log of a manager, at `info`: registrations, departures with their reasons, drain requests,
//! refusals. The machine-readable events are in `events`, at `debug`.
//!
//! Peers determine the number of events, so each kind of line is limited per second, and omitted lines are counted.
//! No line contains the id of a connection, because its holder can deregister the connection's modules.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use squall_proto::provider::RegisterRequest;
use tokio::time::Instant;
use tracing::{Level, event};

use crate::State;
use crate::registration::Rejection;
use crate::table::{Cause, Identity};

/// The maximum number of lines of a kind within [`SPAN`].
const LINES: u32 = 10;
const SPAN: Duration = Duration::from_secs(1);
/// The maximum length of a shown text from a peer, in bytes.
const SHOWN: usize = 256;

/// Counts the lines of one manager.
#[derive(Debug, Default)]
pub(crate) struct Log {
    registered: Kind,
    states: Kind,
    rejected: Kind,
}

/// Lines of one kind.
#[derive(Debug, Default)]
struct Kind(Mutex<Budget>);

#[derive(Debug, Default)]
struct Budget {
    /// The start of the current span.
    since: Option<Instant>,
    used: u32,
    left_out: u64,
}

impl Log {
    /// A provider has registered this many modules.
    pub(crate) fn registered(&self, it: &Identity, modules: usize) {
        self.registered.line("registrations", || {
            provider(it, "provider registered", Some(modules), None);
        });
    }

    /// A provider has changed its state.
    pub(crate) fn state(&self, it: &Identity, state: State, cause: &Cause) {
        let said = match state {
            State::Registered => return,
            State::Active => "provider active",
            State::Draining => "provider drains",
            State::Disconnected => "provider left",
        };
        self.states.line("changes of providers", || {
            provider(it, said, None, Some(shown(&cause.to_string())));
        });
    }

    /// A registration was refused.
    pub(crate) fn rejected(&self, request: &RegisterRequest, reason: Option<&Rejection>) {
        self.rejected.line("rejections", || {
            event!(
                name: "log.rejected",
                target: "squall::provider",
                Level::INFO,
                namespace = shown(&request.namespace),
                group = shown(&request.group_id),
                executor = shown(&request.executor_url),
                modules = request.modules.len() as u64,
                reason = reason.map(ToString::to_string).unwrap_or_default().as_str(),
                "registration rejected"
            );
        });
    }

    /// Reports omitted lines, once the rate permits it. Must be called periodically.
    pub(crate) fn flush(&self) {
        self.registered.flush("registrations");
        self.states.flush("changes of providers");
        self.rejected.flush("rejections");
    }
}

/// The shown description of a provider, and its modules or the reason, if there is one.
fn provider(it: &Identity, said: &str, modules: Option<usize>, cause: Option<&str>) {
    event!(
        name: "log.provider",
        target: "squall::provider",
        Level::INFO,
        provider = format_args!("{:016x}", it.id()),
        namespace = &*it.namespace,
        group = it.group.as_deref().unwrap_or_default(),
        executor = &*it.executor,
        modules = modules.map(|it| it as u64),
        cause,
        "{said}"
    );
}

impl Kind {
    fn line(&self, of: &str, say: impl FnOnce()) {
        self.flush(of);
        if self.with(Budget::take) {
            say();
        }
    }

    fn flush(&self, of: &str) {
        let left_out = self.with(Budget::renew);
        if left_out > 0 {
            event!(
                name: "log.left_out",
                target: "squall::provider",
                Level::INFO,
                lines = left_out,
                "more {of} than are shown"
            );
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Budget, Instant) -> T) -> T {
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut budget, Instant::now())
    }
}

impl Budget {
    /// Begins another span when the current one is over. Returns the number of lines omitted in it.
    fn renew(&mut self, now: Instant) -> u64 {
        if self.since.is_some_and(|since| now < since + SPAN) {
            return 0;
        }
        let left_out = self.left_out;
        *self = Budget::default();
        left_out
    }

    /// Whether another line is permitted.
    fn take(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        let has_room = self.used < LINES;
        match has_room {
            true => self.used += 1,
            false => self.left_out += 1,
        }
        has_room
    }
}

/// The beginning of a text.
pub(crate) fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_span_is_told_once_in_the_next() {
        let mut budget = Budget::default();
        let begin = Instant::now();
        let lines = |budget: &mut Budget, now, wanted| (0..wanted).filter(|_| budget.take(now)).count();
        assert_eq!(budget.renew(begin), 0);
        assert_eq!(lines(&mut budget, begin, LINES + 5), LINES as usize);
        let almost = begin + SPAN - Duration::from_nanos(1);
        assert_eq!(budget.renew(almost), 0);
        assert_eq!(lines(&mut budget, almost, 2), 0);
        assert_eq!(budget.renew(begin + SPAN), 7);
        assert_eq!(budget.renew(begin + SPAN), 0);
        assert_eq!(lines(&mut budget, begin + SPAN, 3), 3);
        assert_eq!(budget.renew(begin + 3 * SPAN), 0, "nothing was left out of it");
    }

    #[test]
    fn only_the_beginning_of_a_long_text_is_shown() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(200)).len(), 256);
        assert_eq!(shown(&format!("a{}", "é".repeat(200))).len(), 255);
    }
}

//! The state of a connection to a manager. Spec: provider 3.3, 3.4.

use std::fmt;
use std::sync::Arc;

use crate::ConnectError;

/// The state of a connection to a manager, for observers. Only `Active` is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not connected, and not trying to be: left, drained, or given up.
    Disconnected,
    /// Being registered.
    Registering,
    /// Registered, with an open control plane.
    Active,
    /// Asked to leave: calls in flight are finished.
    Draining,
    /// Lost, or not yet made: waiting for the next attempt.
    Reconnecting,
}

impl State {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Disconnected => "disconnected",
            State::Registering => "registering",
            State::Active => "active",
            State::Draining => "draining",
            State::Reconnecting => "reconnecting",
        }
    }

    /// True when this manager's calls arrive normally.
    pub fn is_healthy(self) -> bool {
        self == State::Active
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The phase of a connection, with its data.
///
/// ```text
///                connect               opened            drain
/// Disconnected ----------> Registering -------> Active --------> Draining
///      ^                     ^  |  ^             |  |               |
///      |             connect |  |  +-- connect --+  |  ^            |
///      |                     |  | broke      broke  |  |            |
///      |                     |  v                   |  | revived    |
///      |                  Reconnecting <------------+--+            |
///      |                                                            |
///      +--- given up, or left: from anywhere ------- broke ---------+
/// ```
///
/// `Active` changes to `Registering` when the modules are registered again. A connection that is lost while it drains
/// has ended normally: it was about to leave.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    Disconnected {
        /// The reason, if the end was not intended.
        error: Option<ConnectError>,
    },
    Registering,
    Active {
        connection: Arc<str>,
    },
    Draining {
        connection: Arc<str>,
    },
    Reconnecting {
        error: ConnectError,
    },
}

/// The events of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// An attempt begins.
    Connect,
    /// It is registered, and its control plane is open.
    Opened { connection: Arc<str> },
    /// The manager has asked it to leave.
    Drain,
    /// An attempt has failed, or the connection is lost; another attempt follows.
    Broke { error: ConnectError },
    /// The connection is not lost after all: the manager has sent something on it again.
    Revived { connection: Arc<str> },
    /// An attempt has failed, or the connection is lost; no attempt follows.
    GivenUp { error: ConnectError },
    /// It was left in order.
    Left,
}

impl Phase {
    /// The phase after an event. An event without meaning in a phase has no effect.
    pub(crate) fn after(&self, event: Event) -> Phase {
        match (self, event) {
            (_, Event::Left) | (Phase::Draining { .. }, Event::Broke { .. }) => {
                Phase::Disconnected { error: None }
            }
            (_, Event::GivenUp { error }) => Phase::Disconnected { error: Some(error) },
            (
                Phase::Disconnected { .. } | Phase::Reconnecting { .. } | Phase::Active { .. },
                Event::Connect,
            ) => Phase::Registering,
            (Phase::Registering, Event::Opened { connection })
            | (Phase::Reconnecting { .. }, Event::Revived { connection }) => Phase::Active { connection },
            (Phase::Active { connection }, Event::Drain) => Phase::Draining {
                connection: Arc::clone(connection),
            },
            (Phase::Registering | Phase::Active { .. }, Event::Broke { error }) => {
                Phase::Reconnecting { error }
            }
            (phase, _) => phase.clone(),
        }
    }

    pub(crate) fn state(&self) -> State {
        match self {
            Phase::Disconnected { .. } => State::Disconnected,
            Phase::Registering => State::Registering,
            Phase::Active { .. } => State::Active,
            Phase::Draining { .. } => State::Draining,
            Phase::Reconnecting { .. } => State::Reconnecting,
        }
    }

    pub(crate) fn connection(&self) -> Option<&Arc<str>> {
        match self {
            Phase::Active { connection } | Phase::Draining { connection } => Some(connection),
            _ => None,
        }
    }

    pub(crate) fn error(&self) -> Option<&ConnectError> {
        match self {
            Phase::Disconnected { error } => error.as_ref(),
            Phase::Reconnecting { error } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Event {
        Event::Opened {
            connection: "c".into(),
        }
    }

    fn broke() -> Event {
        Event::Broke {
            error: ConnectError::Ended,
        }
    }

    fn walk(events: impl IntoIterator<Item = Event>) -> Phase {
        let start = Phase::Disconnected { error: None };
        events.into_iter().fold(start, |phase, event| phase.after(event))
    }

    #[test]
    fn a_life_goes_from_registering_over_reconnecting_to_its_end() {
        use Event::{Connect, Left};
        assert_eq!(walk([Connect]).state(), State::Registering);
        assert!(walk([Connect, opened()]).state().is_healthy());
        let lost = walk([Connect, opened(), broke()]);
        assert_eq!((lost.state(), lost.connection()), (State::Reconnecting, None));
        assert!(lost.error().is_some());
        let back = lost.after(Connect).after(opened());
        assert_eq!(&**back.connection().expect("it is active"), "c");
        assert_eq!(back.after(Left).state(), State::Disconnected);
    }

    #[test]
    fn who_is_asked_to_leave_does_not_come_back_by_itself() {
        let draining = walk([Event::Connect, opened(), Event::Drain]);
        assert_eq!(draining.state(), State::Draining);
        assert!(!draining.state().is_healthy());
        let gone = draining.after(broke());
        assert_eq!(gone.state(), State::Disconnected);
        assert!(gone.error().is_none());
    }

    #[test]
    fn a_connection_that_seemed_lost_may_be_active_again_as_long_as_no_other_attempt_has_begun() {
        let revived = || Event::Revived {
            connection: "c".into(),
        };
        let lost = walk([Event::Connect, opened(), broke()]);
        assert_eq!(lost.after(revived()).state(), State::Active);
        assert_eq!(
            lost.after(Event::Connect).after(revived()).state(),
            State::Registering
        );
    }

    #[test]
    fn what_does_not_concern_a_phase_changes_nothing() {
        assert_eq!(walk([Event::Drain]).state(), State::Disconnected);
        assert_eq!(walk([opened()]).state(), State::Disconnected);
        assert_eq!(walk([Event::Connect, Event::Drain]).state(), State::Registering);
        assert_eq!(walk([broke()]).state(), State::Disconnected);
    }
}

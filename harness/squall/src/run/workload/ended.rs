//! How a call ended, for its last line in the journal.

use std::sync::Arc;

use squall_router::{Error, Payload};
use squall_sim::HostDown;
use squall_value::CValue;
use tokio::time::error::Elapsed;
use xxhash_rust::xxh3::xxh3_64;

use crate::journal::{Event, Id, Outcome};
use crate::services::CallError;

/// How a call ended.
pub(super) struct Ended {
    outcome: Outcome,
    class: Arc<str>,
    error: Arc<str>,
    bytes: u64,
    digest: Id,
}

impl Ended {
    pub(super) fn broken(outcome: Outcome, class: &str, error: &str) -> Self {
        Ended {
            outcome,
            class: class.into(),
            error: error.into(),
            bytes: 0,
            digest: Id::NONE,
        }
    }

    fn ok(bytes: u64, digest: Id) -> Self {
        Ended {
            outcome: Outcome::Ok,
            class: "".into(),
            error: "".into(),
            bytes,
            digest,
        }
    }

    /// Of a call that ran on a host, with a timer around it.
    pub(super) fn after<T>(result: Result<Result<T, Elapsed>, HostDown>, of: impl FnOnce(T) -> Self) -> Self {
        match result {
            Ok(Ok(result)) => of(result),
            Ok(Err(_)) => Ended::broken(Outcome::Unknown, "timeout", "the call timed out"),
            Err(_) => Ended::broken(
                Outcome::Unknown,
                "caller_died",
                "where the call started went down",
            ),
        }
    }

    /// Of a message to a node.
    pub(super) fn of_message(result: Result<Option<Payload>, Error>) -> Self {
        match result {
            Ok(value) => {
                let bytes = value.as_ref().map_or(0, Payload::len) as u64;
                let digest = value
                    .as_ref()
                    .map_or(Id::NONE, |value| Id(xxh3_64(value.bytes())));
                Ended::ok(bytes, digest)
            }
            Err(error) => {
                let outcome = match error.outcome() {
                    squall_router::Outcome::Failed => Outcome::Failed,
                    squall_router::Outcome::Unknown => Outcome::Unknown,
                };
                Ended::broken(outcome, error.class(), &error.to_string())
            }
        }
    }

    /// Of a call that a client made.
    pub(super) fn of_client(result: Result<(), CallError>) -> Self {
        match result {
            Ok(()) => Ended::ok(0, Id::NONE),
            Err(error) => Ended::broken(error.outcome(), error.class(), &error.to_string()),
        }
    }

    /// Of a call of a module of the provider protocol.
    pub(super) fn of_module(result: Result<CValue, squall_engine::CallError>) -> Self {
        match result {
            Ok(output) => {
                let json = output.to_json();
                Ended::ok(json.len() as u64, Id(xxh3_64(&json)))
            }
            Err(error) => {
                let outcome = match error.outcome {
                    squall_engine::Outcome::Failed => Outcome::Failed,
                    squall_engine::Outcome::Unknown => Outcome::Unknown,
                };
                let class = error.code.as_str().to_ascii_lowercase();
                Ended::broken(outcome, &class, &error.message)
            }
        }
    }

    pub(super) fn into_event(self, call: u64) -> Event {
        let Ended {
            outcome,
            class,
            error,
            bytes,
            digest,
        } = self;
        Event::CallEnded {
            call,
            outcome,
            class,
            error,
            bytes,
            digest,
        }
    }
}

//! All `tracing` events of this crate. They are defined in `squall-events`.
//!
//! Field values are computed only when a subscriber takes the event. Digests are xxh3-64 of JSON, 0 for none; inputs
//! and outputs themselves are never part of an event, because they may hold secrets.

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{CallError, Outcome};
use squall_events::provider as said;
use squall_proto::provider::RegisterRequest;
use xxhash_rust::xxh3::xxh3_64;

use crate::State;
use crate::log::shown;
use crate::registration::Rejection;
use crate::table::{Cause, Identity};

/// A provider has registered modules, by their qualified names.
pub(crate) fn registered(it: &Identity, modules: &[Arc<str>]) {
    said::Registered::say(|| said::Registered {
        connection: (&*it.connection).into(),
        namespace: (&*it.namespace).into(),
        group: group(it).into(),
        executor: (&*it.executor).into(),
        modules: modules.join(",").into(),
    });
}

/// A request was rejected, for this and maybe other reasons. Values from the request may have any length.
pub(crate) fn rejected(request: &RegisterRequest, reason: Option<&Rejection>) {
    said::Rejected::say(|| said::Rejected {
        namespace: shown(&request.namespace).into(),
        group: shown(&request.group_id).into(),
        executor: shown(&request.executor_url).into(),
        reason: reason.map(ToString::to_string).unwrap_or_default().into(),
    });
}

/// A transition of the state machine of one connection.
pub(crate) fn state(it: &Identity, state: State, cause: &Cause) {
    let state = match state {
        State::Disconnected => "deregistered",
        other => other.as_str(),
    };
    said::State::say(|| said::State {
        connection: (&*it.connection).into(),
        namespace: (&*it.namespace).into(),
        group: group(it).into(),
        executor: (&*it.executor).into(),
        state: state.into(),
        cause: cause.to_string().into(),
    });
}

/// A member is set aside, or in use again.
pub(crate) fn member(it: &Identity, state: &str, cause: &str) {
    said::MemberState::say(|| said::MemberState {
        connection: (&*it.connection).into(),
        namespace: (&*it.namespace).into(),
        executor: (&*it.executor).into(),
        state: state.into(),
        cause: cause.into(),
    });
}

/// The namespace has no owner any more.
pub(crate) fn released(namespace: &str) {
    said::NamespaceReleased::say(|| said::NamespaceReleased {
        namespace: namespace.into(),
    });
}

/// A heartbeat came; the timestamp is the provider's, in milliseconds since the Unix epoch.
pub(crate) fn heartbeat(connection: &str, timestamp: i64) {
    said::HeartbeatReceived::say(|| said::HeartbeatReceived {
        connection: connection.into(),
        timestamp: timestamp as u64,
    });
}

/// The fields of [`Execution::started`].
pub(crate) struct ExecutionStarted<'a> {
    /// The low half of the execution's id.
    pub(crate) execution: u64,
    /// The short name.
    pub(crate) module: &'a str,
    pub(crate) identity: &'a Arc<Identity>,
    /// Counted from 1.
    pub(crate) attempt: u64,
    /// The remaining time of the call.
    pub(crate) timeout: Duration,
    /// As JSON.
    pub(crate) input: &'a [u8],
}

/// One attempt to execute a module, from `execute.started` to `execute.ended`. The end is also reported when the
/// caller gives up and the future is dropped.
pub(crate) struct Execution {
    execution: u64,
    attempt: u64,
    identity: Arc<Identity>,
    ended: bool,
}

impl Execution {
    pub(crate) fn started(it: &ExecutionStarted<'_>) -> Self {
        said::ExecuteStarted::say(|| said::ExecuteStarted {
            execution: it.execution,
            module: it.module.into(),
            namespace: (&*it.identity.namespace).into(),
            connection: (&*it.identity.connection).into(),
            executor: (&*it.identity.executor).into(),
            attempt: it.attempt,
            timeout: u64::try_from(it.timeout.as_nanos()).unwrap_or(u64::MAX),
            bytes: it.input.len() as u64,
            digest: digest(it.input),
        });
        Execution {
            execution: it.execution,
            attempt: it.attempt,
            identity: it.identity.clone(),
            ended: false,
        }
    }

    /// With an output, as JSON.
    pub(crate) fn succeeded(mut self, output: &[u8]) {
        self.emit("ok", "", "", output);
        self.ended = true;
    }

    pub(crate) fn failed(mut self, error: &CallError) {
        let outcome = match error.outcome {
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        };
        self.emit(outcome, error.code.as_str(), &error.message, &[]);
        self.ended = true;
    }

    fn emit(&self, outcome: &str, status: &str, error: &str, output: &[u8]) {
        said::ExecuteEnded::say(|| said::ExecuteEnded {
            execution: self.execution,
            outcome: outcome.into(),
            status: status.into(),
            error: error.into(),
            bytes: output.len() as u64,
            digest: digest(output),
            connection: (&*self.identity.connection).into(),
            attempt: self.attempt,
        });
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.ended {
            self.emit("unknown", "CANCELLED", "the caller went away", &[]);
        }
    }
}

fn group(it: &Identity) -> &str {
    it.group.as_deref().unwrap_or_default()
}

fn digest(json: &[u8]) -> u64 {
    if json.is_empty() { 0 } else { xxh3_64(json) }
}

//! Everything that this crate says about itself, as `tracing` events of fixed names and fields.
//!
//! Field values are computed only when a subscriber takes the event. Digests are xxh3-64 of JSON, 0 for none; inputs
//! and outputs themselves are never part of an event, for they may hold secrets.

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{CallError, Outcome};
use squall_proto::provider::RegisterRequest;
use tracing::{Level, event};
use xxhash_rust::xxh3::xxh3_64;

use crate::State;
use crate::log::shown;
use crate::registration::Rejection;
use crate::table::{Cause, Identity};

/// A provider has registered modules, by their qualified names.
pub(crate) fn registered(it: &Identity, modules: &[Arc<str>]) {
    event!(
        name: "provider.registered",
        target: "squall::provider",
        Level::DEBUG,
        connection = &*it.connection,
        namespace = &*it.namespace,
        group = group(it),
        executor = &*it.executor,
        modules = modules.join(",").as_str(),
    );
}

/// A request was rejected, for this and maybe other reasons. What is sent may be of any length.
pub(crate) fn rejected(request: &RegisterRequest, reason: Option<&Rejection>) {
    event!(
        name: "provider.rejected",
        target: "squall::provider",
        Level::DEBUG,
        namespace = shown(&request.namespace),
        group = shown(&request.group_id),
        executor = shown(&request.executor_url),
        reason = reason.map(ToString::to_string).unwrap_or_default().as_str(),
    );
}

/// A transition of the state machine of one connection.
pub(crate) fn state(it: &Identity, state: State, cause: &Cause) {
    let state = match state {
        State::Disconnected => "deregistered",
        other => other.as_str(),
    };
    event!(
        name: "provider.state",
        target: "squall::provider",
        Level::DEBUG,
        connection = &*it.connection,
        namespace = &*it.namespace,
        group = group(it),
        executor = &*it.executor,
        state,
        cause = cause.to_string().as_str(),
    );
}

/// A member is put aside, or in use again.
pub(crate) fn member(it: &Identity, state: &str, cause: &str) {
    event!(
        name: "member.state",
        target: "squall::provider",
        Level::DEBUG,
        connection = &*it.connection,
        namespace = &*it.namespace,
        executor = &*it.executor,
        state,
        cause,
    );
}

/// Nobody owns the namespace any more.
pub(crate) fn released(namespace: &str) {
    event!(
        name: "namespace.released",
        target: "squall::provider",
        Level::DEBUG,
        namespace,
    );
}

/// A heartbeat came; the timestamp is the provider's, in milliseconds since the Unix epoch.
pub(crate) fn heartbeat(connection: &str, timestamp: i64) {
    event!(
        name: "heartbeat.received",
        target: "squall::provider",
        Level::DEBUG,
        connection,
        timestamp = timestamp as u64,
    );
}

/// What [`Execution::started`] says.
pub(crate) struct ExecutionStarted<'a> {
    /// The low half of the execution's id.
    pub(crate) execution: u64,
    /// The short name.
    pub(crate) module: &'a str,
    pub(crate) identity: &'a Arc<Identity>,
    /// From 1.
    pub(crate) attempt: u64,
    /// What is left of the call's.
    pub(crate) timeout: Duration,
    /// As JSON.
    pub(crate) input: &'a [u8],
}

/// One attempt to have a module executed, from `execute.started` to `execute.ended`: said also when the caller
/// gives up and the future is dropped.
pub(crate) struct Execution {
    execution: u64,
    attempt: u64,
    identity: Arc<Identity>,
    ended: bool,
}

impl Execution {
    pub(crate) fn started(it: &ExecutionStarted<'_>) -> Self {
        event!(
            name: "execute.started",
            target: "squall::provider",
            Level::DEBUG,
            execution = it.execution,
            module = it.module,
            namespace = &*it.identity.namespace,
            connection = &*it.identity.connection,
            executor = &*it.identity.executor,
            attempt = it.attempt,
            timeout = u64::try_from(it.timeout.as_nanos()).unwrap_or(u64::MAX),
            bytes = it.input.len() as u64,
            digest = digest(it.input),
        );
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
        event!(
            name: "execute.ended",
            target: "squall::provider",
            Level::DEBUG,
            execution = self.execution,
            outcome,
            status,
            error,
            bytes = output.len() as u64,
            digest = digest(output),
            connection = &*self.identity.connection,
            attempt = self.attempt,
        );
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

//! All `tracing` events of this crate. The machine-readable ones are defined in `squall-events`.
//!
//! Field values are computed only when a subscriber takes the event. Digests are xxh3-64 of the bytes, 0 for none;
//! `trace` is the low half of the trace's identifier. Payloads are never part of an event, because they may hold
//! secrets. Spec: router W-16.

use std::net::SocketAddr;
use std::time::Duration;

use squall_events::router as said;
use squall_platform::Authority;
use tracing::{Level, event};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Context, Error, Message, Payload};

/// The fields of [`Hop::started`].
pub(crate) struct HopStarted<'a> {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) parent: u64,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) source_module: &'a str,
    pub(crate) target_module: &'a str,
    pub(crate) depth: u32,
    pub(crate) retries: u32,
    /// The span of the attempt before this one; 0 for the first.
    pub(crate) previous: u64,
    pub(crate) key: Option<&'a str>,
    pub(crate) timeout: Duration,
    pub(crate) data: &'a Payload,
}

/// A call to another module, from `hop.started` to `hop.ended`. The end is also reported when the caller gives up and
/// the future is dropped.
pub(crate) struct Hop {
    span: u64,
    peer: Option<Authority>,
    at_transport: bool,
    ended: bool,
}

impl Hop {
    pub(crate) fn started(it: &HopStarted<'_>) -> Self {
        said::HopStarted::say(|| said::HopStarted {
            trace: it.trace as u64,
            span: it.span,
            parent: it.parent,
            from: it.from.into(),
            to: it.to.into(),
            source_module: it.source_module.into(),
            target_module: it.target_module.into(),
            depth: u64::from(it.depth),
            attempt: u64::from(it.retries) + 1,
            previous: it.previous,
            key: key(it.key),
            timeout: it.timeout.as_nanos() as u64,
            bytes: it.data.len() as u64,
            digest: digest(Some(it.data)),
        });
        Hop {
            span: it.span,
            peer: None,
            at_transport: false,
            ended: false,
        }
    }

    /// From now on it waits for the network, at least for a dial.
    pub(crate) fn reaches_transport(&mut self) {
        self.at_transport = true;
    }

    pub(crate) fn peer(&mut self, peer: &Authority) {
        self.peer = Some(peer.clone());
    }

    pub(crate) fn ended(mut self, result: &Result<Option<Payload>, Error>) {
        self.ended = true;
        let (outcome, status) = match result {
            Ok(_) => ("ok", "ok"),
            Err(error) => (error.outcome().as_str(), error.class()),
        };
        self.emit(outcome, status, result.as_ref().err(), value(result));
    }

    fn emit(&self, outcome: &str, status: &str, error: Option<&Error>, value: Option<&Payload>) {
        said::HopEnded::say(|| said::HopEnded {
            span: self.span,
            outcome: outcome.into(),
            status: status.into(),
            peer: self.peer.as_ref().map_or("", Authority::as_str).into(),
            at_transport: self.at_transport,
            error: text(error).into(),
            bytes: value.map_or(0, Payload::len) as u64,
            digest: digest(value),
        });
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        if !self.ended {
            self.emit("unknown", "cancelled", None, None);
        }
    }
}

/// The fields of [`Handling::started`].
pub(crate) struct HandleStarted<'a> {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) parent: u64,
    pub(crate) module: &'a str,
    pub(crate) node: &'a str,
    pub(crate) port: &'a str,
    pub(crate) remote: bool,
    pub(crate) depth: u32,
    pub(crate) retries: u32,
    pub(crate) key: Option<&'a str>,
    /// The remaining time of the call, if it has a deadline.
    pub(crate) timeout: Option<Duration>,
    pub(crate) data: &'a Payload,
}

/// An execution of a component, from `handle.started` to `handle.ended`. The end is also reported when it is
/// cancelled.
pub(crate) struct Handling {
    span: u64,
    ended: bool,
}

impl Handling {
    pub(crate) fn started(it: &HandleStarted<'_>) -> Self {
        said::HandleStarted::say(|| said::HandleStarted {
            trace: it.trace as u64,
            span: it.span,
            parent: it.parent,
            module: it.module.into(),
            node: it.node.into(),
            port: it.port.into(),
            remote: it.remote,
            depth: u64::from(it.depth),
            attempt: u64::from(it.retries) + 1,
            key: key(it.key),
            timeout: it.timeout.map_or(0, |it| it.as_nanos() as u64),
            bytes: it.data.len() as u64,
            digest: digest(Some(it.data)),
        });
        Handling {
            span: it.span,
            ended: false,
        }
    }

    pub(crate) fn ended(mut self, result: &Result<Option<Payload>, Error>) {
        self.ended = true;
        let how = match result {
            Ok(_) => "ok",
            Err(Error::Panic { .. }) => "panic",
            Err(_) => "error",
        };
        self.emit(how, result.as_ref().err(), value(result));
    }

    fn emit(&self, how: &str, error: Option<&Error>, value: Option<&Payload>) {
        said::HandleEnded::say(|| said::HandleEnded {
            span: self.span,
            how: how.into(),
            error: text(error).into(),
            bytes: value.map_or(0, Payload::len) as u64,
            digest: digest(value),
        });
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if !self.ended {
            self.emit("dropped", None, None);
        }
    }
}

/// A component emitted an error on its `error` port: it is handled, but counts. Spec: router W-10, section 7, test
/// 29.
pub(crate) fn error_handled(context: &Context, module: &str, node: &str, text: impl FnOnce() -> String) {
    said::ErrorHandled::say(|| said::ErrorHandled {
        trace: context.trace as u64,
        span: context.span,
        module: module.into(),
        node: node.into(),
        error: text().into(),
    });
}

/// A transition of the state machine of one endpoint.
pub(crate) fn endpoint_state(module: &str, endpoint: &Authority, state: &str, cause: &str) {
    said::EndpointState::say(|| said::EndpointState {
        module: module.into(),
        endpoint: endpoint.as_str().into(),
        state: state.into(),
        cause: cause.into(),
    });
}

/// The server accepts connections.
pub(crate) fn server_listening(module: &str, address: SocketAddr) {
    said::ServerListening::say(|| said::ServerListening {
        module: module.into(),
        address: address.to_string().into(),
    });
}

/// A phase of a server's shutdown, and the remaining requests and connections.
pub(crate) fn server_drain(module: &str, phase: &str, in_flight: usize, connections: usize) {
    said::ServerDrain::say(|| said::ServerDrain {
        module: module.into(),
        phase: phase.into(),
        in_flight: in_flight as u64,
        connections: connections as u64,
    });
}

/// The log line of a cross-module message that was answered. Spec: router S-36.
pub(crate) fn message_sent(message: &Message, module: &str, took: Duration) {
    event!(
        name: "cross-module message sent",
        target: "squall_router",
        Level::INFO,
        from = &*message.from,
        to = &*message.to,
        targetModule = module,
        durationMs = took.as_millis() as u64,
        "cross-module message sent"
    );
}

/// The log line of a panic: the process's own message does not name the module. `node` is empty when the panic was
/// not in a component.
#[cold]
pub(crate) fn panicked(module: &str, node: &str, message: &str) {
    event!(
        name: "log.panicked",
        target: "squall::router",
        Level::ERROR,
        module,
        node,
        error = message,
        "a component panicked"
    );
}

/// Keys may be chosen by the caller, so only their digest is logged. 0 for none.
fn key(key: Option<&str>) -> u64 {
    key.map_or(0, |key| xxh3_64(key.as_bytes()))
}

fn value(result: &Result<Option<Payload>, Error>) -> Option<&Payload> {
    result.as_ref().ok().and_then(Option::as_ref)
}

fn digest(data: Option<&Payload>) -> u64 {
    data.filter(|data| !data.is_empty())
        .map_or(0, |data| xxh3_64(data.bytes()))
}

/// The error with the network's error, if there is one.
fn text(error: Option<&Error>) -> String {
    match error.map(|error| (error, error.cause())) {
        None => String::new(),
        Some((error, None)) => error.to_string(),
        Some((error, Some(cause))) => format!("{error}: {cause}"),
    }
}

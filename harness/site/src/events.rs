//! Everything that the layers say, as `tracing` events of fixed names and fields, of target [`TARGET`] and level DEBUG.
//!
//! | event | when |
//! |---|---|
//! | `site.call.started` | a call is handed to the channel: with `host`, `call`, `parent`, `peer`, `service`, `method` |
//! | `site.call.ended` | its answer is complete, or it is given up: with `host`, `call`, `end`, `status`, `error` |
//! | `site.handler.started` | a request is handed to the server's services: with `host`, `call`, `parent`, `service`, `method` |
//! | `site.handler.ended` | its answer is complete, or it is given up: with `host`, `call`, `end`, `status`, `error` |
//!
//! | field | type | what |
//! |---|---|---|
//! | `host` | text | the name of the site that says it |
//! | `call` | u64 | the call's number, the same at both ends; random, never 0. 0 of a handler: its caller has no layer |
//! | `parent` | u64 | the number of the call within whose handler this one was made; 0: in none, or in a task of its own. At the handler it is as its caller says |
//! | `peer` | text | who is called, as [`ClientLayer::to`](crate::layer::ClientLayer::to) was told, or as the request's URI says; empty if neither does |
//! | `service`, `method` | text | of the path `/service/method`; of another path, all of it is the method |
//! | `end` | text | `status`: with a gRPC status, of headers or trailers. `transport`: with none, by an error of the channel or of the connection. `dropped`: whoever waited for it gave up |
//! | `status` | u64 | the gRPC status code; there when `end` is `status` |
//! | `error` | text | the error; there when `end` is `transport` |
//!
//! A call ends once, or not at all: a process that is dead says nothing, so what is open at its death ends with it.

use std::fmt;

use tracing::{Level, event};

use crate::site::Site;

/// The target of all events.
pub const TARGET: &str = "squall::site";

/// The header in which a call's number travels, with that of its parent: `0123456789abcdef-0123456789abcdef`.
pub const HEADER: &str = "squall-call";

/// Which of the two ends of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Call,
    Handler,
}

/// What a call begins with.
pub(crate) struct Start<'a> {
    pub(crate) call: u64,
    pub(crate) parent: u64,
    /// Of a call only.
    pub(crate) peer: &'a str,
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
}

/// A call, or its handler, from its start to its end, which is said also when it is dropped.
pub(crate) struct Span {
    site: Site,
    side: Side,
    call: u64,
    has_ended: bool,
}

impl Span {
    pub(crate) fn started(site: &Site, side: Side, start: &Start<'_>) -> Self {
        let host = site.name();
        let Start {
            call,
            parent,
            peer,
            service,
            method,
        } = *start;
        match side {
            _ if !site.is_alive() => {}
            Side::Call => event!(
                name: "site.call.started",
                target: TARGET,
                Level::DEBUG,
                host,
                call,
                parent,
                peer,
                service,
                method,
            ),
            Side::Handler => event!(
                name: "site.handler.started",
                target: TARGET,
                Level::DEBUG,
                host,
                call,
                parent,
                service,
                method,
            ),
        }
        Span {
            site: site.clone(),
            side,
            call,
            has_ended: false,
        }
    }

    /// The number of the call.
    pub(crate) fn call(&self) -> u64 {
        self.call
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn ended_with_status(&mut self, code: u64) {
        self.end("status", Some(code), None);
    }

    pub(crate) fn ended_by(&mut self, error: &dyn fmt::Display) {
        self.end("transport", None, Some(error));
    }

    fn end(&mut self, end: &str, status: Option<u64>, error: Option<&dyn fmt::Display>) {
        if std::mem::replace(&mut self.has_ended, true) || !self.site.is_alive() {
            return;
        }
        let (host, call) = (self.site.name(), self.call);
        let error = error.map(tracing::field::display);
        match self.side {
            Side::Call => event!(
                name: "site.call.ended",
                target: TARGET,
                Level::DEBUG,
                host,
                call,
                end,
                status,
                error,
            ),
            Side::Handler => event!(
                name: "site.handler.ended",
                target: TARGET,
                Level::DEBUG,
                host,
                call,
                end,
                status,
                error,
            ),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.end("dropped", None, None);
    }
}

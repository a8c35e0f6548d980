//! The `tracing` events of layers, defined in [`squall_events::site`].
//!
//! A call has at most one end: a dead process emits no events, so its open calls end with it.

use std::fmt;

use squall_events::site::{CallEnded, CallStarted, HandlerEnded, HandlerStarted};

use crate::site::Site;

/// The target of all events.
pub use squall_events::site::TARGET;

/// The header with a call's number and that of its parent: `0123456789abcdef-0123456789abcdef`.
pub const HEADER: &str = "squall-call";

/// The end of a call that an event is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Call,
    Handler,
}

/// The start of a call.
pub(crate) struct Start<'a> {
    pub(crate) call: u64,
    pub(crate) parent: u64,
    /// For a call only.
    pub(crate) peer: &'a str,
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
}

/// A call, or its handler, from start to end. The end is also recorded on drop.
pub(crate) struct Span {
    site: Site,
    side: Side,
    call: u64,
    has_ended: bool,
}

impl Span {
    pub(crate) fn started(site: &Site, side: Side, start: &Start<'_>) -> Self {
        let host = || site.name().into();
        let Start {
            call,
            parent,
            peer,
            service,
            method,
        } = *start;
        match side {
            _ if !site.is_alive() => {}
            Side::Call => CallStarted::say(|| CallStarted {
                host: host(),
                call,
                parent,
                peer: peer.into(),
                service: service.into(),
                method: method.into(),
            }),
            Side::Handler => HandlerStarted::say(|| HandlerStarted {
                host: host(),
                call,
                parent,
                service: service.into(),
                method: method.into(),
            }),
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
        let (host, call) = (|| self.site.name().into(), self.call);
        let status = status.unwrap_or_default();
        let error = || error.map_or_else(String::new, ToString::to_string).into();
        match self.side {
            Side::Call => CallEnded::say(|| CallEnded {
                host: host(),
                call,
                end: end.into(),
                status,
                error: error(),
            }),
            Side::Handler => HandlerEnded::say(|| HandlerEnded {
                host: host(),
                call,
                end: end.into(),
                status,
                error: error(),
            }),
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.end("dropped", None, None);
    }
}

//! What services and their clients say, and their layers: see [`squall_site::events`] and [`crate::note`].

use std::sync::Arc;

use super::fields::Fields;
use crate::journal::{Event, RpcEnd, RpcEvent};

/// Where the events of layers come from.
pub(super) const TARGET: &str = squall_site::events::TARGET;

/// Nothing when it is none of them.
pub(super) fn event(mut it: Fields<'_>, name: &str) -> Option<Event> {
    Some(Event::Rpc(match name {
        "site.call.started" => RpcEvent::CallStarted {
            span: it.id("call"),
            parent: it.id("parent"),
            peer: it.text("peer"),
            service: it.text("service"),
            method: it.text("method"),
        },
        "site.call.ended" => RpcEvent::CallEnded {
            span: it.id("call"),
            end: end(&mut it),
        },
        "site.handler.started" => RpcEvent::HandlerStarted {
            span: it.id("call"),
            service: it.text("service"),
            method: it.text("method"),
        },
        "site.handler.ended" => RpcEvent::HandlerEnded {
            span: it.id("call"),
            end: end(&mut it),
        },
        _ => return None,
    }))
}

/// Code of a user's own says something.
pub(super) fn note(mut it: Fields<'_>) -> Event {
    Event::Noted {
        name: it.text("what"),
        value: it.text("value"),
    }
}

fn end(it: &mut Fields<'_>) -> RpcEnd {
    match &*it.text("end") {
        "status" => RpcEnd::Status(it.number("status")),
        "transport" => RpcEnd::Transport(Arc::clone(&it.text("error"))),
        _ => RpcEnd::Dropped,
    }
}

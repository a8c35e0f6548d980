//! The router's events. See `events.rs` there.

use super::fields::Fields;
use crate::journal::Event;

/// Where they come from.
pub(super) const TARGET: &str = "squall::router";

/// Nothing when it is none of them.
pub(super) fn event(mut it: Fields<'_>, name: &str) -> Option<Event> {
    Some(match name {
        "hop.started" => Event::HopStarted {
            trace: it.id("trace"),
            span: it.id("span"),
            parent: it.id("parent"),
            from: it.text("from"),
            to: it.text("to"),
            source_module: it.text("source_module"),
            target_module: it.text("target_module"),
            depth: it.number("depth") as u32,
            attempt: it.number("attempt") as u32,
            previous: it.id("previous"),
            key: it.id("key"),
            timeout: it.number("timeout"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "hop.ended" => Event::HopEnded {
            span: it.id("span"),
            outcome: it.outcome(),
            status: it.text("status"),
            peer: it.text("peer"),
            at_transport: it.number("at_transport") != 0,
            error: it.text("error"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "handle.started" => Event::HandleStarted {
            trace: it.id("trace"),
            span: it.id("span"),
            parent: it.id("parent"),
            module: it.text("module"),
            node: it.text("node"),
            port: it.text("port"),
            remote: it.number("remote") != 0,
            depth: it.number("depth") as u32,
            attempt: it.number("attempt") as u32,
            key: it.id("key"),
            timeout: it.number("timeout"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "handle.ended" => Event::HandleEnded {
            span: it.id("span"),
            how: it.handling(),
            error: it.text("error"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "endpoint.state" => Event::Endpoint {
            module: it.text("module"),
            endpoint: it.text("endpoint"),
            state: it.text("state"),
            cause: it.text("cause"),
        },
        "server.drain" => Event::ServerDrain {
            module: it.text("module"),
            phase: it.text("phase"),
            in_flight: it.number("in_flight"),
            connections: it.number("connections"),
        },
        _ => return None,
    })
}

//! Converts tracing events of the router to journal events.

use std::sync::Arc;

use squall_core::journal::values::{handling, outcome};
use squall_core::journal::{Event, Id};
use squall_core::run::Source;
use squall_events::router::{Event as Said, TARGET};
use squall_events::{Fields, Misfit};

use super::RouterEvent;

/// Their source.
pub(super) const SOURCE: Source = Source {
    target: TARGET,
    read: event,
};

/// `None` for events that the journal omits.
fn event(
    name: &'static str,
    fields: &Fields<Arc<str>>,
    _: &mut dyn FnMut(&str) -> Arc<str>,
) -> Result<Option<Event>, Misfit> {
    let Some(said) = Said::read(name, fields)? else {
        return Ok(None);
    };
    Ok(Some(match said {
        Said::HopStarted(it) => Event::HopStarted {
            trace: Id(it.trace),
            span: Id(it.span),
            parent: Id(it.parent),
            from: it.from,
            to: it.to,
            source_module: it.source_module,
            target_module: it.target_module,
            depth: it.depth as u32,
            attempt: it.attempt as u32,
            previous: Id(it.previous),
            key: Id(it.key),
            timeout: it.timeout,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::HopEnded(it) => Event::HopEnded {
            span: Id(it.span),
            outcome: outcome(name, &it.outcome)?,
            status: it.status,
            peer: it.peer,
            at_transport: it.at_transport,
            error: it.error,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::HandleStarted(it) => Event::HandleStarted {
            trace: Id(it.trace),
            span: Id(it.span),
            parent: Id(it.parent),
            module: it.module,
            node: it.node,
            port: it.port,
            remote: it.remote,
            depth: it.depth as u32,
            attempt: it.attempt as u32,
            key: Id(it.key),
            timeout: it.timeout,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::HandleEnded(it) => Event::HandleEnded {
            span: Id(it.span),
            how: handling(name, &it.how)?,
            error: it.error,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::EndpointState(it) => Event::of(RouterEvent::Endpoint {
            module: it.module,
            endpoint: it.endpoint,
            state: it.state,
            cause: it.cause,
        }),
        Said::ServerDrain(it) => Event::of(RouterEvent::ServerDrain {
            module: it.module,
            phase: it.phase,
            in_flight: it.in_flight,
            connections: it.connections,
        }),
        Said::ErrorHandled(_)
        | Said::DiscoveryResolved(_)
        | Said::DiscoveryUnresolved(_)
        | Said::ServerListening(_) => return Ok(None),
    }))
}

//! Converts tracing events of user-defined services to journal events: those of layers, and [`crate::note`].

use std::sync::Arc;

use squall_core::journal::values::rpc_end;
use squall_core::journal::{Event, Id};
use squall_core::run::Source;
use squall_events::site::{Event as Said, TARGET};
use squall_events::{Fields, Misfit};

use crate::journal::RpcEvent;

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
        Said::CallStarted(it) => Event::of(RpcEvent::CallStarted {
            span: Id(it.call),
            parent: Id(it.parent),
            peer: it.peer,
            service: it.service,
            method: it.method,
        }),
        Said::CallEnded(it) => Event::of(RpcEvent::CallEnded {
            span: Id(it.call),
            end: rpc_end(name, &it.end, it.status, it.error)?,
        }),
        Said::HandlerStarted(it) => Event::of(RpcEvent::HandlerStarted {
            span: Id(it.call),
            service: it.service,
            method: it.method,
        }),
        Said::HandlerEnded(it) => Event::of(RpcEvent::HandlerEnded {
            span: Id(it.call),
            end: rpc_end(name, &it.end, it.status, it.error)?,
        }),
        Said::Note(it) => Event::Noted {
            name: it.what,
            value: it.value,
        },
    }))
}

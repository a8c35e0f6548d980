//! What services of a user's own say in the journal: their layers, and [`crate::note`].

use std::sync::Arc;

use squall_events::site::Event as Said;
use squall_events::{Fields, Misfit};

use crate::journal::{Event, Id, RpcEvent};
use crate::systems::values::rpc_end;

pub(crate) use squall_events::site::TARGET;

/// Nothing when it is one of which the journal has nothing.
pub(crate) fn event(name: &'static str, fields: &Fields<Arc<str>>) -> Result<Option<Event>, Misfit> {
    let Some(said) = Said::read(name, fields)? else {
        return Ok(None);
    };
    Ok(Some(match said {
        Said::CallStarted(it) => Event::Rpc(RpcEvent::CallStarted {
            span: Id(it.call),
            parent: Id(it.parent),
            peer: it.peer,
            service: it.service,
            method: it.method,
        }),
        Said::CallEnded(it) => Event::Rpc(RpcEvent::CallEnded {
            span: Id(it.call),
            end: rpc_end(name, &it.end, it.status, it.error)?,
        }),
        Said::HandlerStarted(it) => Event::Rpc(RpcEvent::HandlerStarted {
            span: Id(it.call),
            service: it.service,
            method: it.method,
        }),
        Said::HandlerEnded(it) => Event::Rpc(RpcEvent::HandlerEnded {
            span: Id(it.call),
            end: rpc_end(name, &it.end, it.status, it.error)?,
        }),
        Said::Note(it) => Event::Noted {
            name: it.what,
            value: it.value,
        },
    }))
}

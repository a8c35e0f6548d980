//! Converts tracing events of nodes to journal events.

use std::sync::Arc;

use squall_core::journal::Event;
use squall_core::run::Source;
use squall_events::cluster::{Event as Said, TARGET};
use squall_events::{Fields, Misfit};

use crate::journal::ClusterEvent;

/// Their source.
pub(super) const SOURCE: Source = Source {
    target: TARGET,
    read: event,
};

/// The node of an actor's event is the host of its line.
fn event(
    name: &'static str,
    fields: &Fields<Arc<str>>,
    _: &mut dyn FnMut(&str) -> Arc<str>,
) -> Result<Option<Event>, Misfit> {
    let Some(said) = Said::read(name, fields)? else {
        return Ok(None);
    };
    let event = match said {
        Said::ActorSpawned(it) => ClusterEvent::ActorSpawned {
            actor: it.actor,
            src: it.src,
            parent: it.parent,
            incarnation: it.incarnation,
        },
        Said::ActorEnded(it) => ClusterEvent::ActorEnded {
            actor: it.actor,
            src: it.src,
            incarnation: it.incarnation,
            how: it.how,
            cause: it.cause,
        },
        Said::ActorHandled(it) => ClusterEvent::ActorHandled {
            actor: it.actor,
            incarnation: it.incarnation,
            message: it.message,
            number: it.number,
            outcome: it.outcome,
        },
        Said::ActorSupervised(it) => ClusterEvent::ActorSupervised {
            actor: it.actor,
            src: it.src,
            incarnation: it.incarnation,
            decision: it.decision,
            delay: it.delay,
        },
        Said::MessageUndelivered(it) => ClusterEvent::MessageUndelivered {
            node: it.node,
            actor: it.actor,
            reason: it.reason,
        },
    };
    Ok(Some(Event::of(event)))
}

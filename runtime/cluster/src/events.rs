//! All `tracing` events of this crate. They are defined in `squall-events`.
//!
//! Field values are computed only when a subscriber takes the event. Events and inputs are never part of one, because
//! they may hold secrets.

use std::time::Duration;

use squall_events::cluster as said;

use crate::supervisor::Decision;
use crate::{ActorRef, Cause, Escalation, SpawnSpec};

/// An actor runs.
pub(crate) fn spawned(node: &str, spec: &SpawnSpec, incarnation: u64) {
    said::ActorSpawned::say(|| said::ActorSpawned {
        node: node.into(),
        actor: spec.id.as_str().into(),
        src: spec.src.as_str().into(),
        parent: spec.parent.as_deref().unwrap_or_default().into(),
        incarnation,
    });
}

/// A running actor was stopped.
pub(crate) fn stopped(node: &str, spec: &SpawnSpec, incarnation: u64) {
    ended(node, spec, incarnation, "stopped", None);
}

/// An actor has completed.
pub(crate) fn completed(node: &str, spec: &SpawnSpec, incarnation: u64) {
    ended(node, spec, incarnation, "completed", None);
}

/// An actor has failed.
pub(crate) fn failed(node: &str, spec: &SpawnSpec, incarnation: u64, cause: &Cause) {
    ended(node, spec, incarnation, "failed", Some(cause));
}

fn ended(node: &str, spec: &SpawnSpec, incarnation: u64, how: &str, cause: Option<&Cause>) {
    said::ActorEnded::say(|| said::ActorEnded {
        node: node.into(),
        actor: spec.id.as_str().into(),
        src: spec.src.as_str().into(),
        incarnation,
        how: how.into(),
        cause: cause.map(|it| it.to_string()).unwrap_or_default().into(),
    });
}

/// An actor has handled an event: the `number`th of this incarnation.
pub(crate) fn handled(
    node: &str,
    spec: &SpawnSpec,
    (incarnation, number): (u64, u64),
    message: Option<&str>,
    outcome: &'static str,
) {
    said::ActorHandled::say(|| said::ActorHandled {
        node: node.into(),
        actor: spec.id.as_str().into(),
        incarnation,
        message: message.unwrap_or_default().into(),
        number,
        outcome: outcome.into(),
    });
}

/// What a supervisor did about a failure. The delay is that of a restart which is planned.
pub(crate) fn supervised(escalation: &Escalation, decision: Decision, delay: Option<Duration>) {
    said::ActorSupervised::say(|| said::ActorSupervised {
        node: escalation.actor.node.as_str().into(),
        actor: escalation.actor.id.as_str().into(),
        src: escalation.actor.src.as_str().into(),
        incarnation: escalation.incarnation,
        decision: decision.as_str().into(),
        delay: delay.map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX)),
    });
}

/// An actor's message to another node was not delivered.
pub(crate) fn undelivered(to: &ActorRef, reason: &str) {
    said::MessageUndelivered::say(|| said::MessageUndelivered {
        node: to.node.as_str().into(),
        actor: to.id.as_str().into(),
        reason: reason.into(),
    });
}

//! Failures that no parent has asked to hear of. Spec: cluster 3.4.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{ActorRef, Cause, Error, SpawnSpec};

/// A failure that no parent has asked to hear of.
#[derive(Debug, Clone, thiserror::Error)]
#[error("actor '{}' ({}) has failed: {cause}", .actor.id, .actor.src)]
pub struct Escalation {
    /// The actor.
    pub actor: ActorRef,
    /// The actor that spawned it.
    pub parent: Option<String>,
    /// Its error, or the panic.
    pub cause: Cause,
    /// How it was spawned: enough to do so again.
    pub spec: Arc<SpawnSpec>,
    /// Tells this life of the actor from earlier and later ones of the same id on the same node.
    pub incarnation: u64,
}

/// Decides about escalations: a [`Supervisor`](crate::Supervisor), or the program's own.
#[async_trait]
pub trait EscalationHandler: Send + Sync + 'static {
    /// An actor has failed. Called once for each failure, in the task of the actor, without a lock: it may use the
    /// system. Those who wait for the answer to the failing message wait for this, too, so that they find a restarted
    /// actor running. True: a restart is planned for later, and the actor is not forgotten before that.
    async fn escalated(&self, escalation: &Escalation) -> bool;

    /// An actor of this id was spawned or stopped by its owner. What was planned for it is obsolete.
    fn superseded(&self, id: &str);
}

/// Restarts actors: a [`System`](crate::System), through its [weak handle](crate::System::downgrade).
#[async_trait]
pub trait Respawner: Send + Sync + 'static {
    /// Starts a failed actor again, as it was spawned first, unless this incarnation has been replaced, or was
    /// stopped. False: it was.
    ///
    /// # Errors
    /// As of [`System::spawn_local`](crate::System::spawn_local); the actor remains as it was.
    async fn restart(&self, spec: &SpawnSpec, incarnation: u64) -> Result<bool, Error>;

    /// No restart is planned any more for this incarnation.
    fn abandon(&self, id: &str, incarnation: u64);
}

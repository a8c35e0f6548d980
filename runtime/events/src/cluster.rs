//! Events of the actors of a cluster's nodes.

crate::events! {
    /// Any of them.
    Event at "squall::cluster";

    /// An actor runs from now on.
    ActorSpawned = "actor.spawned" at DEBUG {
        node: Text,
        /// Its id.
        actor: Text,
        /// The name of its behaviour.
        src: Text,
        /// The id of the actor that spawned it; empty if there is none.
        parent: Text,
        /// Tells this life of the actor from others of the same id on the same node.
        incarnation: Number,
    };

    /// A running actor no longer runs.
    ActorEnded = "actor.ended" at DEBUG {
        node: Text,
        actor: Text,
        src: Text,
        incarnation: Number,
        /// `stopped`, `completed` or `failed`.
        how: Text,
        /// Why it failed; empty when it did not.
        cause: Text,
    };

    /// A running actor has come to the end of an event, before it takes the next one.
    ActorHandled = "actor.handled" at DEBUG {
        node: Text,
        actor: Text,
        incarnation: Number,
        /// The id of the message; empty if it has none.
        message: Text,
        /// The place of the event in this life of the actor: 1, 2, ...
        number: Number,
        /// `handled`, `ignored`, `rejected`, `completed` or `failed`.
        outcome: Text,
    };

    /// A supervisor has dealt with a failure.
    ActorSupervised = "actor.supervised" at INFO {
        node: Text,
        actor: Text,
        src: Text,
        /// The incarnation that failed.
        incarnation: Number,
        /// What it did: `escalate`, `stop`, `restart` or `backoff`.
        decision: Text,
        /// The time until a planned restart; 0 when none is planned.
        delay: Number,
    };

    /// A message of an actor to another node is lost.
    MessageUndelivered = "message.undelivered" at WARN {
        /// The receiver's node.
        node: Text,
        /// The receiver's id.
        actor: Text,
        reason: Text,
    };
}

//! What managers say, and the providers that they have.

crate::events! {
    /// Any of them.
    Event at "squall::provider";

    /// A provider has registered modules, by their qualified names with commas between them.
    Registered = "provider.registered" at DEBUG {
        connection: Text,
        namespace: Text,
        /// Empty for a provider that owns its namespace alone, as in all that follow.
        group: Text,
        executor: Text,
        modules: Text,
    };

    /// A request was rejected, for this and maybe other reasons. Of what was sent only the beginning is said.
    Rejected = "provider.rejected" at DEBUG {
        namespace: Text,
        group: Text,
        executor: Text,
        reason: Text,
    };

    /// A transition of the state machine of one connection.
    State = "provider.state" at DEBUG {
        connection: Text,
        namespace: Text,
        group: Text,
        executor: Text,
        state: Text,
        cause: Text,
    };

    /// A member is put aside, or in use again.
    MemberState = "member.state" at DEBUG {
        connection: Text,
        namespace: Text,
        executor: Text,
        state: Text,
        cause: Text,
    };

    /// Nobody owns the namespace any more.
    NamespaceReleased = "namespace.released" at DEBUG {
        namespace: Text,
    };

    /// A heartbeat came; the timestamp is the provider's, in milliseconds since the Unix epoch.
    HeartbeatReceived = "heartbeat.received" at DEBUG {
        connection: Text,
        timestamp: Number,
    };

    /// A manager asks a provider to execute.
    ExecuteStarted = "execute.started" at DEBUG {
        execution: Number,
        /// The short name.
        module: Text,
        namespace: Text,
        connection: Text,
        executor: Text,
        /// From 1.
        attempt: Number,
        /// What is left of the call's.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// That has ended: said also when the caller gives up.
    ExecuteEnded = "execute.ended" at DEBUG {
        execution: Number,
        /// `ok`, `failed` or `unknown`.
        outcome: Text,
        status: Text,
        error: Text,
        bytes: Number,
        digest: Number,
        connection: Text,
        attempt: Number,
    };

    /// A transition of one instance of a provider, and why.
    InstanceState = "instance.state" at DEBUG {
        manager: Text,
        namespace: Text,
        connection: Text,
        state: Text,
        cause: Text,
    };

    /// A heartbeat is on its way. The timestamp is that of the wall clock, in milliseconds since 1970.
    HeartbeatSent = "heartbeat.sent" at DEBUG {
        connection: Text,
        timestamp: Number,
    };

    /// The platform has injected a fault: no heartbeat is sent this time.
    HeartbeatSuppressed = "heartbeat.suppressed" at DEBUG {
        connection: Text,
    };

    /// A provider executes.
    ExecutionStarted = "execution.started" at DEBUG {
        execution: Number,
        /// The short name.
        module: Text,
        namespace: Text,
        /// Where it listens.
        instance: Text,
        /// What is left of the caller's; 0 when it has no deadline.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// That has ended: said also when its caller gives up and the handler is dropped.
    ExecutionEnded = "execution.ended" at DEBUG {
        execution: Number,
        /// `ok`, `error`, `panic` or `dropped`.
        how: Text,
        error: Text,
        bytes: Number,
        digest: Number,
    };

    /// One step of a rollout.
    CanaryStep = "canary.step" at DEBUG {
        instance: Text,
        step: Text,
        version: Text,
    };

    /// The end of a rollout.
    CanaryEnded = "canary.ended" at DEBUG {
        outcome: Text,
        reason: Text,
    };
}

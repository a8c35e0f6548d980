//! Events of managers and providers.

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

    /// A request was rejected, for this and maybe other reasons. Values from the request are truncated.
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

    /// A member is set aside, or in use again.
    MemberState = "member.state" at DEBUG {
        connection: Text,
        namespace: Text,
        executor: Text,
        state: Text,
        cause: Text,
    };

    /// The namespace has no owner any more.
    NamespaceReleased = "namespace.released" at DEBUG {
        namespace: Text,
    };

    /// A heartbeat was received; the timestamp is the provider's, in milliseconds since the Unix epoch.
    HeartbeatReceived = "heartbeat.received" at DEBUG {
        connection: Text,
        timestamp: Number,
    };

    /// A manager sends an execution to a provider.
    ExecuteStarted = "execute.started" at DEBUG {
        execution: Number,
        /// The short name.
        module: Text,
        namespace: Text,
        connection: Text,
        executor: Text,
        /// Counted from 1.
        attempt: Number,
        /// The remaining time of the call.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// The end of `execute.started`; also emitted when the caller gives up.
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

    /// A heartbeat is sent. The timestamp is that of the wall clock, in milliseconds since 1970.
    HeartbeatSent = "heartbeat.sent" at DEBUG {
        connection: Text,
        timestamp: Number,
    };

    /// The platform has injected a fault: this heartbeat is not sent.
    HeartbeatSuppressed = "heartbeat.suppressed" at DEBUG {
        connection: Text,
    };

    /// A provider begins an execution.
    ExecutionStarted = "execution.started" at DEBUG {
        execution: Number,
        /// The short name.
        module: Text,
        namespace: Text,
        /// Where it listens.
        instance: Text,
        /// The remaining time of the caller; 0 when there is no deadline.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// The end of the execution; also emitted when its caller gives up and the handler is dropped.
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

//! Events of modules.

crate::events! {
    /// Any of them.
    Event at "squall::router";

    /// A call to another module begins.
    HopStarted = "hop.started" at DEBUG {
        trace: Number,
        span: Number,
        parent: Number,
        from: Text,
        to: Text,
        source_module: Text,
        target_module: Text,
        depth: Number,
        /// Counted from 1.
        attempt: Number,
        /// The span of the attempt before this one; 0 for the first.
        previous: Number,
        /// The digest of the idempotency key, which the caller may have chosen.
        key: Number,
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// The end of the call; also emitted when the caller gives up.
    HopEnded = "hop.ended" at DEBUG {
        span: Number,
        /// `ok`, `failed` or `unknown`.
        outcome: Text,
        status: Text,
        /// The address; empty when no endpoint was chosen.
        peer: Text,
        /// Whether it waited for the network, at least for a dial.
        at_transport: Flag,
        error: Text,
        bytes: Number,
        digest: Number,
    };

    /// An execution of a component begins.
    HandleStarted = "handle.started" at DEBUG {
        trace: Number,
        span: Number,
        parent: Number,
        module: Text,
        node: Text,
        port: Text,
        remote: Flag,
        depth: Number,
        attempt: Number,
        key: Number,
        /// The remaining time of the call; 0 when there is no deadline.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// The end of the execution; also emitted when it is cancelled.
    HandleEnded = "handle.ended" at DEBUG {
        span: Number,
        /// `ok`, `error`, `panic` or `dropped`.
        how: Text,
        error: Text,
        bytes: Number,
        digest: Number,
    };

    /// A component emitted an error on its `error` port: it is handled, but counts. Spec: router W-10, section 7,
    /// test 29.
    ErrorHandled = "error.handled" at DEBUG {
        trace: Number,
        span: Number,
        module: Text,
        node: Text,
        error: Text,
    };

    /// A transition of the state machine of one endpoint.
    EndpointState = "endpoint.state" at DEBUG {
        module: Text,
        endpoint: Text,
        state: Text,
        cause: Text,
    };

    /// A name resolves to different addresses than before, separated by commas.
    DiscoveryResolved = "discovery.resolved" at DEBUG {
        module: Text,
        name: Text,
        addresses: Text,
    };

    /// A name does not resolve: its last answer remains valid.
    DiscoveryUnresolved = "discovery.unresolved" at WARN {
        module: Text,
        name: Text,
        error: Text,
    };

    /// The server accepts connections.
    ServerListening = "server.listening" at DEBUG {
        module: Text,
        address: Text,
    };

    /// A phase of a server's shutdown, and the remaining requests and connections.
    ServerDrain = "server.drain" at INFO {
        module: Text,
        phase: Text,
        in_flight: Number,
        connections: Number,
    } says ("server drain: {phase}", phase);
}

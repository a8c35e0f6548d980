//! What modules say.

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
        /// From 1.
        attempt: Number,
        /// The span of the attempt before this one; 0 for the first.
        previous: Number,
        /// The digest of the idempotency key: it may be the caller's own words.
        key: Number,
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// It has ended: said also when the caller gives up.
    HopEnded = "hop.ended" at DEBUG {
        span: Number,
        /// `ok`, `failed` or `unknown`.
        outcome: Text,
        status: Text,
        /// The address; empty when it came to none.
        peer: Text,
        /// Whether it waited for the network, if only for a dial.
        at_transport: Flag,
        error: Text,
        bytes: Number,
        digest: Number,
    };

    /// A component is at work.
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
        /// What is left of the time of the call; 0 when it has no deadline.
        timeout: Number,
        bytes: Number,
        digest: Number,
    };

    /// It has ended: said also when it is cancelled.
    HandleEnded = "handle.ended" at DEBUG {
        span: Number,
        /// `ok`, `error`, `panic` or `dropped`.
        how: Text,
        error: Text,
        bytes: Number,
        digest: Number,
    };

    /// A component emitted an error on its `error` port: it is handled, and counts all the same. Spec: router W-10,
    /// section 7, test 29.
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

    /// A name resolves to other addresses than before: with commas between them.
    DiscoveryResolved = "discovery.resolved" at DEBUG {
        module: Text,
        name: Text,
        addresses: Text,
    };

    /// A name does not resolve: what it last resolved to stands.
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

    /// A phase of a server's shutdown, and what there still is to wait for.
    ServerDrain = "server.drain" at INFO {
        module: Text,
        phase: Text,
        in_flight: Number,
        connections: Number,
    } says ("server drain: {phase}", phase);
}

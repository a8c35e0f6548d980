//! Events of user-defined services with the layers of `squall-site`.

crate::events! {
    /// Any of them.
    Event at "squall::site";

    /// A call is passed to the channel.
    CallStarted = "site.call.started" at DEBUG {
        /// The name of the emitting site.
        host: Text,
        /// The call's number, the same at both ends; random, never 0.
        call: Number,
        /// The number of the call whose handler made this one; 0 if there is none, or it was made in a task of its
        /// own.
        parent: Number,
        /// The callee, as configured in the layer, or from the request's URI; empty if neither has it.
        peer: Text,
        /// From the path `/service/method`; any other path is the method as a whole.
        service: Text,
        method: Text,
    };

    /// The response is complete, or the call is given up.
    CallEnded = "site.call.ended" at DEBUG {
        host: Text,
        call: Number,
        /// `status`: with a gRPC status, from headers or trailers. `transport`: without one, by an error of the
        /// channel or of the connection. `dropped`: the caller gave up.
        end: Text,
        /// The gRPC status code; 0 when there is none.
        status: Number,
        /// The error; empty when `end` is not `transport`.
        error: Text,
    };

    /// A request is passed to the server's services.
    HandlerStarted = "site.handler.started" at DEBUG {
        host: Text,
        /// 0: its caller has no layer.
        call: Number,
        /// As sent by the caller.
        parent: Number,
        service: Text,
        method: Text,
    };

    /// The response is complete, or it is given up. The fields are those of `CallEnded`.
    HandlerEnded = "site.handler.ended" at DEBUG {
        host: Text,
        call: Number,
        end: Text,
        status: Number,
        error: Text,
    };

    /// A user's code records an event of its own.
    Note = "note" at INFO {
        what: Text,
        /// The content, as JSON.
        value: Text,
    };
}

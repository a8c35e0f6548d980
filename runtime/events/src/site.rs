//! What services of a user's own say with the layers of `squall-site`.

crate::events! {
    /// Any of them.
    Event at "squall::site";

    /// A call is handed to the channel.
    CallStarted = "site.call.started" at DEBUG {
        /// The name of the site that says it.
        host: Text,
        /// The call's number, the same at both ends; random, never 0.
        call: Number,
        /// The number of the call within whose handler this one was made; 0: in none, or in a task of its own.
        parent: Number,
        /// Who is called, as the layer was told, or as the request's URI says; empty if neither does.
        peer: Text,
        /// Of the path `/service/method`; of another path, all of it is the method.
        service: Text,
        method: Text,
    };

    /// Its answer is complete, or it is given up.
    CallEnded = "site.call.ended" at DEBUG {
        host: Text,
        call: Number,
        /// `status`: with a gRPC status, of headers or trailers. `transport`: with none, by an error of the channel or of the
        /// connection. `dropped`: whoever waited for it gave up.
        end: Text,
        /// The gRPC status code; 0 when there is none.
        status: Number,
        /// The error; empty when `end` is not `transport`.
        error: Text,
    };

    /// A request is handed to the server's services.
    HandlerStarted = "site.handler.started" at DEBUG {
        host: Text,
        /// 0: its caller has no layer.
        call: Number,
        /// As its caller says.
        parent: Number,
        service: Text,
        method: Text,
    };

    /// Its answer is complete, or it is given up. The fields are those of `CallEnded`.
    HandlerEnded = "site.handler.ended" at DEBUG {
        host: Text,
        call: Number,
        end: Text,
        status: Number,
        error: Text,
    };

    /// Code of a user's own says something of itself, and what it is about.
    Note = "note" at INFO {
        what: Text,
        /// What it says, as JSON.
        value: Text,
    };
}

//! Why a delivery or a spawn has failed.

/// Why a delivery or a spawn has failed.
///
/// Methods answer whether the call may have had an effect ([`Error::may_have_happened`]) and whether another attempt
/// may succeed ([`Error::may_be_retried`]). An actor that does not run is no error: see
/// [`Delivered`](crate::Delivered).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The actor is on another node, and this system has no transport. The program is at fault.
    #[error("no transport to node '{node}': give the system one, or use a reference of its own node")]
    NoTransport {
        /// The other node.
        node: String,
    },
    /// The transport knows no node of this name. Nothing was sent.
    #[error("node '{node}' is unreachable: the transport has no connection of that name")]
    NodeUnreachable {
        /// The node.
        node: String,
    },
    /// The node is known, but cannot be reached, or the connection to it was lost.
    #[error("node '{node}' is unavailable: {reason}")]
    Unavailable {
        /// The node.
        node: String,
        /// The transport's reason.
        reason: String,
        /// False: the node has certainly not received the call.
        may_have_happened: bool,
    },
    /// There was no answer in time. The call may yet take effect.
    #[error("node '{node}' has not answered in time")]
    DeadlineExceeded {
        /// The node.
        node: String,
    },
    /// The caller, or its node, gave the call up. It may yet take effect.
    #[error("the call to node '{node}' was cancelled")]
    Cancelled {
        /// The node.
        node: String,
    },
    /// The node has no behaviour of this name.
    #[error("actor '{id}' cannot be spawned on node '{node}': it has no behaviour '{src}'")]
    UnknownSource {
        /// The id of the actor.
        id: String,
        /// The name of the behaviour.
        src: String,
        /// The node.
        node: String,
    },
    /// An event or an input cannot be encoded, or is not what the node expects.
    #[error("bad payload for actor '{id}': {reason}")]
    BadPayload {
        /// The id of the actor.
        id: String,
        /// What is wrong, as the JSON codec says it.
        reason: String,
    },
    /// The call was sent to a node that the reference does not name: the sender's table of nodes is wrong.
    #[error("actor '{id}' is on node '{wanted}', but this is node '{node}'")]
    WrongNode {
        /// The id of the actor.
        id: String,
        /// The node of the reference.
        wanted: String,
        /// The node that was reached.
        node: String,
    },
    /// An actor of this id runs, but was spawned from another behaviour.
    #[error("actor '{id}' already runs as '{src}', not as '{wanted}'")]
    Conflict {
        /// The id of the actor.
        id: String,
        /// The behaviour of the running actor.
        src: String,
        /// The requested behaviour.
        wanted: String,
    },
    /// The actor's mailbox is full. The message was not accepted.
    #[error("the mailbox of actor '{id}' is full: it takes {limit} messages")]
    Overflow {
        /// The id of the actor.
        id: String,
        /// The capacity of the mailbox.
        limit: usize,
    },
    /// The reference is of an earlier incarnation of the actor or of its node.
    #[error("the reference to actor '{id}' is stale: {reason}")]
    Stale {
        /// The id of the actor.
        id: String,
        /// What has happened since.
        reason: String,
    },
    /// The actor's behaviour returned an error or panicked, so there is no actor.
    #[error("actor '{id}' did not start from '{src}' on node '{node}': {reason}")]
    Failed {
        /// The id of the actor.
        id: String,
        /// The name of the behaviour.
        src: String,
        /// The node.
        node: String,
        /// The behaviour's error, or the message of its panic.
        reason: String,
    },
    /// The node answered with an error that says no more than this, as a node in Go does.
    #[error("node '{node}' answered with code {code}: {message}")]
    Remote {
        /// The node.
        node: String,
        /// The gRPC status code.
        code: i32,
        /// The node's text.
        message: String,
    },
}

impl Error {
    /// Whether the message may have reached the actor, or the actor may have been spawned. False: it certainly has not.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Error::Unavailable {
                may_have_happened, ..
            } => *may_have_happened,
            Error::DeadlineExceeded { .. } | Error::Cancelled { .. } | Error::Remote { .. } => true,
            _ => false,
        }
    }

    /// Whether another attempt may succeed without any other change. An attempt after
    /// [`Error::may_have_happened`] needs a message id, or the actor may see the message twice.
    pub fn may_be_retried(&self) -> bool {
        matches!(
            self,
            Error::Unavailable { .. } | Error::DeadlineExceeded { .. } | Error::Overflow { .. }
        )
    }

    /// Whether the node cannot be reached: it is unknown to the transport, or does not answer to connections.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Error::NodeUnreachable { .. } | Error::Unavailable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(may_have_happened: bool) -> Error {
        Error::Unavailable {
            node: "b".to_owned(),
            reason: "connection refused".to_owned(),
            may_have_happened,
        }
    }

    #[test]
    fn each_error_says_whether_it_happened_and_whether_to_try_again() {
        let node = || "b".to_owned();
        let id = || "w".to_owned();
        let cases = [
            (Error::NoTransport { node: node() }, (false, false, false)),
            (Error::NodeUnreachable { node: node() }, (false, false, true)),
            (unavailable(false), (false, true, true)),
            (unavailable(true), (true, true, true)),
            (Error::DeadlineExceeded { node: node() }, (true, true, false)),
            (Error::Cancelled { node: node() }, (true, false, false)),
            (Error::Overflow { id: id(), limit: 1 }, (false, true, false)),
            (
                Error::Stale {
                    id: id(),
                    reason: String::new(),
                },
                (false, false, false),
            ),
            (
                Error::Remote {
                    node: node(),
                    code: 2,
                    message: String::new(),
                },
                (true, false, false),
            ),
        ];
        for (error, expected) in cases {
            let answers = (
                error.may_have_happened(),
                error.may_be_retried(),
                error.is_unreachable(),
            );
            assert_eq!(answers, expected, "{error}");
        }
    }

    #[test]
    fn a_text_names_the_place() {
        let text = "node 'b' is unavailable: connection refused";
        assert_eq!(unavailable(true).to_string(), text);
    }
}

//! Errors of messages: whether the call happened, whose fault it is, and whether to retry.

mod component;
mod kind;

use std::fmt::Display;
use std::sync::Arc;

pub use component::ComponentError;
pub use kind::Kind;
pub use squall_grpc::Outcome;

/// Why a message has no answer.
///
/// The texts are the contract of the specification. Methods answer three questions: did it happen
/// ([`Error::outcome`]), of what kind is the error ([`Error::kind`], [`Error::class`]), may it be retried
/// ([`Error::retryable`]).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The destination cannot be parsed. Its author is at fault. Spec: router 3.1.
    #[error("invalid destination {to:?}: {reason}")]
    InvalidDestination {
        /// The destination as given.
        to: Arc<str>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No module is known to own the node. Spec: router S-11.
    #[error("no module found for node: {node}")]
    NoModule {
        /// The node.
        node: Arc<str>,
    },
    /// The owner is known, but not where it runs. Spec: router S-16.
    #[error("module not discovered: {module}")]
    NotDiscovered {
        /// The owner.
        module: Arc<str>,
    },
    /// This module should have the node but does not. Spec: router H-9.
    #[error("instance not found: {node}")]
    NoInstance {
        /// The node.
        node: Arc<str>,
    },
    /// The node is here, but has no such port, or not yet. Spec: router 3.4.5.
    #[error("port {port} not ready on node {node}")]
    PortNotReady {
        /// The port.
        port: Arc<str>,
        /// The node.
        node: Arc<str>,
    },
    /// The instance was taken away while the message waited for its port. Spec: router 3.4.5.
    #[error("instance {node} no longer exists")]
    InstanceGone {
        /// The node.
        node: Arc<str>,
    },
    /// The name of the owner fits several modules. Spec: router 6.2, W-12.
    #[error("module name {name} is ambiguous: it matches {}", list(.candidates))]
    AmbiguousModule {
        /// The owner, as it was recorded.
        name: Arc<str>,
        /// All modules that it fits.
        candidates: Vec<Arc<str>>,
    },
    /// The call was cancelled by this side: its edge was removed or its instance destroyed. It may have happened.
    /// Spec: router W-7, 3.6, 3.9.
    #[error("cancelled: {reason}")]
    Cancelled {
        /// The removed edge or instance.
        reason: Arc<str>,
    },
    /// The message is the product of too many hops. Spec: router 3.4.
    #[error("max message depth {limit} exceeded (possible cycle in flow graph)")]
    DepthExceeded {
        /// The limit.
        limit: u32,
    },
    /// Data could not be encoded or decoded, or is too large. Spec: router S-18, H-5.
    #[error("serialization failed: {cause}")]
    Serialization {
        /// The codec's error.
        cause: Arc<str>,
        /// Unknown when the response could not be read or written.
        outcome: Outcome,
    },
    /// The peer could not be reached, or the connection to it was lost. Spec: router S-29, H-3.
    #[error("module unavailable: {module}")]
    Unavailable {
        /// The peer.
        module: Arc<str>,
        /// The network's error.
        cause: Arc<str>,
        /// Failed when the request certainly never reached the peer.
        outcome: Outcome,
    },
    /// The deadline of a cross-module call passed. Spec: router S-33.
    #[error("cross-module call timed out")]
    Timeout {
        /// The peer.
        module: Arc<str>,
        /// Failed when the request had not been sent yet.
        outcome: Outcome,
    },
    /// The deadline passed while a component of this module was at work.
    #[error("call timed out on node {node}")]
    Overdue {
        /// The node.
        node: Arc<str>,
    },
    /// The call failed in gRPC in another way. Spec: router S-20.
    #[error("gRPC send failed: {cause}")]
    Send {
        /// The status code and message.
        cause: Arc<str>,
        /// Failed when the peer certainly did not handle the request, or reported a failure.
        outcome: Outcome,
        /// False when certainly no handler has begun with it: only then may it be sent again unconditionally.
        handled: bool,
        /// True when the peer rejects the message itself, so that a retry would fail as well.
        in_vain: bool,
    },
    /// The limit of calls in flight is reached. Nothing queues: try again later, or elsewhere. Spec: router 5.2.
    #[error("module overloaded: {module}: {limit} calls are in flight, the most that are taken")]
    Overload {
        /// The module that is called.
        module: Arc<str>,
        /// The limit of calls in flight.
        limit: usize,
    },
    /// The module called is shutting down. Spec: router 5.2.
    #[error("module is shutting down: {module}")]
    Shutdown {
        /// The module.
        module: Arc<str>,
        /// Unknown when a component had begun.
        outcome: Outcome,
    },
    /// A message of another module is for a system port. Its sender is at fault. Spec: router 4.2, 5.2.
    #[error(
        "port {port} is not served to other modules: it is a system port; set the option serve_system_ports to allow it"
    )]
    SystemPort {
        /// The port.
        port: Arc<str>,
    },
    /// The remote module answered with an error. Spec: router S-21, S-31, H-2.
    #[error(transparent)]
    Remote(Box<RemoteError>),
    /// A component of this module returned an error.
    #[error(transparent)]
    Component(Box<ComponentError>),
    /// A component of this module panicked.
    #[error("component panicked: {message}")]
    Panic {
        /// The panic's message.
        message: Arc<str>,
    },
}

/// An error returned by a remote module. Spec: router 2.4, S-31.
#[derive(Debug, Clone, thiserror::Error)]
#[error("remote error: {message}")]
pub struct RemoteError {
    /// The text as the remote module sent it, without any prefix.
    pub message: String,
    /// The kind of the error.
    pub kind: Kind,
    /// The module that raised it, which may be further away than the called one. Empty when unknown.
    pub origin: String,
    /// The component author's stable code.
    pub code: Option<String>,
    /// Whether the component's author calls it retryable.
    pub retryable: Option<bool>,
    /// Whether the remote module knows that the call did not happen.
    pub outcome: Outcome,
    /// False when the called module reports that no component has begun with the message. A failed component may
    /// nevertheless have had effects, so certainty of the failure alone is no reason to retry.
    pub handled: bool,
}

impl Error {
    /// The value of the `status` label: one of `remote_error`, `unavailable`, `timeout`, `not_discovered`,
    /// `serialization`, `cancelled`, `error`. (`ok` is no error. A caller that cancels sees no error.) Spec: router
    /// H-10.
    pub fn class(&self) -> &'static str {
        match self {
            Error::Remote(_) => "remote_error",
            Error::Unavailable { .. } => "unavailable",
            Error::Timeout { .. } | Error::Overdue { .. } => "timeout",
            Error::NotDiscovered { .. } => "not_discovered",
            Error::Serialization { .. } => "serialization",
            Error::Cancelled { .. } => "cancelled",
            Error::Component(error) => error.source.as_ref().map_or("error", Error::class),
            Error::InvalidDestination { .. }
            | Error::NoModule { .. }
            | Error::NoInstance { .. }
            | Error::PortNotReady { .. }
            | Error::InstanceGone { .. }
            | Error::AmbiguousModule { .. }
            | Error::DepthExceeded { .. }
            | Error::Send { .. }
            | Error::Overload { .. }
            | Error::Shutdown { .. }
            | Error::SystemPort { .. }
            | Error::Panic { .. } => "error",
        }
    }

    /// Did it happen?
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Serialization { outcome, .. }
            | Error::Unavailable { outcome, .. }
            | Error::Timeout { outcome, .. }
            | Error::Shutdown { outcome, .. }
            | Error::Send { outcome, .. } => *outcome,
            Error::Overdue { .. } | Error::Cancelled { .. } => Outcome::Unknown,
            Error::Remote(error) => error.outcome,
            Error::Component(error) => error.source.as_ref().map_or(Outcome::Failed, Error::outcome),
            Error::InvalidDestination { .. }
            | Error::NoModule { .. }
            | Error::NotDiscovered { .. }
            | Error::NoInstance { .. }
            | Error::PortNotReady { .. }
            | Error::InstanceGone { .. }
            | Error::AmbiguousModule { .. }
            | Error::DepthExceeded { .. }
            | Error::Overload { .. }
            | Error::SystemPort { .. }
            | Error::Panic { .. } => Outcome::Failed,
        }
    }

    /// Of what kind is it?
    pub fn kind(&self) -> Kind {
        match self {
            Error::InvalidDestination { .. } => Kind::InvalidDestination,
            Error::NoModule { .. }
            | Error::NotDiscovered { .. }
            | Error::NoInstance { .. }
            | Error::InstanceGone { .. }
            | Error::AmbiguousModule { .. } => Kind::NotFound,
            Error::PortNotReady { .. } => Kind::PortNotReady,
            Error::Cancelled { .. } => Kind::Cancelled,
            Error::DepthExceeded { .. } => Kind::Depth,
            Error::Overload { .. } => Kind::Overload,
            Error::Shutdown { .. } => Kind::Shutdown,
            Error::SystemPort { .. } => Kind::Forbidden,
            Error::Serialization { .. } => Kind::Serialization,
            Error::Unavailable { .. } => Kind::UpstreamUnavailable,
            Error::Timeout { .. } | Error::Overdue { .. } => Kind::UpstreamTimeout,
            Error::Send { .. } => Kind::Transport,
            Error::Remote(error) => error.kind,
            Error::Component(error) => error.source.as_ref().map_or(Kind::Component, Error::kind),
            Error::Panic { .. } => Kind::Panic,
        }
    }

    /// The text that is sent to another module: for a remote error the text of the remote module, else that of
    /// `Display`. Spec: router S-21, H-2.
    pub fn message(&self) -> String {
        match self {
            Error::Remote(error) => error.message.clone(),
            other => other.to_string(),
        }
    }

    /// The component author's code for it, if any.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Remote(error) => error.code.as_deref(),
            Error::Component(error) => error
                .code
                .as_deref()
                .or_else(|| error.source.as_ref().and_then(Error::code)),
            _ => None,
        }
    }

    /// Whether the component's author calls it retryable; `None` when unknown. For an error that was passed on with a
    /// mark of its own, permanent beats retryable. Spec: router 3.6.
    pub fn retryable(&self) -> Option<bool> {
        match self {
            Error::Remote(error) => error.retryable,
            Error::Component(error) => {
                let inner = error.source.as_ref().and_then(Error::retryable);
                match (error.retryable, inner) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (own, inner) => own.or(inner),
                }
            }
            _ => None,
        }
    }

    /// The same error after unsuccessful retries: callers further up must not retry again, or attempts would multiply
    /// with every hop. Spec: router W-2.
    pub(crate) fn exhausted(self) -> Self {
        if self.retryable() != Some(true) {
            return self;
        }
        match self {
            Error::Remote(mut error) => {
                error.retryable = Some(false);
                Error::Remote(error)
            }
            Error::Component(mut error) => {
                error.retryable = Some(false);
                Error::Component(error)
            }
            error => error,
        }
    }

    /// The module that raised it, if it was another one.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Error::Remote(error) => Some(error.origin.as_str()).filter(|origin| !origin.is_empty()),
            Error::Component(error) => error.source.as_ref().and_then(Error::origin),
            _ => None,
        }
    }

    /// The network's error, if that is the cause.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Error::Unavailable { cause, .. } => Some(cause),
            Error::Component(error) => error.source.as_ref().and_then(Error::cause),
            _ => None,
        }
    }

    pub(crate) fn invalid(to: &str, reason: &'static str) -> Self {
        Error::InvalidDestination {
            to: to.into(),
            reason,
        }
    }

    pub(crate) fn serialization(cause: impl Display) -> Self {
        Error::Serialization {
            cause: cause.to_string().into(),
            outcome: Outcome::Failed,
        }
    }
}

fn list(names: &[Arc<str>]) -> String {
    names.join(", ")
}

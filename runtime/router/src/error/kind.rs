//! The kinds of errors.

/// The kind of an error, sent with the answer as `x-error-kind`. Spec: router 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A component returned it.
    Component,
    /// A component panicked.
    Panic,
    /// The node or its owner is not known.
    NotFound,
    /// The node has no such port, or not yet.
    PortNotReady,
    /// An edge was removed, or an instance destroyed, while a message was in progress.
    Cancelled,
    /// The destination cannot be parsed.
    InvalidDestination,
    /// Data could not be encoded or decoded.
    Serialization,
    /// Too many hops.
    Depth,
    /// Too many calls at once.
    Overload,
    /// A module is shutting down.
    Shutdown,
    /// The port is not for other modules.
    Forbidden,
    /// A module could not be reached or was lost.
    UpstreamUnavailable,
    /// A deadline passed.
    UpstreamTimeout,
    /// gRPC failed in another way.
    Transport,
}

impl Kind {
    const ALL: [Kind; 14] = [
        Kind::Component,
        Kind::Panic,
        Kind::NotFound,
        Kind::PortNotReady,
        Kind::Cancelled,
        Kind::InvalidDestination,
        Kind::Serialization,
        Kind::Depth,
        Kind::Overload,
        Kind::Shutdown,
        Kind::Forbidden,
        Kind::UpstreamUnavailable,
        Kind::UpstreamTimeout,
        Kind::Transport,
    ];

    /// The spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Component => "component",
            Kind::Panic => "panic",
            Kind::NotFound => "not_found",
            Kind::PortNotReady => "port_not_ready",
            Kind::Cancelled => "cancelled",
            Kind::InvalidDestination => "invalid_destination",
            Kind::Serialization => "serialization",
            Kind::Depth => "depth",
            Kind::Overload => "overload",
            Kind::Shutdown => "shutdown",
            Kind::Forbidden => "forbidden",
            Kind::UpstreamUnavailable => "upstream_unavailable",
            Kind::UpstreamTimeout => "upstream_timeout",
            Kind::Transport => "transport",
        }
    }

    /// Whether a later attempt may have another result. Mistakes in the message itself, and components' errors, do
    /// not change.
    pub(crate) fn may_pass(self) -> bool {
        matches!(
            self,
            Kind::NotFound | Kind::PortNotReady | Kind::Overload | Kind::Shutdown | Kind::UpstreamTimeout
        )
    }

    /// A kind that is unknown to this version counts as the component's.
    pub(crate) fn parse(text: &str) -> Self {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .unwrap_or(Kind::Component)
    }
}

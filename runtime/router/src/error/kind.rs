//! What kind of trouble there was.

/// What kind of trouble: travels with the answer as `x-error-kind`. Spec: router 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A component said so.
    Component,
    /// A component panicked.
    Panic,
    /// The node or its owner is not known.
    NotFound,
    /// The node has no such port, or not yet.
    PortNotReady,
    /// An edge was removed, or an instance destroyed, while it was at work.
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
    /// A port that is not for other modules.
    Forbidden,
    /// A module could not be reached or was lost.
    UpstreamUnavailable,
    /// A deadline passed.
    UpstreamTimeout,
    /// gRPC failed in some other way.
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

    /// As it is spelt on the wire.
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

    /// Whether it may be otherwise another time. What is wrong with the message itself, and what a component says, stays.
    pub(crate) fn may_pass(self) -> bool {
        matches!(
            self,
            Kind::NotFound | Kind::PortNotReady | Kind::Overload | Kind::Shutdown | Kind::UpstreamTimeout
        )
    }

    /// A kind that this version does not know counts as the component's.
    pub(crate) fn parse(text: &str) -> Self {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .unwrap_or(Kind::Component)
    }
}

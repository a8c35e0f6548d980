//! The services and their methods: descriptors written by hand. Spec: cluster 2.1.

/// The service of deliveries and spawns.
pub const TRANSPORT: &str = "crucible.transport.v1.Transport";
/// The service of past states.
pub const TIME_TRAVEL: &str = "crucible.transport.v1.TimeTravel";

/// A method, all of which are unary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// An event for an actor.
    Deliver,
    /// An actor is started.
    Spawn,
    /// A past state of a durable instance.
    StateAt,
    /// The recorded steps of a durable instance. Servers in Go do not have it.
    Steps,
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 4] = [Method::Deliver, Method::Spawn, Method::StateAt, Method::Steps];

    /// The service that it belongs to.
    pub const fn service(self) -> &'static str {
        match self {
            Method::Deliver | Method::Spawn => TRANSPORT,
            Method::StateAt | Method::Steps => TIME_TRAVEL,
        }
    }

    /// The path of its requests.
    pub const fn path(self) -> &'static str {
        match self {
            Method::Deliver => "/crucible.transport.v1.Transport/Deliver",
            Method::Spawn => "/crucible.transport.v1.Transport/Spawn",
            Method::StateAt => "/crucible.transport.v1.TimeTravel/StateAt",
            Method::Steps => "/crucible.transport.v1.TimeTravel/Steps",
        }
    }

    /// The method of this path.
    pub(crate) fn of(path: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_service_and_name() {
        for method in Method::ALL {
            assert_eq!(method.path(), format!("/{}/{method:?}", method.service()));
            assert_eq!(Method::of(method.path()), Some(method));
        }
        assert_eq!(Method::of("/crucible.transport.v1.TimeTravel/Deliver"), None);
        assert_eq!(Method::of("crucible.transport.v1.Transport/Deliver"), None);
    }
}

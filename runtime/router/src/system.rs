//! The system ports of every node. Spec: router 3.8.

use std::any::Any;
use std::sync::Arc;

/// The interface of a component to the platform that runs it, such as a client of the cluster. Passed through
/// unchanged.
pub type Client = Arc<dyn Any + Send + Sync>;

/// The identity of a component's node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The node that it runs as.
    pub node: Arc<str>,
    /// The module that it runs on.
    pub module: Arc<str>,
}

/// A port of the runtime. Messages to it go to the capability of that name, if the component has it, and never to
/// [`Component::handle`](crate::Component::handle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemPort {
    /// `_settings`: configuration.
    Settings,
    /// `_control`: user actions.
    Control,
    /// `_reconcile`: triggers a reconciliation. Messages to it are accepted and ignored.
    Reconcile,
    /// `_identity`: set with the instance. Messages to it are accepted and ignored.
    Identity,
    /// `_client`: set with the instance. Messages to it are accepted and ignored.
    Client,
}

impl SystemPort {
    /// All of them.
    pub const ALL: [SystemPort; 5] = [
        SystemPort::Settings,
        SystemPort::Control,
        SystemPort::Reconcile,
        SystemPort::Identity,
        SystemPort::Client,
    ];

    /// The spelling in a destination.
    pub fn as_str(self) -> &'static str {
        match self {
            SystemPort::Settings => "_settings",
            SystemPort::Control => "_control",
            SystemPort::Reconcile => "_reconcile",
            SystemPort::Identity => "_identity",
            SystemPort::Client => "_client",
        }
    }

    /// `None` for the ports of components.
    pub fn parse(port: &str) -> Option<Self> {
        SystemPort::ALL.into_iter().find(|it| it.as_str() == port)
    }
}

//! The ports that every node has and no component declares. Spec: router 3.8.

use std::any::Any;
use std::sync::Arc;

/// Whatever a component uses to talk to the platform that runs it, such as a client of the cluster: handed
/// on as it is.
pub type Client = Arc<dyn Any + Send + Sync>;

/// What a component is told of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The node that it runs as.
    pub node: Arc<str>,
    /// The module that it runs on.
    pub module: Arc<str>,
}

/// A port that belongs to the runtime. Messages to it go to the capability of that name, if the component
/// has it, and never to [`Component::handle`](crate::Component::handle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemPort {
    /// `_settings`: what is configured.
    Settings,
    /// `_control`: what somebody presses.
    Control,
    /// `_reconcile`: time to look again. Messages to it are taken and ignored.
    Reconcile,
    /// `_identity`: given with the instance. Messages to it are taken and ignored.
    Identity,
    /// `_client`: given with the instance. Messages to it are taken and ignored.
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

    /// As it is written in a destination.
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

//! The operators' view of providers. Spec: provider 2.13.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// One registered provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// Its identifier for operators: a digest of `connection`, which it does not reveal.
    pub id: u64,
    /// The number of providers that registered before it, from 0.
    pub number: u64,
    /// The id that the manager gave it. Its holder can deregister its modules, so only the provider may know it.
    pub connection: Arc<str>,
    /// The namespace of its modules.
    pub namespace: Arc<str>,
    /// Its group; `None` for a provider that owns its namespace alone.
    pub group: Option<Arc<str>>,
    /// Its executor address, as sent: `host:port`.
    pub executor: Arc<str>,
    /// The qualified names of its modules, sorted.
    pub modules: Vec<Arc<str>>,
    /// Its state.
    pub state: State,
    /// When it registered, by the manager's wall clock.
    pub registered_at: SystemTime,
    /// When its last message was received while it was active, by the manager's wall clock.
    pub last_heartbeat: Option<SystemTime>,
    /// The number of this manager's calls that it has not answered yet.
    pub in_flight: usize,
}

/// The state of a provider. Spec: provider 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It takes calls, but has no control plane yet.
    Registered,
    /// It takes calls, and sends heartbeats.
    Active,
    /// It takes no more calls, and is about to leave.
    Draining,
    /// It has left: only in events, because providers that have left are not listed.
    Disconnected,
}

impl State {
    /// `registered`, `active`, `draining` or `disconnected`.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Registered => "registered",
            State::Active => "active",
            State::Draining => "draining",
            State::Disconnected => "disconnected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

//! What operators see of providers. Spec: provider 2.13.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// One provider that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// Which one it is, for operators: a digest of `connection`, which it does not tell.
    pub id: u64,
    /// How many have registered before it, from 0.
    pub number: u64,
    /// The id that the manager gave it. Who knows it can deregister its modules: it is the provider's alone to know.
    pub connection: Arc<str>,
    /// The namespace of its modules.
    pub namespace: Arc<str>,
    /// Its group; nothing for a provider that owns its namespace alone.
    pub group: Option<Arc<str>>,
    /// Where it executes, as it said: `host:port`.
    pub executor: Arc<str>,
    /// The qualified names of its modules, sorted.
    pub modules: Vec<Arc<str>>,
    /// What it is doing.
    pub state: State,
    /// When it registered, by the manager's wall clock.
    pub registered_at: SystemTime,
    /// When it was last heard of while it was active, by the manager's wall clock.
    pub last_heartbeat: Option<SystemTime>,
    /// How many calls of this manager it has not answered yet.
    pub in_flight: usize,
}

/// What a provider is doing. Spec: provider 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It takes calls, and has no control plane yet.
    Registered,
    /// It takes calls, and sends heartbeats.
    Active,
    /// It takes no more calls, and is about to leave.
    Draining,
    /// It has left: seen in events only, for who has left is not listed.
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

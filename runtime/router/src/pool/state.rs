//! What can be seen of the connections from outside: for metrics, and for people.

use std::sync::Arc;

use squall_platform::Authority;
use tokio::time::Instant;

use crate::Method;

/// One module that this one can call, at one moment. Spec: router 4.3.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerState {
    /// The module's name.
    pub module: Arc<str>,
    /// How many calls to it are under way, those that wait for a connection included.
    pub in_flight: usize,
    /// Its endpoints, in the order in which they were registered. Those that it no longer has, and that
    /// still finish calls, come last.
    pub endpoints: Vec<EndpointState>,
}

/// One address of a module, at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EndpointState {
    /// The address.
    pub address: Authority,
    /// What its connection is doing.
    pub connection: ConnectionState,
    /// How many calls are under way there, on earlier connections too.
    pub in_flight: usize,
    /// How many dials have failed since the last one that did not.
    pub failures: u32,
    /// The method that calls there use now.
    pub method: Method,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is none: the next call dials.
    Idle,
    /// It is being dialled.
    Connecting,
    /// Calls go through.
    Ready,
    /// There is one, but nothing comes from the peer while calls wait: it may hang. Calls go to other endpoints, if there
    /// are any.
    Suspect,
    /// The last dial failed: none is tried before this moment.
    Backoff {
        /// When the next call may dial.
        until: Instant,
    },
    /// The endpoint is gone from its module: calls that are under way finish, no others begin.
    Draining,
    /// The endpoint is gone, and nothing is under way.
    Closed,
}

impl ConnectionState {
    /// The name, as in the event `endpoint.state`.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionState::Idle => "idle",
            ConnectionState::Connecting => "connecting",
            ConnectionState::Ready => "ready",
            ConnectionState::Suspect => "suspect",
            ConnectionState::Backoff { .. } => "backoff",
            ConnectionState::Draining => "draining",
            ConnectionState::Closed => "closed",
        }
    }
}

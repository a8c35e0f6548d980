//! The state of connections as seen from outside: for metrics and for people.

use std::sync::Arc;

use squall_platform::Authority;
use tokio::time::Instant;

use crate::Method;

/// One module that this one can call, at one point in time. Spec: router 4.3.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerState {
    /// The module's name.
    pub module: Arc<str>,
    /// The number of calls in flight to it, including those that wait for a connection.
    pub in_flight: usize,
    /// Its endpoints, in the order of their registration. Removed endpoints that still finish calls come last.
    pub endpoints: Vec<EndpointState>,
}

/// One address of a module, at one point in time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EndpointState {
    /// The address.
    pub address: Authority,
    /// The state of its connection.
    pub connection: ConnectionState,
    /// The number of calls in flight there, including those on earlier connections.
    pub in_flight: usize,
    /// The number of failed dials since the last successful one.
    pub failures: u32,
    /// The method that calls there use at present.
    pub method: Method,
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is no connection: the next call dials.
    Idle,
    /// It is being dialled.
    Connecting,
    /// Connected.
    Ready,
    /// Connected, but the peer sends nothing while calls wait: it may hang. Calls use other endpoints, if there are
    /// any.
    Suspect,
    /// The last dial failed: there is no further dial before this instant.
    Backoff {
        /// When the next call may dial.
        until: Instant,
    },
    /// The endpoint was removed from its module: calls in flight finish, no others begin.
    Draining,
    /// The endpoint was removed, and no call is in flight.
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

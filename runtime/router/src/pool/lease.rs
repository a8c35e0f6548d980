//! The right to make one call on a connection.

use std::sync::Arc;

use squall_platform::Platform;

use super::connection::Connection;
use super::endpoint::Endpoint;
use crate::Method;

/// A connection for one call. The call is counted while the lease is kept.
pub(crate) struct Lease<P: Platform> {
    connection: Connection,
    call: Call<P>,
    method: Known,
}

/// The method for calls to a peer, and how certain it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was configured, or the peer has answered to it.
    Surely(Method),
    /// `Send`; it is not known yet whether the peer has it.
    Perhaps,
}

impl Known {
    /// The configured method of a peer, if there is one.
    pub(super) fn of(said: Option<Method>) -> Self {
        said.map_or(Known::Perhaps, Known::Surely)
    }

    pub(super) fn method(self) -> Method {
        match self {
            Known::Surely(method) => method,
            Known::Perhaps => Method::default(),
        }
    }
}

impl<P: Platform> Lease<P> {
    pub(super) fn new(connection: Connection, call: Call<P>, method: Known) -> Self {
        Lease {
            connection,
            call,
            method,
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The method for calls to the peer.
    pub(crate) fn method(&self) -> Method {
        self.method.method()
    }

    /// True when `Send` was not configured and the peer has not answered to it yet.
    pub(crate) fn may_lack_send(&self) -> bool {
        self.method == Known::Perhaps
    }

    /// Remembers that the peer has `Send`, for the life of the connection.
    pub(crate) fn has_send(&self) {
        if self.may_lack_send() {
            self.call.0.remember(Method::Send);
        }
    }

    /// Remembers that the peer needs `Message`, for the life of the connection.
    pub(crate) fn lacks_send(&self) {
        self.call.0.remember(Method::Message);
    }
}

/// One call, counted at its endpoint.
pub(super) struct Call<P: Platform>(Arc<Endpoint<P>>);

impl<P: Platform> Call<P> {
    pub(super) fn new(endpoint: Arc<Endpoint<P>>) -> Self {
        endpoint.call_begins();
        Call(endpoint)
    }
}

impl<P: Platform> Drop for Call<P> {
    fn drop(&mut self) {
        self.0.call_ends();
    }
}

//! The right to make one call on a connection.

use std::sync::Arc;

use squall_platform::Platform;

use super::connection::Connection;
use super::endpoint::Endpoint;
use crate::Method;

/// A connection for one call, which is counted for as long as the lease is kept.
pub(crate) struct Lease<P: Platform> {
    connection: Connection,
    call: Call<P>,
    method: Known,
}

/// By which method a peer is called, and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was said, or the peer has answered by it.
    Surely(Method),
    /// `Send`, of which it is not known whether the peer has it.
    Perhaps,
}

impl Known {
    /// What was said of a peer, if anything was.
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

    /// What the peer is called by.
    pub(crate) fn method(&self) -> Method {
        self.method.method()
    }

    /// True when nobody has said that the peer has `Send`, and it has not answered by it yet.
    pub(crate) fn may_lack_send(&self) -> bool {
        self.method == Known::Perhaps
    }

    /// Remembers that the peer has `Send`, as long as the connection lasts.
    pub(crate) fn has_send(&self) {
        if self.may_lack_send() {
            self.call.0.remember(Method::Send);
        }
    }

    /// Remembers that the peer is to be called by `Message`, as long as the connection lasts.
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

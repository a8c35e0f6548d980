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
    method: Method,
}

impl<P: Platform> Lease<P> {
    pub(super) fn new(connection: Connection, call: Call<P>, method: Method) -> Self {
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
        self.method
    }

    /// Remembers what the peer is to be called by, as long as the connection lasts.
    pub(crate) fn remember(&self, method: Method) {
        self.call.0.remember(method);
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

//! One HTTP/2 connection.

use std::sync::Arc;

use http::Uri;
use squall_grpc::{Dial, Driver, Progress, Sender, unary};
use squall_platform::{Authority, Platform};
use squall_proto::Bulk;
use tokio::time::Instant;
use tonic::Status;

use super::Refusal;
use crate::Method;

/// A connection that is ready for requests. Clones share it; it closes when the last one is gone.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: Sender,
    target: Arc<Target>,
}

/// The destination of a connection.
struct Target {
    peer: Authority,
    /// The prefix of the methods' paths.
    send: Uri,
    message: Uri,
}

/// Connects and performs the handshake. The second value drives the connection and returns the reason when it ends.
///
/// # Errors
/// When that fails or takes longer than the connect timeout.
pub(super) async fn open<P: Platform>(
    platform: &P,
    dial: &Dial,
    peer: &Authority,
) -> Result<(Connection, Driver<P>), Refusal> {
    let (sender, driver) = squall_grpc::open(platform, dial, peer)
        .await
        .map_err(|error| Refusal::new(error.to_string()))?;
    let uri = |method: Method| {
        let uri = Uri::builder()
            .scheme("http")
            .authority(peer.clone())
            .path_and_query(method.path())
            .build();
        uri.expect("a scheme, an authority and a path make a URI")
    };
    let target = Arc::new(Target {
        peer: peer.clone(),
        send: uri(Method::Send),
        message: uri(Method::Message),
    });
    Ok((Connection { sender, target }, driver))
}

impl Connection {
    pub(crate) fn peer(&self) -> &Authority {
        &self.target.peer
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// True while the peer may hang.
    pub(super) fn is_suspect(&self) -> bool {
        self.sender.is_suspect()
    }

    /// Sends a request and waits for the response; `progress` records how far the request gets.
    ///
    /// # Errors
    /// As [`unary::call`].
    pub(crate) async fn call<Q, A>(
        &self,
        method: Method,
        request: tonic::Request<Q>,
        deadline: Instant,
        limit: usize,
        progress: &Arc<Progress>,
    ) -> Result<tonic::Response<A>, Status>
    where
        Q: Bulk,
        A: prost::Message + Default,
    {
        let uri = match method {
            Method::Send => &self.target.send,
            Method::Message => &self.target.message,
        };
        let (uri, deadline) = (uri.clone(), Some(deadline));
        unary::call(&self.sender, uri, request, deadline, limit, progress).await
    }
}

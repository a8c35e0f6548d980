//! Our own server, on the platform.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use squall_grpc::{Drained, ServeError, Service, Serving, listen, serve_until};
use squall_platform::Platform;

/// A bound server of a [`Node`](super::Node); of layers of tower upon one, as [`Tonic`](squall_grpc::Tonic). There is no TLS.
///
/// The answers of a node count for [`squall_grpc::Limits`] until their peers have taken them; behind layers they do not.
///
/// Which addresses of the host it listens at is the platform's choice.
pub struct Server<P: Platform, S> {
    platform: P,
    listener: P::Listener,
    address: SocketAddr,
    serving: Serving,
    service: S,
}

impl<P: Platform, S: Service> Server<P, S> {
    /// Listens on `port`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is not available.
    pub async fn bind(platform: P, port: u16, service: S) -> Result<Self, ServeError> {
        let (listener, address) = listen(&platform, port).await?;
        Ok(Server {
            platform,
            listener,
            address,
            serving: Serving::default(),
            service,
        })
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Sets how connections are served: keepalive, the pings of clients, limits.
    pub fn serving(self, serving: Serving) -> Self {
        Server { serving, ..self }
    }

    /// Serves until the future is dropped, which closes all connections at once.
    pub async fn run(self) {
        self.run_until(pending(), Duration::ZERO).await;
    }

    /// Serves until `shutdown` resolves. Then no more connections are accepted and peers are asked to leave. Calls in
    /// flight are finished for up to `grace`; the remaining ones are cut.
    ///
    /// What an endpoint has begun goes on after that: it belongs to the platform.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>, grace: Duration) -> Drained {
        serve_until(
            &self.platform,
            self.listener,
            self.serving,
            self.service,
            shutdown,
            grace,
        )
        .await
    }
}

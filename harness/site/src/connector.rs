//! The connector of an endpoint.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper_util::rt::TokioIo;
use squall_sim::SimPlatform;
use tower_service::Service;

use crate::net::TcpStream;
use crate::site::Site;

/// Opens connections from a site, for `tonic::transport::Endpoint::connect_with_connector` and
/// `connect_with_connector_lazy`. It has no time limit of its own.
///
/// Once its process is dead, a simulated one stays pending. With an error, or an end of the channel's task, callers of
/// the channel, which are tasks of the dead process too, would continue and retry at once.
#[derive(Debug, Clone)]
pub struct Connector(Site);

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

impl Connector {
    pub(crate) fn new(site: Site) -> Self {
        Connector(site)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let site = self.0.clone();
        let connect = Box::pin({
            let site = site.clone();
            async move { site.connect(&authority(&to)?).await.map(TokioIo::new) }
        });
        match site.simulated_process() {
            Some(process) => Box::pin(WhileAlive {
                process: process.clone(),
                connect,
            }),
            None => connect,
        }
    }
}

/// `host:port`; the scheme's default port if there is none.
fn authority(to: &Uri) -> io::Result<String> {
    let host = to.host().ok_or_else(|| {
        let problem = format!("no host in {to}: write http://host:port");
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    })?;
    let standard = if to.scheme_str() == Some("https") { 443 } else { 80 };
    Ok(format!("{host}:{}", to.port_u16().unwrap_or(standard)))
}

/// Stays pending once the process is dead.
struct WhileAlive {
    process: SimPlatform,
    connect: Connecting,
}

impl Future for WhileAlive {
    type Output = io::Result<TokioIo<TcpStream>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.process.is_alive() {
            return Poll::Pending;
        }
        let connected = ready!(self.connect.as_mut().poll(context));
        Poll::Ready(connected)
    }
}

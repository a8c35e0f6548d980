//! The services on a tonic server of the user's own, and layers of tower on our server.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use squall_cluster::{CallOptions, Delivered, Transport as _};
use squall_memory::{Memory, Network, Pipe};
use squall_platform::{Authority, Listener, Platform};
use squall_transport::{Layered, Node, Server, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::service::Routes;
use tonic::transport::server::Connected;
use tower_layer::Layer;
use tower_service::Service;

use crate::support::raw::{Client, request};
use crate::support::{History, NODE, Workers, framed, text};

/// A stream as tonic's server takes it.
struct Io(Pipe);

impl Connected for Io {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn node(host: &Memory) -> Node {
    Node::builder(host.clone())
        .endpoint(Arc::new(Workers::default()))
        .time_travel(Arc::new(History::counter()))
        .build()
}

/// Serves both services with tonic.
async fn serve_with_tonic(host: &Memory) -> Authority {
    let mut listener = host.bind(0).await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let node = node(host);
    let routes = Routes::new(node.transport_service()).add_service(node.time_travel_service());
    host.spawn(async move {
        let incoming = futures_util::stream::poll_fn(|context| {
            let accepted = std::pin::pin!(listener.accept()).poll(context);
            accepted.map(|it| Some(it.map(|(stream, _)| Io(stream))))
        });
        let server = tonic::transport::Server::builder().add_routes(routes);
        server.serve_with_incoming(incoming).await.unwrap();
    });
    address
}

#[tokio::test(start_paused = true)]
async fn a_tonic_server_hosts_both_services() {
    let network = Network::default();
    let address = serve_with_tonic(&network.host()).await;
    let client = Transport::new(network.host());
    client.add_node(NODE, address.clone());
    let options = CallOptions::default();
    let actor = client.spawn(NODE, "worker", "w-1", None, &options).await.unwrap();
    let delivered = client.deliver(&actor, "\"ping\"".into(), &options).await;
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
    assert_eq!(
        client.state_at(NODE, "counter-1", 1).await.unwrap(),
        r#"{"current":"c"}"#
    );
    assert!(client.spawn(NODE, "nope", "w-2", None, &options).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_sees_of_a_tonic_server_is_the_same() {
    let network = Network::default();
    let address = serve_with_tonic(&network.host()).await;
    let client = Client::connect(&network.host(), &address).await;
    let spawn = "/crucible.transport.v1.Transport/Spawn";
    let body = framed(r#"{"src":"worker","id":"w-1"}"#);
    let answer = client
        .ask(request(spawn).body(()).unwrap(), std::slice::from_ref(&body))
        .await;
    assert_eq!(
        text(&answer.headers, "content-type"),
        "application/grpc+crucible-json"
    );
    assert_eq!((answer.status().0, answer.frames), (0, 1));
    let stop = request("/crucible.transport.v1.Transport/Stop").body(()).unwrap();
    let answer = client.ask(stop, std::slice::from_ref(&body)).await;
    assert_eq!((answer.status().0, answer.trailers), (12, None));
    assert_eq!(
        client.ask(request(spawn).body(()).unwrap(), &[]).await.status(),
        (2, "EOF".to_owned())
    );
    let json = Request::post(format!("http://node{spawn}")).header("content-type", "application/json");
    assert_eq!(client.ask(json.body(()).unwrap(), &[body]).await.http, 415);
}

/// Counts requests.
#[derive(Clone, Default)]
struct Counted<S> {
    inner: S,
    paths: Arc<AtomicUsize>,
}

impl<S> Layer<S> for Counted<()> {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            paths: Arc::clone(&self.paths),
        }
    }
}

impl<B, S: Service<Request<B>>> Service<Request<B>> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        assert!(request.uri().path().starts_with("/crucible.transport.v1."));
        self.paths.fetch_add(1, Ordering::SeqCst);
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn layers_of_tower_see_each_call_once() {
    let network = Network::default();
    let host = network.host();
    let counted = Counted::default();
    let server = Server::bind(host.clone(), 0, Layered(counted.layer(node(&host))))
        .await
        .unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    host.spawn(server.run());
    let client = Transport::new(network.host());
    client.add_node(NODE, address);
    let options = CallOptions::default();
    client.spawn(NODE, "worker", "w-1", None, &options).await.unwrap();
    client.state_at(NODE, "counter-1", 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(counted.paths.load(Ordering::SeqCst), 2);
}

//! A node in miniature, and both ends of raw HTTP/2.

mod node;
pub(crate) mod peer;
pub(crate) mod raw;
mod slow;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, TimeTravel, Transport as _, WireEndpoint};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, OwnedTask, Platform};
use squall_transport::{Builder, ClientConfig, Node, Server, Transport};
use tokio::sync::oneshot;

pub(crate) use node::{History, Telling, Workers};
pub(crate) use slow::Slow;

/// The name of the served node.
pub(crate) const NODE: &str = "node-b";

/// A network with a served node, and a client that knows it.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) address: Authority,
    pub(crate) client: Transport<Memory>,
    pub(crate) shutdown: Option<oneshot::Sender<()>>,
    _server: OwnedTask,
}

impl World {
    /// Serves workers and a history.
    pub(crate) async fn new() -> (World, Arc<Workers>) {
        let workers = Arc::new(Workers::default());
        let history = Arc::new(History::counter());
        let world = World::serving(|node| node.endpoint(workers.clone()).time_travel(history)).await;
        (world, workers)
    }

    /// Serves a node that is built like this.
    pub(crate) async fn serving(build: impl FnOnce(Builder) -> Builder) -> World {
        World::with_client(ClientConfig::default(), build).await
    }

    pub(crate) async fn with_client(config: ClientConfig, build: impl FnOnce(Builder) -> Builder) -> World {
        World::start(config, |_, node| build(node)).await
    }

    /// Serves a node that needs the platform of its process.
    pub(crate) async fn serving_on(build: impl FnOnce(Memory, Builder) -> Builder) -> World {
        World::start(ClientConfig::default(), build).await
    }

    async fn start(config: ClientConfig, build: impl FnOnce(Memory, Builder) -> Builder) -> World {
        let network = Network::default();
        let host = network.host();
        let node = build(host.clone(), Node::builder(host.clone())).build();
        let server = Server::bind(host.clone(), 0, node).await.unwrap();
        let address: Authority = server.local_addr().to_string().parse().unwrap();
        let (shutdown, told) = oneshot::channel::<()>();
        let serving = async move {
            // A dropped sender means the same.
            let told = async move { drop(told.await) };
            server.run_until(told, Duration::from_secs(10)).await;
        };
        let server = host.spawn(serving).into();
        let client = Transport::with_config(network.host(), config);
        client.add_node(NODE, address.clone());
        World {
            network,
            address,
            client,
            shutdown: Some(shutdown),
            _server: server,
        }
    }

    pub(crate) async fn deliver(&self, id: &str, event: &'static str) -> Result<Delivered, Error> {
        self.deliver_with(id, event, &CallOptions::default()).await
    }

    pub(crate) async fn deliver_with(
        &self,
        id: &str,
        event: &'static str,
        options: &CallOptions,
    ) -> Result<Delivered, Error> {
        self.client
            .deliver(&ActorRef::on(NODE, id), event.into(), options)
            .await
    }

    pub(crate) async fn spawn(&self, src: &str, id: &str) -> Result<ActorRef, Error> {
        let options = CallOptions::default();
        self.client.spawn(NODE, src, id, None, &options).await
    }
}

/// A node of this endpoint alone.
pub(crate) fn endpoint(endpoint: impl WireEndpoint) -> impl FnOnce(Builder) -> Builder {
    move |node| node.endpoint(Arc::new(endpoint))
}

/// A node of this history alone.
pub(crate) fn history(history: impl TimeTravel) -> impl FnOnce(Builder) -> Builder {
    move |node| node.time_travel(Arc::new(history))
}

/// A message behind its prefix.
pub(crate) fn framed(message: impl AsRef<[u8]>) -> Bytes {
    let message = message.as_ref();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// A header's text; empty if there is none.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |it| it.to_str().unwrap())
}

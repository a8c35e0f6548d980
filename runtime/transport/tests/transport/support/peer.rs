//! A node that a test plays itself.

use std::time::Duration;

use squall_cluster::{ActorRef, CallOptions, Delivered, Error, Transport as _};
use squall_memory::{Memory, Network};
use squall_platform::Authority;
use squall_transport::Transport;
use tokio::sync::mpsc::UnboundedReceiver;

use super::raw::Asked;
use super::{NODE, raw};

/// A client, and a raw server that it knows as a node.
pub(crate) struct Peer {
    pub(crate) network: Network,
    pub(crate) host: Memory,
    pub(crate) address: Authority,
    pub(crate) client: Transport<Memory>,
    pub(crate) asked: UnboundedReceiver<Asked>,
}

impl Peer {
    pub(crate) async fn new() -> Self {
        let network = Network::default();
        let host = network.host();
        let (address, asked, server) = raw::serve(&host).await;
        // It ends with its process.
        std::mem::forget(server);
        let client = Transport::new(network.host());
        client.add_node(NODE, address.clone());
        Peer {
            network,
            host,
            address,
            client,
            asked,
        }
    }

    pub(crate) async fn deliver(&self, options: &CallOptions) -> Result<Delivered, Error> {
        let to = ActorRef::on(NODE, "w-1");
        self.client.deliver(&to, "1".into(), options).await
    }

    pub(crate) async fn spawn(&self, options: &CallOptions) -> Result<ActorRef, Error> {
        self.client.spawn(NODE, "worker", "w-1", None, options).await
    }
}

pub(crate) fn with_id() -> CallOptions {
    CallOptions {
        message_id: Some("m-1".to_owned()),
        ..CallOptions::default()
    }
}

pub(crate) fn within(timeout: Duration) -> CallOptions {
    CallOptions {
        timeout: Some(timeout),
        ..CallOptions::default()
    }
}

pub(crate) fn unavailable(error: Error) -> Option<bool> {
    match error {
        Error::Unavailable {
            may_have_happened, ..
        } => Some(may_have_happened),
        _ => None,
    }
}

//! Nodes of one process.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::timeout;

use crate::local::lock;
use crate::{ActorRef, CallOptions, Delivered, Error, Transport, WireEndpoint};

/// Carries deliveries and spawns between nodes of one process. Spec: cluster 3.5.
///
/// A call ends at the endpoint that is registered for its node: endpoints act locally, so a wrong registration is
/// [`Error::WrongNode`] and not a circle. Payloads are encoded as for a network.
///
/// Register [`System::downgrade`](crate::System::downgrade) where the system has this transport itself: otherwise
/// they keep each other.
#[derive(Default)]
pub struct InMemoryTransport {
    nodes: Mutex<BTreeMap<String, Arc<dyn WireEndpoint>>>,
}

impl InMemoryTransport {
    /// Without nodes.
    pub fn new() -> Self {
        InMemoryTransport::default()
    }

    /// Adds a node, or replaces the one of this name.
    pub fn register(&self, node: impl Into<String>, endpoint: impl WireEndpoint) {
        let earlier = lock(&self.nodes).insert(node.into(), Arc::new(endpoint));
        drop(earlier);
    }

    /// Removes a node. False: there was none.
    pub fn unregister(&self, node: &str) -> bool {
        let earlier = lock(&self.nodes).remove(node);
        earlier.is_some()
    }

    fn endpoint(&self, node: &str) -> Result<Arc<dyn WireEndpoint>, Error> {
        let endpoint = lock(&self.nodes).get(node).cloned();
        endpoint.ok_or_else(|| Error::NodeUnreachable {
            node: node.to_owned(),
        })
    }
}

impl Debug for InMemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(lock(&self.nodes).keys()).finish()
    }
}

#[async_trait]
impl Transport for InMemoryTransport {
    async fn deliver(&self, to: &ActorRef, event: Bytes, options: &CallOptions) -> Result<Delivered, Error> {
        let endpoint = self.endpoint(&to.node)?;
        let call = endpoint.deliver_wire(to, event, options.message_id.as_deref());
        in_time(&to.node, options, call).await
    }

    async fn spawn(
        &self,
        node: &str,
        src: &str,
        id: &str,
        input: Option<Bytes>,
        options: &CallOptions,
    ) -> Result<ActorRef, Error> {
        let endpoint = self.endpoint(node)?;
        in_time(node, options, endpoint.spawn_wire(src, id, input)).await
    }
}

/// Waits as long as the options say, or for ever.
async fn in_time<T>(
    node: &str,
    options: &CallOptions,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match options.timeout {
        Some(limit) => timeout(limit, call).await.unwrap_or_else(|_| {
            Err(Error::DeadlineExceeded {
                node: node.to_owned(),
            })
        }),
        None => call.await,
    }
}

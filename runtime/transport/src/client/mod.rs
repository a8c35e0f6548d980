//! The client: other nodes, as a cluster's system calls them. Spec: cluster 2.4, 2.5.
//!
//! | subject | file |
//! |---|---|
//! | the table of nodes, and the methods | here |
//! | one call: its headers, its deadline, its repetitions | `call` |
//! | configuration | `config` |
//! | errors of queries | `error` |

mod call;
mod config;
mod error;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error};
use squall_grpc::Channel;
use squall_platform::{Authority, Platform};

use crate::json::{self, Fields};
use crate::message::{
    DeliverRequest, DeliverResponse, SpawnRequest, SpawnResponse, StateAtRequest, StateAtResponse,
    StepsRequest, StepsResponse,
};
use crate::{Method, status};
use call::{Call, Repeat};

pub use config::ClientConfig;
pub use error::QueryError;

/// Calls other nodes: the [`squall_cluster::Transport`] of a system. Clones share its table of nodes.
///
/// A node is dialled by the first call, and again by the first call after a lost connection. The connection closes when
/// the node is removed, or the last clone dropped, and the last call has ended.
///
/// A call that certainly no handler has seen is sent again transparently. Otherwise a call is repeated when its node is
/// unavailable, within its deadline and [`ClientConfig::repeats_max`], in these cases: a delivery with a message id,
/// which its node handles once; a spawn with a message id, if the node has certainly not received it; a query.
///
/// There is no TLS.
pub struct Transport<P: Platform>(Arc<Shared<P>>);

struct Shared<P: Platform> {
    platform: P,
    config: ClientConfig,
    nodes: RwLock<BTreeMap<String, Node<P>>>,
}

/// The connections to a node. Mostly they are one.
struct Node<P: Platform> {
    transport: Channel<P>,
    time_travel: Channel<P>,
}

impl<P: Platform> Clone for Transport<P> {
    fn clone(&self) -> Self {
        Transport(Arc::clone(&self.0))
    }
}

impl<P: Platform> Transport<P> {
    /// A transport that knows no node.
    pub fn new(platform: P) -> Self {
        Transport::with_config(platform, ClientConfig::default())
    }

    /// The same, with another configuration.
    pub fn with_config(platform: P, config: ClientConfig) -> Self {
        Transport(Arc::new(Shared {
            platform,
            config,
            nodes: RwLock::default(),
        }))
    }

    /// Makes a node known, with both services at one endpoint. It is not dialled yet. Replaces the node of this name:
    /// calls in flight go on where they are.
    pub fn add_node(&self, name: impl Into<String>, endpoint: Authority) {
        self.add_channel(name, self.channel(endpoint));
    }

    /// The same, with the time travel service at an endpoint of its own.
    pub fn add_node_with_time_travel(
        &self,
        name: impl Into<String>,
        endpoint: Authority,
        time_travel: Authority,
    ) {
        let node = Node {
            transport: self.channel(endpoint),
            time_travel: self.channel(time_travel),
        };
        self.add(name.into(), node);
    }

    /// The same, with a connection that the caller has made and may share.
    pub fn add_channel(&self, name: impl Into<String>, channel: Channel<P>) {
        let node = Node {
            transport: channel.clone(),
            time_travel: channel,
        };
        self.add(name.into(), node);
    }

    /// Forgets a node; false when it is not known. Calls in flight go on.
    pub fn remove_node(&self, name: &str) -> bool {
        let mut nodes = self.0.nodes.write().unwrap_or_else(PoisonError::into_inner);
        let removed = nodes.remove(name);
        drop(nodes);
        removed.is_some()
    }

    /// The names of all nodes, in order.
    pub fn nodes(&self) -> Vec<String> {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.keys().cloned().collect()
    }

    /// The snapshot of a durable instance after `step`, as JSON text; -1 is the state before its first event.
    ///
    /// # Errors
    /// [`QueryError::History`] when the node has no such state and says so; [`QueryError::Call`] otherwise. A node in Go
    /// does not say why: it is an [`Error::Remote`] with code 2.
    pub async fn state_at(&self, node: &str, id: &str, step: i64) -> Result<Bytes, QueryError> {
        let request = StateAtRequest {
            id: id.to_owned(),
            step,
        };
        let response: StateAtResponse = self.query(node, Method::StateAt, &request).await?;
        Ok(response.snapshot)
    }

    /// The steps of all records of a durable instance, ascending.
    ///
    /// # Errors
    /// As with [`Transport::state_at`]. A node in Go does not have this method: [`Error::Remote`] with code 12.
    pub async fn steps(&self, node: &str, id: &str) -> Result<Vec<i64>, QueryError> {
        let request = StepsRequest { id: id.to_owned() };
        let response: StepsResponse = self.query(node, Method::Steps, &request).await?;
        Ok(response.steps)
    }

    async fn query<T: Fields>(
        &self,
        node: &str,
        method: Method,
        request: &impl Serialize,
    ) -> Result<T, QueryError> {
        let channel = self.find(node, |node| &node.time_travel)?;
        let call = Call {
            node,
            method,
            message: json::write(request),
            timeout: None,
            repeat: Repeat::Always,
        };
        match self.0.call(&channel, call).await {
            Ok(answer) => Ok(answered(node, answer.get_ref())?),
            Err(failed) => Err(match failed.status.as_ref().and_then(status::to_history) {
                Some(error) => QueryError::History(error),
                None => QueryError::Call(failed.error),
            }),
        }
    }

    fn channel(&self, endpoint: Authority) -> Channel<P> {
        Channel::new(self.0.platform.clone(), self.0.config.dial, endpoint)
    }

    fn add(&self, name: String, node: Node<P>) {
        let mut nodes = self.0.nodes.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = nodes.insert(name, node);
        drop(nodes);
        drop(replaced);
    }

    fn find(&self, name: &str, which: impl Fn(&Node<P>) -> &Channel<P>) -> Result<Channel<P>, Error> {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let node = nodes.get(name).ok_or_else(|| Error::NodeUnreachable {
            node: name.to_owned(),
        })?;
        Ok(which(node).clone())
    }

    /// Checks a payload before anything is sent. Spec: cluster section 6, W9.
    fn check(&self, id: &str, payload: &Bytes) -> Result<(), Error> {
        let bad = |reason| {
            Err(Error::BadPayload {
                id: id.to_owned(),
                reason,
            })
        };
        let limit = self.0.config.send_bytes_max;
        let length = payload.len().div_ceil(3) * 4;
        if length > limit {
            return bad(format!(
                "it takes {length} bytes on the wire, more than the limit of {limit} (send_bytes_max)"
            ));
        }
        match payload.is_empty() {
            true => Ok(()),
            false => json::check(payload).or_else(|error| bad(format!("it is not JSON: {error}"))),
        }
    }
}

/// Reads an answer.
fn answered<T: Fields>(node: &str, message: &Bytes) -> Result<T, Error> {
    json::read(message).map_err(|error| Error::Remote {
        node: node.to_owned(),
        code: tonic::Code::Internal as i32,
        message: format!("its answer cannot be read: {error}"),
    })
}

#[async_trait]
impl<P: Platform> squall_cluster::Transport for Transport<P> {
    async fn deliver(&self, to: &ActorRef, event: Bytes, options: &CallOptions) -> Result<Delivered, Error> {
        let node = &*to.node;
        let channel = self.find(node, |node| &node.transport)?;
        self.check(&to.id, &event)?;
        let request = DeliverRequest {
            to: to.clone(),
            event,
            message_id: options.message_id.clone().unwrap_or_default(),
        };
        let call = Call {
            node,
            method: Method::Deliver,
            message: json::write(&request),
            timeout: options.timeout,
            repeat: match request.message_id.is_empty() {
                true => Repeat::Never,
                false => Repeat::Always,
            },
        };
        let answer = self.0.call(&channel, call).await.map_err(|failed| failed.error)?;
        let response: DeliverResponse = answered(node, answer.get_ref())?;
        Ok(Delivered {
            delivered: response.delivered,
            outcome: status::read_outcome(answer.metadata().as_ref()),
        })
    }

    async fn spawn(
        &self,
        node: &str,
        src: &str,
        id: &str,
        input: Option<Bytes>,
        options: &CallOptions,
    ) -> Result<ActorRef, Error> {
        let channel = self.find(node, |node| &node.transport)?;
        let input = input.unwrap_or_default();
        self.check(id, &input)?;
        let request = SpawnRequest {
            src: src.to_owned(),
            id: id.to_owned(),
            input,
        };
        let call = Call {
            node,
            method: Method::Spawn,
            message: json::write(&request),
            timeout: options.timeout,
            // A second spawn of an actor that has finished meanwhile would start it again.
            repeat: match options.message_id {
                Some(_) => Repeat::IfNotReceived,
                None => Repeat::Never,
            },
        };
        let answer = self.0.call(&channel, call).await.map_err(|failed| failed.error)?;
        let response: SpawnResponse = answered(node, answer.get_ref())?;
        Ok(response.actor)
    }
}

//! What a TinyNode and a TinyModule say, whichever shape they have. Spec: router 6.4.

use std::fmt;
use std::ops::{Deref, Range};
use std::time::Duration;

use serde_json::Value as Json;
use squall_router::Authority;

/// A value and its place, in bytes of the text that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// Where it is.
    pub span: Range<usize>,
    /// What it is.
    pub value: T,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A resource that topologies are made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// `kind: TinyNode`
    Node(Node),
    /// `kind: TinyModule`
    Module(Module),
}

impl Resource {
    /// `metadata.name`, which is unique among the resources of its kind.
    pub fn name(&self) -> &At<String> {
        match self {
            Resource::Node(node) => &node.name,
            Resource::Module(module) => &module.name,
        }
    }

    /// `metadata.resourceVersion`; 0 when the file does not say.
    pub fn version(&self) -> u64 {
        match self {
            Resource::Node(node) => node.version,
            Resource::Module(module) => module.version,
        }
    }
}

/// A TinyNode: an instance of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// `metadata.name`
    pub name: At<String>,
    /// `metadata.resourceVersion`
    pub version: u64,
    /// `spec.module`
    pub module: Option<At<String>>,
    /// `spec.component`
    pub component: Option<At<String>>,
    /// `spec.edges`, without those that could not be read.
    pub edges: Vec<Edge>,
    /// `spec.ports`: what is set on this node's ports, and by whom.
    pub inputs: Vec<Input>,
    /// The names of `status.ports`, if the node has reported any.
    pub ports: Option<Vec<String>>,
}

/// An edge, stored on the node where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The whole entry.
    pub span: Range<usize>,
    /// The port of this node.
    pub port: At<String>,
    /// The node at the other end.
    pub node: At<String>,
    /// The port there.
    pub target_port: String,
    /// The flow that it belongs to.
    pub flow: Option<String>,
    /// Whether and when what goes along it is sent again.
    pub retry_policy: Option<RetryPolicy>,
    /// How data is mapped on its way: only where edges carry it themselves.
    pub configuration: Option<Json>,
}

/// The retry policy of an edge: all of it, with defaults where it does not say. Spec: router 3.6, 6.4.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// `maxAttempts`: at least 1, which is the default and means that nothing is sent again.
    pub max_attempts: At<u32>,
    /// `initialDelayMs`: the delay after the first failure, more than 0. 1 s by default.
    pub initial_delay: At<Duration>,
    /// `backoffCoefficient`: by how much each delay is longer than the one before, at least 1. 2 by default.
    pub coefficient: f64,
    /// `maxDelayMs`: the longest delay, more than 0. 30 s by default.
    pub max_delay: At<Duration>,
    /// `nonRetryableErrorCodes`: each is there once, and none is empty.
    pub non_retryable_codes: Vec<String>,
    /// `timeoutMs`: how long each attempt may take, more than 0. Unbounded by default.
    pub timeout: Option<At<Duration>>,
}

/// What is set on a port of this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The port of this node.
    pub port: At<String>,
    /// The full name of the port that the data comes from; none for the port's own settings.
    pub from: Option<String>,
    /// The mapping, or the settings.
    pub configuration: Option<Json>,
    /// A JSON Schema of the data.
    pub schema: Option<Json>,
}

/// A TinyModule: where a module runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// `metadata.name`: the key by which others know it.
    pub name: At<String>,
    /// `metadata.resourceVersion`
    pub version: u64,
    /// `status.addr` or `status.address`
    pub address: At<Address>,
    /// The names of `status.components`.
    pub components: Vec<String>,
}

/// Where a module says that it runs. Spec: router 6.4, W-13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// It does not say: it is not discovered.
    None,
    /// It can be called there.
    Endpoint(Authority),
    /// Not by gRPC, as `nats://`.
    Unsupported(String),
    /// That is no address.
    Malformed(String),
}

impl Address {
    /// Reads an address of the module `name`, which takes the place of a host that is not there.
    pub fn parse(text: &str, name: &str) -> Self {
        if text.is_empty() {
            return Address::None;
        }
        if text.contains("://") {
            return Address::Unsupported(text.to_owned());
        }
        let whole = match text.strip_prefix(':') {
            Some(port) => format!("{name}:{port}"),
            None => text.to_owned(),
        };
        match whole.parse::<Authority>() {
            Ok(authority) if authority.port_u16().is_some() && !authority.host().is_empty() => {
                Address::Endpoint(authority)
            }
            _ => Address::Malformed(text.to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::None => f.write_str("no address"),
            Address::Endpoint(authority) => authority.fmt(f),
            Address::Unsupported(text) | Address::Malformed(text) => f.write_str(text),
        }
    }
}

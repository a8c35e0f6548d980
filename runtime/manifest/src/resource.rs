//! The contents of a TinyNode and a TinyModule, independent of their shape. Spec: router 6.4.

use std::fmt;
use std::ops::{Deref, Range};
use std::time::Duration;

use serde_json::Value as Json;
use squall_router::Authority;

/// A value and its place, in bytes of the text that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// Its place.
    pub span: Range<usize>,
    /// Its value.
    pub value: T,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A resource that matters for topologies.
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

    /// `metadata.resourceVersion`; 0 when it is missing.
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
    /// `spec.edges`, without unreadable ones.
    pub edges: Vec<Edge>,
    /// `spec.ports`: the configuration of this node's ports, with its sources.
    pub inputs: Vec<Input>,
    /// The names of `status.ports`, if the node has reported any.
    pub ports: Option<Vec<String>>,
}

/// An edge, stored on its source node.
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
    /// Its retry policy.
    pub retry_policy: Option<RetryPolicy>,
    /// How data is mapped along it: only where edges contain the mapping themselves.
    pub configuration: Option<Json>,
}

/// The retry policy of an edge, complete with defaults. Spec: router 3.6, 6.4.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// `maxAttempts`: at least 1, which is the default and means no retry.
    pub max_attempts: At<u32>,
    /// `initialDelayMs`: the delay after the first failure, more than 0. 1 s by default.
    pub initial_delay: At<Duration>,
    /// `backoffCoefficient`: the factor between one delay and the next, at least 1. 2 by default.
    pub coefficient: f64,
    /// `maxDelayMs`: the maximum delay, more than 0. 30 s by default.
    pub max_delay: At<Duration>,
    /// `nonRetryableErrorCodes`, without duplicates and empty ones.
    pub non_retryable_codes: Vec<String>,
    /// `timeoutMs`: the time limit of each attempt, more than 0. None by default.
    pub timeout: Option<At<Duration>>,
}

/// The configuration of a port of this node.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The port of this node.
    pub port: At<String>,
    /// The full name of the data's source port; `None` for the port's own settings.
    pub from: Option<String>,
    /// The mapping, or the settings.
    pub configuration: Option<Json>,
    /// A JSON Schema of the data.
    pub schema: Option<Json>,
}

/// A TinyModule: the endpoint of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// `metadata.name`: the key that others use.
    pub name: At<String>,
    /// `metadata.resourceVersion`
    pub version: u64,
    /// `status.addr` or `status.address`
    pub address: At<Address>,
    /// The names of `status.components`.
    pub components: Vec<String>,
}

/// The endpoint that a module reports. Spec: router 6.4, W-13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// It reports none: it is not discovered.
    None,
    /// It is reachable there.
    Endpoint(Authority),
    /// Not with gRPC, such as `nats://`.
    Unsupported(String),
    /// Not an address.
    Malformed(String),
}

impl Address {
    /// Parses an address of the module `name`, which replaces a missing host.
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

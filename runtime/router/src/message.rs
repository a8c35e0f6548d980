//! The messages that the scheduler handles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Payload, RetryPolicy};

/// A message to one port of one node. Spec: router S-7, 3.2.
#[derive(Debug, Clone)]
pub struct Message {
    /// The destination: `node.port` or `node:port`.
    pub to: Arc<str>,
    /// The output port that emitted it, or empty.
    pub from: Arc<str>,
    /// The data.
    pub data: Payload,
    /// The time limit of the call. `None`: the limit of the parent call and, across modules, that of
    /// [`Module::set_timeout`](crate::Module::set_timeout) for the called module, or
    /// [`call_timeout`](crate::Options::call_timeout). The shorter one wins. Spec: router H-13.
    pub timeout: Option<Duration>,
    /// The edge that it follows, if any. Sent to other modules. Spec: router 2.1.
    pub edge: Option<Arc<str>>,
    /// Waits for a module that is temporarily unreachable, for as long as the call may take. Otherwise the call fails
    /// at once while the module's endpoints are in backoff. Spec: router 4.3.
    pub wait_for_ready: bool,
    /// Whether it is retried. `None`: as [`Options::retry`](crate::Options::retry) says, by default never. Messages
    /// from the wire are never retried here.
    pub retry: Option<Arc<RetryPolicy>>,
    /// Inherited from the parent call.
    pub context: Context,
}

/// Context of a call, inherited by all calls that it makes. Spec: router H-6, S-24.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The trace's identifier; 0 asks for a new one.
    pub trace: u128,
    /// The span of the execution that emitted the message; 0 when none did.
    pub span: u64,
    /// The number of hops between this message and the first one.
    pub depth: u32,
    /// The deadline of the parent call.
    pub deadline: Option<Instant>,
    /// Further metadata, passed on unchanged: baggage and the like.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
    /// Identifies this message across retries: its receiver handles it once, and gives duplicates the same answer.
    /// Unlike the rest it is not inherited unchanged: messages emitted by the handler of a message with a key get
    /// derived keys, the same ones each time. Spec: router section 9.
    pub key: Option<Arc<str>>,
    /// The number of earlier attempts. Spec: router 2.3.3.
    pub retries: u32,
    /// True when the message came over the wire. It is never forwarded to a third module. Spec: router H-9.
    pub(crate) remote: bool,
}

impl Message {
    /// A message that starts a call: without a sender, in a new trace, without a deadline.
    pub fn new(to: impl Into<Arc<str>>, data: impl Into<Payload>) -> Self {
        Message {
            to: to.into(),
            from: "".into(),
            data: data.into(),
            timeout: None,
            edge: None,
            wait_for_ready: false,
            retry: None,
            context: Context::default(),
        }
    }

    /// Sets the output port that it comes from.
    #[must_use]
    pub fn from(mut self, from: impl Into<Arc<str>>) -> Self {
        self.from = from.into();
        self
    }

    /// Sets the identifier of its trace.
    #[must_use]
    pub fn trace(mut self, trace: u128) -> Self {
        self.context.trace = trace;
        self
    }

    /// Limits the duration of the call.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the edge that it follows.
    #[must_use]
    pub fn edge(mut self, edge: impl Into<Arc<str>>) -> Self {
        self.edge = Some(edge.into());
        self
    }

    /// Waits for a temporarily unreachable module, instead of failing at once.
    #[must_use]
    pub fn wait_for_ready(mut self) -> Self {
        self.wait_for_ready = true;
        self
    }

    /// Retries it as `policy` says.
    #[must_use]
    pub fn retry(mut self, policy: impl Into<Arc<RetryPolicy>>) -> Self {
        self.retry = Some(policy.into());
        self
    }

    /// Sets its idempotency key, so that its receiver recognises duplicates.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.context.key = Some(key.into());
        self
    }

    /// Adds metadata for the call and all calls that it makes.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let metadata = self.context.metadata.get_or_insert_default();
        Arc::make_mut(metadata).insert(key.into(), value.into());
        self
    }
}

/// `now + timeout`, or practically never when that is not representable.
pub(crate) fn after(now: Instant, timeout: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    now.checked_add(timeout).unwrap_or_else(|| now + NEVER)
}

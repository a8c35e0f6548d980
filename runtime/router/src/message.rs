//! What the scheduler handles.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Payload, RetryPolicy};

/// A message to one port of one node. Spec: router S-7, 3.2.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it goes: `node.port` or `node:port`.
    pub to: Arc<str>,
    /// The output port that emitted it, or empty when nobody did.
    pub from: Arc<str>,
    /// What it carries.
    pub data: Payload,
    /// How long the call may take. `None`: as long as the calls that it is part of and, across modules,
    /// what [`Module::set_timeout`](crate::Module::set_timeout) says of the module that is called, or
    /// [`call_timeout`](crate::Options::call_timeout). The shorter one wins. Spec: router H-13.
    pub timeout: Option<Duration>,
    /// The edge that it follows, if any. Crosses to other modules. Spec: router 2.1.
    pub edge: Option<Arc<str>>,
    /// Waits for a module that cannot be reached for the time being, as long as the call may take. Else the
    /// call fails at once while the module's endpoints are in backoff. Spec: router 4.3.
    pub wait_for_ready: bool,
    /// Whether it is sent again when it fails. `None`: as [`Options::retry`](crate::Options::retry) says,
    /// which is not at all unless somebody asks for it. What came over the wire is never sent again.
    pub retry: Option<Arc<RetryPolicy>>,
    /// What it inherits from the call that it is part of.
    pub context: Context,
}

/// What travels with a call and all the calls that it makes. Spec: router H-6, S-24.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The trace's identifier; 0 asks for a new one.
    pub trace: u128,
    /// The span of the execution that emitted the message; 0 when none did.
    pub span: u64,
    /// How many hops lie between this message and the one that started it all.
    pub depth: u32,
    /// When the call that this one is part of ends.
    pub deadline: Option<Instant>,
    /// Further metadata, passed on unchanged: baggage and the like.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
    /// Names this message for as long as it is sent again: its receiver handles it once, and answers every
    /// further one alike. Unlike the rest it is not handed down as it is: messages emitted while one with a
    /// key is handled get keys of their own, the same ones each time. Spec: router section 9.
    pub key: Option<Arc<str>>,
    /// How often this message was sent before. Spec: router 2.3.3.
    pub retries: u32,
    /// True when the message came over the wire. It is never sent on to a third module. Spec: router H-9.
    pub(crate) remote: bool,
}

impl Message {
    /// A message that starts a call: from nobody, in a new trace, without a deadline.
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

    /// Names the output port that it comes from.
    #[must_use]
    pub fn from(mut self, from: impl Into<Arc<str>>) -> Self {
        self.from = from.into();
        self
    }

    /// Puts it in the trace with this identifier.
    #[must_use]
    pub fn trace(mut self, trace: u128) -> Self {
        self.context.trace = trace;
        self
    }

    /// Limits how long the call may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Names the edge that it follows.
    #[must_use]
    pub fn edge(mut self, edge: impl Into<Arc<str>>) -> Self {
        self.edge = Some(edge.into());
        self
    }

    /// Waits for a module that cannot be reached for the time being, instead of failing at once.
    #[must_use]
    pub fn wait_for_ready(mut self) -> Self {
        self.wait_for_ready = true;
        self
    }

    /// Sends it again when it fails, as `policy` says.
    #[must_use]
    pub fn retry(mut self, policy: impl Into<Arc<RetryPolicy>>) -> Self {
        self.retry = Some(policy.into());
        self
    }

    /// Names it, so that its receiver knows it when it comes again.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.context.key = Some(key.into());
        self
    }

    /// Adds metadata that travels with the call and all the calls that it makes.
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

//! What a journal line can say of managers and providers. Spec: provider sections 2 and 3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fold;
use crate::calls::Folding;
use crate::journal::{Entry, Event, EventKind, Handling, Id, Outcome, SystemEvent};

/// How they are read back.
pub(crate) const KIND: EventKind = EventKind {
    kinds: &["provider"],
    read: |value| {
        let Tagged::Provider(event) = serde_json::from_value::<Tagged<ProviderEvent>>(value)?;
        Ok(Event::of(event))
    },
};

/// What happened to a manager or to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum ProviderEvent {
    /// A manager accepted a registration.
    Registered {
        /// The connection's id.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// `host:port` where its modules are executed.
        executor: Arc<str>,
        /// Qualified names, with commas between them.
        modules: Arc<str>,
    },
    /// A manager rejected a registration.
    Rejected {
        /// The namespace that was asked for.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// `host:port` where its modules would have been executed.
        executor: Arc<str>,
        /// Why: of several reasons the first.
        reason: Arc<str>,
    },
    /// A connection has another state, as its manager sees it.
    State {
        /// The connection's id.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// `host:port` where its modules are executed.
        executor: Arc<str>,
        /// `active`, `draining`, `deregistered`
        state: Arc<str>,
        /// Why.
        cause: Arc<str>,
    },
    /// A manager puts a member aside that does not answer, or uses it again.
    MemberState {
        /// The connection's id.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// `host:port` where its modules are executed.
        executor: Arc<str>,
        /// `aside`, `in use`
        state: Arc<str>,
        /// Why.
        cause: Arc<str>,
    },
    /// A namespace has no owner any more.
    NamespaceReleased {
        /// Which one.
        namespace: Arc<str>,
    },
    /// A manager received a heartbeat.
    HeartbeatReceived {
        /// The connection's id.
        connection: Arc<str>,
        /// The provider's wall clock when it was sent, in milliseconds since the epoch.
        timestamp: u64,
    },
    /// A manager sends an execution to a provider.
    ExecuteStarted {
        /// The call that it belongs to; 0 when no workload made it.
        #[serde(default, skip_serializing_if = "is_none")]
        trace: Id,
        /// The execution: the low half of its id. A second attempt has the same.
        execution: Id,
        /// The module's qualified name.
        module: Arc<str>,
        /// Its namespace.
        namespace: Arc<str>,
        /// The connection's id.
        connection: Arc<str>,
        /// `host:port` that it is sent to.
        executor: Arc<str>,
        /// 1, or more when it is sent to another member of the group.
        attempt: u32,
        /// Nanoseconds that it may take.
        timeout: u64,
        /// Input size.
        bytes: u64,
        /// Input digest.
        digest: Id,
    },
    /// What a manager sent to a provider ended.
    ExecuteEnded {
        /// The execution.
        execution: Id,
        /// How.
        outcome: Outcome,
        /// The error's class: its code, in small letters. Empty when ok.
        status: Arc<str>,
        /// The error's text; empty when ok.
        error: Arc<str>,
        /// The connection's id.
        connection: Arc<str>,
        /// Which attempt.
        attempt: u32,
        /// Output size.
        bytes: u64,
        /// Output digest; 0 for no value.
        digest: Id,
    },
    /// A provider has another state at a manager, as the provider sees it.
    InstanceState {
        /// `host:port` of the manager.
        manager: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// The connection's id; empty for none.
        connection: Arc<str>,
        /// `registering`, `active`, `draining`, `reconnecting`, `disconnected`
        state: Arc<str>,
        /// Why.
        cause: Arc<str>,
    },
    /// A provider sends a heartbeat.
    HeartbeatSent {
        /// The connection's id.
        connection: Arc<str>,
        /// The provider's wall clock, in milliseconds since the epoch.
        timestamp: u64,
    },
    /// A fault kept a heartbeat from being sent.
    HeartbeatSuppressed {
        /// The connection's id.
        connection: Arc<str>,
    },
    /// A fault kept a manager from acknowledging a heartbeat.
    AckSuppressed {
        /// The connection's id.
        connection: Arc<str>,
    },
    /// A provider starts to execute a module.
    ExecutionStarted {
        /// The execution.
        execution: Id,
        /// The module's qualified name.
        module: Arc<str>,
        /// Its namespace.
        namespace: Arc<str>,
        /// `host:port` of the provider's own.
        instance: Arc<str>,
        /// Nanoseconds that it may take; 0 when nobody says.
        #[serde(default, skip_serializing_if = "is_zero")]
        timeout: u64,
        /// Input size.
        bytes: u64,
        /// Input digest.
        digest: Id,
    },
    /// A provider is done with an execution.
    ExecutionEnded {
        /// The execution.
        execution: Id,
        /// How.
        how: Handling,
        /// The error's code; empty when ok.
        error: Arc<str>,
        /// Output size.
        bytes: u64,
        /// Output digest; 0 for no value.
        digest: Id,
    },
    /// A canary made a step at one manager.
    CanaryStep {
        /// `host:port` of the manager.
        instance: Arc<str>,
        /// `upgraded`, `healthy`, `unhealthy`, `rolled back`, `not rolled back`
        step: Arc<str>,
        /// The version of its modules from then on.
        version: Arc<str>,
    },
    /// A canary ended.
    CanaryEnded {
        /// `promoted`, `rolled back`, `partial failure`
        outcome: Arc<str>,
        /// Why; empty when it was promoted.
        reason: Arc<str>,
    },
    /// A canary says which managers have which version, as not all have the same. With commas between them.
    CanaryDivided {
        /// They have the new version, and were well.
        promoted: Arc<str>,
        /// They have the new version and were not well, or cannot be had back.
        failed: Arc<str>,
        /// They have the old version.
        unchanged: Arc<str>,
    },
}

/// Lines say whose event it is, and then which.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Tagged<E> {
    Provider(E),
}

impl From<ProviderEvent> for Event {
    fn from(event: ProviderEvent) -> Self {
        Event::of(event)
    }
}

impl SystemEvent for ProviderEvent {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(Tagged::Provider(self))
    }

    fn fold<'j>(&'j self, entry: &'j Entry, folding: &mut Folding<'j>) {
        fold::fold(self, entry, folding);
    }
}

fn is_zero(nanos: &u64) -> bool {
    *nanos == 0
}

fn is_none(id: &Id) -> bool {
    *id == Id::NONE
}

//! Journal events of managers and providers. Spec: provider sections 2 and 3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_core::calls::Folding;
use squall_core::journal::{Entry, Event, EventKind, Handling, Id, Outcome, SystemEvent};

use super::fold;

/// How to read them from a file.
pub const KIND: EventKind = EventKind {
    kinds: &["provider"],
    read: |value| {
        let Tagged::Provider(event) = serde_json::from_value::<Tagged<ProviderEvent>>(value)?;
        Ok(Event::of(event))
    },
};

/// An event of a manager or provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum ProviderEvent {
    /// A manager accepted a registration.
    Registered {
        /// The connection's identifier.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// The executor's `host:port`.
        executor: Arc<str>,
        /// Qualified names, separated by commas.
        modules: Arc<str>,
    },
    /// A manager rejected a registration.
    Rejected {
        /// The requested namespace.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// The executor's `host:port`.
        executor: Arc<str>,
        /// The first of the reasons.
        reason: Arc<str>,
    },
    /// A connection changed its state at its manager.
    State {
        /// The connection's identifier.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// Its group; empty for none.
        group: Arc<str>,
        /// The executor's `host:port`.
        executor: Arc<str>,
        /// `active`, `draining`, `deregistered`
        state: Arc<str>,
        /// The cause.
        cause: Arc<str>,
    },
    /// A manager ejects an unresponsive member, or readmits it.
    MemberState {
        /// The connection's identifier.
        connection: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// The executor's `host:port`.
        executor: Arc<str>,
        /// `aside`, `in use`
        state: Arc<str>,
        /// The cause.
        cause: Arc<str>,
    },
    /// A namespace lost its last owner.
    NamespaceReleased {
        /// The namespace.
        namespace: Arc<str>,
    },
    /// A manager received a heartbeat.
    HeartbeatReceived {
        /// The connection's identifier.
        connection: Arc<str>,
        /// The provider's wall clock when it was sent, in milliseconds since the epoch.
        timestamp: u64,
    },
    /// A manager sends an execution to a provider.
    ExecuteStarted {
        /// The trace of its call; 0 if no workload made it.
        #[serde(default, skip_serializing_if = "is_none")]
        trace: Id,
        /// The execution: the low half of its identifier. A retry has the same.
        execution: Id,
        /// The module's qualified name.
        module: Arc<str>,
        /// Its namespace.
        namespace: Arc<str>,
        /// The connection's identifier.
        connection: Arc<str>,
        /// The executor's `host:port`.
        executor: Arc<str>,
        /// 1 for the first attempt, more for a retry at another member of the group.
        attempt: u32,
        /// Its timeout, nanoseconds.
        timeout: u64,
        /// Input size.
        bytes: u64,
        /// Input digest.
        digest: Id,
    },
    /// An execution ended, as seen by the manager.
    ExecuteEnded {
        /// The execution.
        execution: Id,
        /// How.
        outcome: Outcome,
        /// The error's class: its code in lower case. Empty when ok.
        status: Arc<str>,
        /// The error's text; empty when ok.
        error: Arc<str>,
        /// The connection's identifier.
        connection: Arc<str>,
        /// The number of the attempt.
        attempt: u32,
        /// Output size.
        bytes: u64,
        /// Output digest; 0 for no value.
        digest: Id,
    },
    /// A provider changed its state at a manager, as seen by the provider.
    InstanceState {
        /// The manager's `host:port`.
        manager: Arc<str>,
        /// The namespace of its modules.
        namespace: Arc<str>,
        /// The connection's identifier; empty for none.
        connection: Arc<str>,
        /// `registering`, `active`, `draining`, `reconnecting`, `disconnected`
        state: Arc<str>,
        /// The cause.
        cause: Arc<str>,
    },
    /// A provider sends a heartbeat.
    HeartbeatSent {
        /// The connection's identifier.
        connection: Arc<str>,
        /// The provider's wall clock, in milliseconds since the epoch.
        timestamp: u64,
    },
    /// A fault kept a heartbeat from being sent.
    HeartbeatSuppressed {
        /// The connection's identifier.
        connection: Arc<str>,
    },
    /// A fault kept a manager from acknowledging a heartbeat.
    AckSuppressed {
        /// The connection's identifier.
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
        /// The provider's `host:port`.
        instance: Arc<str>,
        /// Its timeout, nanoseconds; 0 without one.
        #[serde(default, skip_serializing_if = "is_zero")]
        timeout: u64,
        /// Input size.
        bytes: u64,
        /// Input digest.
        digest: Id,
    },
    /// A provider finished an execution.
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
        /// The manager's `host:port`.
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
        /// The reason; empty if it was promoted.
        reason: Arc<str>,
    },
    /// A canary reports the versions of managers, because they differ. Lists are separated by commas.
    CanaryDivided {
        /// They have the new version, and were healthy.
        promoted: Arc<str>,
        /// They have the new version, and were unhealthy or cannot be rolled back.
        failed: Arc<str>,
        /// They have the old version.
        unchanged: Arc<str>,
    },
}

/// Lines have the event's owner, then its kind.
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

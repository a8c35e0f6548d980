//! Converts tracing events of managers and providers to journal events.

use std::sync::Arc;

use squall_core::journal::values::{handling, outcome};
use squall_core::journal::{Event, Id};
use squall_core::run::Source;
use squall_events::provider::{Event as Said, TARGET};
use squall_events::{Fields, Misfit};

use super::behalf;
use crate::journal::ProviderEvent;

/// Their source.
pub(super) const SOURCE: Source = Source {
    target: TARGET,
    read: event,
};

/// `None` for events that the journal omits. `name_of` interns a text.
fn event(
    name: &'static str,
    fields: &Fields<Arc<str>>,
    name_of: &mut dyn FnMut(&str) -> Arc<str>,
) -> Result<Option<Event>, Misfit> {
    let Some(said) = Said::read(name, fields)? else {
        return Ok(None);
    };
    Ok(Some(Event::of(match said {
        Said::Registered(it) => ProviderEvent::Registered {
            connection: it.connection,
            namespace: it.namespace,
            group: it.group,
            executor: it.executor,
            modules: it.modules,
        },
        Said::Rejected(it) => ProviderEvent::Rejected {
            namespace: it.namespace,
            group: it.group,
            executor: it.executor,
            reason: it.reason,
        },
        Said::State(it) => ProviderEvent::State {
            connection: it.connection,
            namespace: it.namespace,
            group: it.group,
            executor: it.executor,
            state: it.state,
            cause: it.cause,
        },
        Said::MemberState(it) => ProviderEvent::MemberState {
            connection: it.connection,
            namespace: it.namespace,
            executor: it.executor,
            state: it.state,
            cause: it.cause,
        },
        Said::NamespaceReleased(it) => ProviderEvent::NamespaceReleased {
            namespace: it.namespace,
        },
        Said::HeartbeatReceived(it) => ProviderEvent::HeartbeatReceived {
            connection: it.connection,
            timestamp: it.timestamp,
        },
        Said::ExecuteStarted(it) => ProviderEvent::ExecuteStarted {
            trace: behalf::current().unwrap_or(Id::NONE),
            execution: Id(it.execution),
            module: name_of(&format!("{}.{}", it.namespace, it.module)),
            namespace: it.namespace,
            connection: it.connection,
            executor: it.executor,
            attempt: it.attempt as u32,
            timeout: it.timeout,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::ExecuteEnded(it) => ProviderEvent::ExecuteEnded {
            execution: Id(it.execution),
            outcome: outcome(name, &it.outcome)?,
            // The status of an error is its code.
            status: name_of(&it.status.to_ascii_lowercase()),
            error: it.error,
            connection: it.connection,
            attempt: it.attempt as u32,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::InstanceState(it) => ProviderEvent::InstanceState {
            manager: it.manager,
            namespace: it.namespace,
            connection: it.connection,
            state: it.state,
            cause: it.cause,
        },
        Said::HeartbeatSent(it) => ProviderEvent::HeartbeatSent {
            connection: it.connection,
            timestamp: it.timestamp,
        },
        Said::HeartbeatSuppressed(it) => ProviderEvent::HeartbeatSuppressed {
            connection: it.connection,
        },
        Said::ExecutionStarted(it) => ProviderEvent::ExecutionStarted {
            execution: Id(it.execution),
            module: name_of(&format!("{}.{}", it.namespace, it.module)),
            namespace: it.namespace,
            instance: it.instance,
            timeout: it.timeout,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::ExecutionEnded(it) => ProviderEvent::ExecutionEnded {
            execution: Id(it.execution),
            how: handling(name, &it.how)?,
            error: it.error,
            bytes: it.bytes,
            digest: Id(it.digest),
        },
        Said::CanaryStep(it) => ProviderEvent::CanaryStep {
            instance: it.instance,
            step: it.step,
            version: it.version,
        },
        Said::CanaryEnded(it) => ProviderEvent::CanaryEnded {
            outcome: it.outcome,
            reason: it.reason,
        },
    })))
}

//! Events of managers and providers. See `events.rs` of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fields::Fields;
use crate::journal::{Event, Id, ProviderEvent};
use crate::run::behalf;

/// Where they come from.
pub(super) const TARGET: &str = "squall::provider";

/// Nothing when it is none of them.
pub(super) fn event(mut it: Fields<'_>, name: &str) -> Option<Event> {
    let event = match name {
        "provider.registered" => ProviderEvent::Registered {
            connection: it.text("connection"),
            namespace: it.text("namespace"),
            group: it.text("group"),
            executor: it.text("executor"),
            modules: it.text("modules"),
        },
        "provider.rejected" => ProviderEvent::Rejected {
            namespace: it.text("namespace"),
            group: it.text("group"),
            executor: it.text("executor"),
            reason: it.text("reason"),
        },
        "provider.state" => ProviderEvent::State {
            connection: it.text("connection"),
            namespace: it.text("namespace"),
            group: it.text("group"),
            executor: it.text("executor"),
            state: it.text("state"),
            cause: it.text("cause"),
        },
        "member.state" => ProviderEvent::MemberState {
            connection: it.text("connection"),
            namespace: it.text("namespace"),
            executor: it.text("executor"),
            state: it.text("state"),
            cause: it.text("cause"),
        },
        "namespace.released" => ProviderEvent::NamespaceReleased {
            namespace: it.text("namespace"),
        },
        "heartbeat.received" => ProviderEvent::HeartbeatReceived {
            connection: it.text("connection"),
            timestamp: it.number("timestamp"),
        },
        "execute.started" => ProviderEvent::ExecuteStarted {
            trace: behalf::current().unwrap_or(Id::NONE),
            execution: it.id("execution"),
            module: it.qualified(),
            namespace: it.text("namespace"),
            connection: it.text("connection"),
            executor: it.text("executor"),
            attempt: it.number("attempt") as u32,
            timeout: it.number("timeout"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "execute.ended" => ProviderEvent::ExecuteEnded {
            execution: it.id("execution"),
            outcome: it.outcome(),
            status: it.class(),
            error: it.text("error"),
            connection: it.text("connection"),
            attempt: it.number("attempt") as u32,
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "instance.state" => ProviderEvent::InstanceState {
            manager: it.text("manager"),
            namespace: it.text("namespace"),
            connection: it.text("connection"),
            state: it.text("state"),
            cause: it.text("cause"),
        },
        "heartbeat.sent" => ProviderEvent::HeartbeatSent {
            connection: it.text("connection"),
            timestamp: it.number("timestamp"),
        },
        "heartbeat.suppressed" => ProviderEvent::HeartbeatSuppressed {
            connection: it.text("connection"),
        },
        "execution.started" => ProviderEvent::ExecutionStarted {
            execution: it.id("execution"),
            module: it.qualified(),
            namespace: it.text("namespace"),
            instance: it.text("instance"),
            timeout: it.number("timeout"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "execution.ended" => ProviderEvent::ExecutionEnded {
            execution: it.id("execution"),
            how: it.handling(),
            error: it.text("error"),
            bytes: it.number("bytes"),
            digest: it.id("digest"),
        },
        "canary.step" => ProviderEvent::CanaryStep {
            instance: it.text("instance"),
            step: it.text("step"),
            version: it.text("version"),
        },
        "canary.ended" => ProviderEvent::CanaryEnded {
            outcome: it.text("outcome"),
            reason: it.text("reason"),
        },
        _ => return None,
    };
    Some(Event::Provider(event))
}

/// Whose heartbeat was heard last.
#[derive(Default)]
pub(super) struct Heard {
    /// By connection.
    executors: BTreeMap<Arc<str>, Arc<str>>,
    /// The connection and its executor.
    pub(super) last: Option<(Arc<str>, Arc<str>)>,
}

impl Heard {
    pub(super) fn listen(&mut self, event: &Event) {
        match event {
            Event::Provider(ProviderEvent::Registered {
                connection, executor, ..
            }) => {
                self.executors.insert(connection.clone(), executor.clone());
            }
            Event::Provider(ProviderEvent::HeartbeatReceived { connection, .. }) => {
                let executor = self.executors.get(connection);
                self.last = executor.map(|executor| (connection.clone(), executor.clone()));
            }
            _ => {}
        }
    }
}

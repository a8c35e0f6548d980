//! The interface to a manager, independent of its platform.

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{Engine, ModuleSpec};
use squall_platform::Platform;
use squall_provider::{Manager, ProviderInfo};

/// An engine whose modules are those of other processes, with queries about these.
pub trait Operator: Engine {
    /// Itself as an engine.
    fn engine(&self) -> &dyn Engine;

    /// Some of the providers, in every state. See [`Manager::providers_behind`].
    fn providers_behind(&self, number: Option<u64>, limit: usize) -> Vec<ProviderInfo>;

    /// One of them. See [`Manager::provider`].
    fn provider(&self, id: u64) -> Option<ProviderInfo>;

    /// Some of the modules. See [`Manager::modules_behind`].
    fn modules_behind(&self, name: Option<&str>, limit: usize) -> Vec<Arc<ModuleSpec>>;

    /// Asks a provider to leave; false when the connection does not exist, or is not active. See [`Manager::drain`].
    fn drain(&self, connection: &str, reason: &str, deadline: Option<Duration>) -> bool;

    /// OpenMetrics.
    fn metrics_text(&self) -> String;
}

impl<P: Platform> Operator for Manager<P> {
    fn engine(&self) -> &dyn Engine {
        self
    }

    fn providers_behind(&self, number: Option<u64>, limit: usize) -> Vec<ProviderInfo> {
        Manager::providers_behind(self, number, limit)
    }

    fn provider(&self, id: u64) -> Option<ProviderInfo> {
        Manager::provider(self, id)
    }

    fn modules_behind(&self, name: Option<&str>, limit: usize) -> Vec<Arc<ModuleSpec>> {
        Manager::modules_behind(self, name, limit)
    }

    fn drain(&self, connection: &str, reason: &str, deadline: Option<Duration>) -> bool {
        Manager::drain(self, connection, reason, deadline)
    }

    fn metrics_text(&self) -> String {
        Manager::metrics_text(self)
    }
}

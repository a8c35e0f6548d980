//! What the API needs of a manager, whatever it runs on.

use std::time::Duration;

use squall_engine::Engine;
use squall_platform::Platform;
use squall_provider::{Manager, ProviderInfo};

/// An engine whose modules are other processes', and that can be asked about these.
pub trait Operator: Engine {
    /// Itself, as what it is first.
    fn engine(&self) -> &dyn Engine;

    /// All providers, in every state. See [`Manager::providers`].
    fn providers(&self) -> Vec<ProviderInfo>;

    /// Asks a provider to leave; false when there is none of that connection, or it is not active. See
    /// [`Manager::drain`].
    fn drain(&self, connection: &str, reason: &str, deadline: Option<Duration>) -> bool;

    /// OpenMetrics.
    fn metrics_text(&self) -> String;
}

impl<P: Platform> Operator for Manager<P> {
    fn engine(&self) -> &dyn Engine {
        self
    }

    fn providers(&self) -> Vec<ProviderInfo> {
        Manager::providers(self)
    }

    fn drain(&self, connection: &str, reason: &str, deadline: Option<Duration>) -> bool {
        Manager::drain(self, connection, reason, deadline)
    }

    fn metrics_text(&self) -> String {
        Manager::metrics_text(self)
    }
}

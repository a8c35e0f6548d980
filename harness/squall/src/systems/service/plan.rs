//! Services: what `[service.*]`, and tables of a user's own, describe.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;

use crate::plan::{HostGroup, Recovery};

/// A service of a user's own: one host, or one host per replica, each of which runs its code.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// The name under which its code is registered.
    pub runs: String,
    /// What its code takes, as JSON. An object, empty when the file has none.
    pub settings: serde_json::Value,
}

impl Service {
    /// How long the calls of clients on its hosts may take that do not say so themselves.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
}

impl HostGroup for Service {
    const TABLE: &'static str = "service";
    const SHOWS_IN_CALLS: bool = false;

    fn name(&self) -> &str {
        &self.name
    }

    fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(Service::CALL_TIMEOUT)
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn recovery(&self) -> Recovery {
        Recovery::Within(Duration::ZERO)
    }

    fn none() -> &'static IndexMap<String, Self> {
        static NONE: LazyLock<IndexMap<String, Service>> = LazyLock::new(IndexMap::new);
        &NONE
    }
}

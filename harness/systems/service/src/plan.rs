//! Services: the content of `[service.*]` and of user-defined tables.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use squall_core::plan::{HostGroup, Recovery};

/// A user-defined service: one host, or one host per replica, each of which runs its code.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its hosts: `name` alone, or `name-0`, `name-1`, ...
    pub hosts: Vec<String>,
    /// The name under which its code is registered.
    pub runs: String,
    /// Its settings: a JSON object, empty if the file has none.
    pub settings: serde_json::Value,
}

impl Service {
    /// The default timeout of calls by clients on its hosts.
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

//! What sources say about themselves, as `tracing` events of fixed names and fields.

use squall_platform::Authority;
use tracing::{Level, event};

/// A name resolves to other addresses than before.
pub(super) fn resolved(module: &str, name: &Authority, addresses: &[Authority]) {
    let addresses: Vec<&str> = addresses.iter().map(Authority::as_str).collect();
    event!(
        name: "discovery.resolved",
        target: "squall::router",
        Level::DEBUG,
        module,
        name = name.as_str(),
        addresses = addresses.join(",").as_str(),
    );
}

/// A name does not resolve: what it last resolved to stands.
pub(super) fn unresolved(module: &str, name: &Authority, error: &str) {
    event!(
        name: "discovery.unresolved",
        target: "squall::router",
        Level::WARN,
        module,
        name = name.as_str(),
        error,
    );
}

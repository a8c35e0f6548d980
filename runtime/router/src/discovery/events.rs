//! The `tracing` events of discovery sources. They are defined in `squall-events`.

use squall_events::router as said;
use squall_platform::Authority;

/// A name resolves to different addresses than before.
pub(super) fn resolved(module: &str, name: &Authority, addresses: &[Authority]) {
    let joined = || {
        let addresses: Vec<&str> = addresses.iter().map(Authority::as_str).collect();
        addresses.join(",")
    };
    said::DiscoveryResolved::say(|| said::DiscoveryResolved {
        module: module.into(),
        name: name.as_str().into(),
        addresses: joined().into(),
    });
}

/// A name does not resolve: its last answer remains valid.
pub(super) fn unresolved(module: &str, name: &Authority, error: &str) {
    said::DiscoveryUnresolved::say(|| said::DiscoveryUnresolved {
        module: module.into(),
        name: name.as_str().into(),
        error: error.into(),
    });
}

//! What a scenario expects of providers: their states, and how canaries end.

mod canary;
mod state;

pub use self::canary::CanaryExpectation;
pub use self::state::{ProviderCheck, ProviderExpectation};

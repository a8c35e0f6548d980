//! Expectations about providers: states, and ends of canaries.

mod canary;
mod state;

pub use self::canary::CanaryExpectation;
pub use self::state::{ProviderCheck, ProviderExpectation};

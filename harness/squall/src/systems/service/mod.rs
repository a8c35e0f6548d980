//! Services of a user's own, and their clients.

pub(crate) mod events;
mod sites;
mod target;

use std::sync::Arc;

pub(crate) use self::sites::Sites;
pub use self::target::ClientCall;
use super::{Running, Start, System};
use crate::services::ServiceCode;

impl System for ServiceCode {
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(sites::build(start, self))
    }
}

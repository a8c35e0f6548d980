//! Services of a user's own, and their clients.

pub(crate) mod events;
pub(crate) mod file;
pub(crate) mod plan;
mod sites;
mod target;

use std::sync::Arc;

pub(crate) use self::sites::Sites;
pub use self::target::ClientCall;
use super::{Hosting, Running, Start};
use crate::services::ServiceCode;

impl Hosting for ServiceCode {
    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(sites::build(start, self))
    }
}

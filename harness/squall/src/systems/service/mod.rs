//! Services of a user's own, and their clients.

pub(crate) mod deaf;
mod events;
mod journal;
pub(crate) mod plan;
mod sites;
mod target;

use std::sync::Arc;

pub(crate) use self::journal::KIND as EVENTS;
pub use self::journal::RpcEvent;
pub(crate) use self::sites::Sites;
pub use self::target::ClientCall;
use crate::hosting::{Hosting, Running, Start};
use crate::run::Source;
use crate::services::ServiceCode;

impl Hosting for ServiceCode {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(sites::build(start, self))
    }
}

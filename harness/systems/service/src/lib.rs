//! User-defined services, and their clients.

mod code;
pub mod deaf;
mod error;
mod events;
pub mod file;
mod journal;
mod kept;
mod note;
pub mod plan;
mod sites;
mod target;

use std::sync::Arc;

pub use squall_site::Site;

pub use self::code::Call;
pub use self::code::{Asked, NOTHING, ServiceCode, Serving};
pub use self::error::CallError;
pub use self::journal::KIND as EVENTS;
pub use self::journal::RpcEvent;
pub(crate) use self::kept::Kept;
pub use self::note::note;
pub(crate) use self::sites::Sites;
pub use self::target::ClientCall;
use squall_core::hosting::{Hosting, Running, Start};
use squall_core::run::Source;

impl Hosting for ServiceCode {
    fn events(&self) -> Source {
        events::SOURCE
    }

    fn start(&self, start: &Start<'_>) -> Arc<dyn Running> {
        Arc::new(sites::build(start, self))
    }
}

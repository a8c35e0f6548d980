//! What upstream does not test: the end of the checklist. What of it is about bytes is in `sdks`.

mod calls;
mod drain;
mod environment;
mod groups;
mod reconnect;
mod registration;
mod streams;

use crate::support::*;

/// A registered and active member of `ml`'s group.
pub(super) async fn member(world: &World, executor: Executor) -> Provider {
    let mut provider = Provider::start(world, executor).await;
    provider.register("ml", "pool", &["A"]).await;
    provider.open().await;
    provider
}

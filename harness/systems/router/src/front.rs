//! The layer between a workload and a module.

use async_trait::async_trait;
use squall_router::{Error, Message, Payload, Scheduler};
use squall_sim::SimPlatform;

/// A layer between a workload and the scheduler of the module where its calls start.
#[async_trait]
pub trait Front: Send + Sync + 'static {
    /// Handles a workload's message, usually by passing it to the scheduler.
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error>;
}

/// No layer.
pub(crate) struct Straight;

#[async_trait]
impl Front for Straight {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        scheduler.handle(message).await
    }
}

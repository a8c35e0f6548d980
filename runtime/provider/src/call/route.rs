//! Selects the member and the channel of a call.

use std::sync::Arc;

use squall_engine::{CallError, Code};
use squall_grpc::Channel;
use squall_platform::Platform;
use tokio::time::Instant;

use crate::address;
use crate::manager::{Manager, Registry};
use crate::table::{Declared, Picked};

/// A member, and its channel.
pub(super) struct Route<P: Platform> {
    pub(super) member: Picked,
    pub(super) channel: Channel<P>,
}

impl<P: Platform> Manager<P> {
    /// Takes the turn of the next member that has the module, skipping one that was tried before.
    ///
    /// # Errors
    /// When no member takes calls.
    pub(super) fn route(
        &self,
        declared: &Declared,
        except: Option<&Route<P>>,
    ) -> Result<Route<P>, CallError> {
        let except = except.map(|it| &*it.member.identity.connection);
        // One lock for both: a member that leaves meanwhile finds the channel, and removes it.
        let mut registry = self.lock();
        let unavailable = |why: String| CallError::failed(Code::Unavailable, why);
        let member = registry
            .table
            .pick(declared, except, Instant::now())
            .map_err(|nobody| unavailable(nobody.to_string()))?;
        let channel = self
            .channel(&mut registry, &member.identity.executor)
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(Route { member, channel })
    }

    /// The channel to an executor: one for each url, created at the first call. Spec: provider 2.12.
    fn channel(
        &self,
        registry: &mut Registry<P>,
        executor: &Arc<str>,
    ) -> Result<Channel<P>, address::ParseError> {
        if let Some(channel) = registry.channels.get(executor) {
            return Ok(channel.clone());
        }
        let peer = address::parse(executor)?;
        let channel = Channel::new(self.platform().clone(), self.config().patient_dial(), peer);
        registry.channels.insert(executor.clone(), channel.clone());
        Ok(channel)
    }
}

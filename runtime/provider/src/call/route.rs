//! Which member a call goes to, and over which channel.

use std::sync::Arc;

use squall_engine::{CallError, Code};
use squall_grpc::Channel;
use squall_platform::Platform;
use tokio::time::Instant;

use crate::address;
use crate::manager::{Manager, Registry};
use crate::table::{Declared, Picked};

/// A member, and the way to it.
pub(super) struct Route<P: Platform> {
    pub(super) member: Picked,
    pub(super) channel: Channel<P>,
}

impl<P: Platform> Manager<P> {
    /// Takes the turn of the next member that has the module, except of one that was tried before.
    ///
    /// # Errors
    /// Nobody takes calls.
    pub(super) fn route(
        &self,
        declared: &Declared,
        except: Option<&Route<P>>,
    ) -> Result<Route<P>, CallError> {
        let except = except.map(|it| &*it.member.identity.connection);
        // One lock for both: whoever leaves meanwhile finds the channel, and takes it away.
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

    /// The channel to an executor: one for each url, made when it is first called. Spec: provider 2.12.
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

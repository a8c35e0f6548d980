//! Looking at a provider, and telling it, while it runs.

use std::net::SocketAddr;
use std::sync::Arc;

use squall_platform::{Authority, Platform};

use crate::canary::{self, CanaryOutcome};
use crate::fleet::Fleet;
use crate::modules::Modules;
use crate::{InstanceStatus, Module, NameError};

/// A provider, for whoever looks at it or tells it something. Clones are handles of the same provider; none of them
/// keeps it running.
pub struct Handle<P: Platform>(Arc<Fleet<P>>);

impl<P: Platform> Handle<P> {
    pub(crate) fn new(fleet: Arc<Fleet<P>>) -> Self {
        Handle(fleet)
    }

    pub(crate) fn fleet(&self) -> &Arc<Fleet<P>> {
        &self.0
    }

    /// The namespace of its modules.
    pub fn namespace(&self) -> &str {
        &self.0.ground.namespace
    }

    /// How the connection to each manager is doing, in the order in which managers were found. Empty before the start.
    pub fn status(&self) -> Vec<InstanceStatus> {
        self.0.status()
    }

    /// The modules that a new instance serves, in the order in which they were given.
    pub fn modules(&self) -> Vec<Module> {
        self.0.modules().list().to_vec()
    }

    /// Where calls come in: the address that is really bound. Nothing before the start, and after the end. An instance
    /// that was upgraded before others has an executor of its own, on another port.
    pub fn executor_addr(&self) -> Option<SocketAddr> {
        self.0.shared().map(|it| it.address())
    }

    /// How many calls are in the works, of all managers.
    pub fn in_flight(&self) -> usize {
        self.0.executors().iter().map(|it| it.work().in_flight()).sum()
    }

    /// Connects to a manager again that has drained this provider, or that was given up. For others it does nothing;
    /// false when there is no instance for it.
    pub fn connect(&self, manager: &Authority) -> bool {
        let instance = self.0.instances().into_iter().find(|it| it.manager() == manager);
        instance.map(|it| it.connect()).is_some()
    }

    /// Replaces the modules of all instances at once. Calls in flight are finished by the old ones. Managers hear of it
    /// only when names or types have changed: then every instance registers anew, and until it has its modules may be
    /// missing there. Waits for a rollout that is under way.
    ///
    /// # Errors
    /// A name that no server would take. Nothing has changed then.
    pub async fn replace_modules(&self, modules: Vec<Module>) -> Result<(), NameError> {
        let modules = Modules::new(modules)?;
        let _turn = self.0.rollout.lock().await;
        canary::replace(&self.0, &modules);
        Ok(())
    }

    /// Rolls new modules out to one instance after the other, and tells how that went. See [`CanaryOutcome`] and
    /// [`Canary`](crate::Canary). Waits for a rollout that is under way. Spec: provider 3.7.
    ///
    /// Dropping the future leaves the rollout where it is: some instances with the new modules, others with the old.
    pub async fn canary(&self, modules: Vec<Module>) -> CanaryOutcome {
        let _turn = self.0.rollout.lock().await;
        canary::roll_out(&self.0, modules).await
    }
}

impl<P: Platform> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Handle(Arc::clone(&self.0))
    }
}

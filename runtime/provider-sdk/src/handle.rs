//! Inspects and controls a running provider.

use std::net::SocketAddr;
use std::sync::Arc;

use squall_platform::{Authority, Platform};

use crate::canary::{self, CanaryOutcome};
use crate::fleet::Fleet;
use crate::modules::Modules;
use crate::{InstanceStatus, Module, NameError};

/// A handle for inspection and control of a provider. Clones belong to the same provider; none of them keeps it
/// running.
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

    /// The state of the connection to each manager, in the order in which managers were found. Empty before the
    /// start.
    pub fn status(&self) -> Vec<InstanceStatus> {
        self.0.status()
    }

    /// The modules that a new instance serves, in the given order.
    pub fn modules(&self) -> Vec<Module> {
        self.0.modules().list().to_vec()
    }

    /// The address for calls that was actually bound. `None` before the start, and after the end. An instance that
    /// was upgraded before others has its own executor, on another port.
    pub fn executor_addr(&self) -> Option<SocketAddr> {
        self.0.shared().map(|it| it.address())
    }

    /// The number of calls in flight, of all managers.
    pub fn in_flight(&self) -> usize {
        self.0.executors().iter().map(|it| it.work().in_flight()).sum()
    }

    /// Connects again to a manager that has drained this provider, or that was given up. No effect for others; false
    /// when there is no instance for it.
    pub fn connect(&self, manager: &Authority) -> bool {
        let instance = self.0.instances().into_iter().find(|it| it.manager() == manager);
        instance.map(|it| it.connect()).is_some()
    }

    /// Replaces the modules of all instances at once. Calls in flight are finished by the old ones. Managers are
    /// notified only when names or types have changed: then every instance registers again, and until it has, its
    /// modules may be missing there. Waits for a rollout in progress.
    ///
    /// # Errors
    /// A name that no server would accept. Nothing has changed then.
    pub async fn replace_modules(&self, modules: Vec<Module>) -> Result<(), NameError> {
        let modules = Modules::new(modules)?;
        let _turn = self.0.rollout.lock().await;
        canary::replace(&self.0, &modules);
        Ok(())
    }

    /// Rolls new modules out to one instance after the other, and returns the result. See [`CanaryOutcome`] and
    /// [`Canary`](crate::Canary). Waits for a rollout in progress. Spec: provider 3.7.
    ///
    /// Dropping the future stops the rollout as it is: some instances have the new modules, others the old ones.
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

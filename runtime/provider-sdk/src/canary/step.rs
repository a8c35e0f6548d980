//! One instance: upgrade, and rollback.

use std::io;
use std::sync::Arc;

use squall_grpc::within;
use squall_platform::{Authority, Platform};

use crate::events;
use crate::fleet::Fleet;
use crate::instance::{Instance, State};
use crate::modules::Modules;

/// An upgraded instance, with the data for a rollback.
pub(super) struct Upgrade<P> {
    instance: Arc<Instance<P>>,
    old: Arc<Modules>,
    new: Arc<Modules>,
}

impl<P: Platform> Upgrade<P> {
    /// Gives an instance new modules. Does not wait for their registration: the window will show its result.
    ///
    /// # Errors
    /// When it needs its own executor and there is no port. Nothing has changed then.
    pub(super) async fn begin(
        fleet: &Fleet<P>,
        instance: Arc<Instance<P>>,
        new: &Arc<Modules>,
    ) -> Result<Self, (Arc<Instance<P>>, io::Error)> {
        let executor = instance.executor();
        let old = executor.modules();
        let is_shared = fleet
            .instances()
            .iter()
            .any(|it| !Arc::ptr_eq(it, &instance) && Arc::ptr_eq(&it.executor(), &executor));
        if is_shared {
            match fleet.bind(0, Arc::clone(new)).await {
                Ok(own) => instance.assign(own),
                Err(error) => return Err((instance, error)),
            }
            instance.renew();
        } else {
            executor.swap(Arc::clone(new));
            if !new.are_declared_as(&old) {
                instance.renew();
            }
        }
        let upgrade = Upgrade {
            instance,
            old,
            new: Arc::clone(new),
        };
        upgrade.tell("upgraded");
        Ok(upgrade)
    }

    /// Gives it the old modules back. False when it was registered, and cannot be registered with the old ones. An
    /// instance that was not registered needs no rollback: it will register with the old ones.
    pub(super) async fn undo(&self, fleet: &Fleet<P>) -> bool {
        self.instance.executor().swap(Arc::clone(&self.old));
        let was = self.instance.status();
        let may_be_registered = matches!(was.state, State::Active | State::Registering);
        let needs_renewal = may_be_registered && !self.old.are_declared_as(&self.new);
        let mut is_back = true;
        if needs_renewal {
            self.instance.renew();
            // One request to deregister, one to register, one to open the control plane.
            let patience = fleet.ground.config.request_timeout.saturating_mul(3);
            let settled = self.instance.until(|now| match now.state {
                // Waits for a registration with the old ones, not merely a remaining one with the new ones.
                State::Active => now.connection != was.connection && !self.instance.has_orders(),
                State::Reconnecting | State::Disconnected => true,
                State::Registering | State::Draining => false,
            });
            is_back = within(patience, settled).await.is_some() && self.instance.state() == State::Active;
        }
        self.tell(if is_back { "rolled back" } else { "not rolled back" });
        is_back
    }

    pub(super) fn instance(&self) -> &Instance<P> {
        &self.instance
    }

    pub(super) fn manager(&self) -> &Authority {
        self.instance.manager()
    }

    /// Reports its step, with its current version.
    pub(super) fn tell(&self, step: &str) {
        let version = self.instance.executor().modules().versions();
        events::canary_step(self.manager(), step, &version);
    }
}

/// Later instances get the new modules, too.
pub(super) fn promote<P: Platform>(fleet: &Fleet<P>, modules: &Arc<Modules>) {
    fleet.set_modules(Arc::clone(modules));
    if let Some(shared) = fleet.shared() {
        shared.swap(Arc::clone(modules));
    }
}

/// Gives all instances new modules at once.
pub(crate) fn replace<P: Platform>(fleet: &Fleet<P>, modules: &Arc<Modules>) {
    fleet.set_modules(Arc::clone(modules));
    let instances = fleet.instances();
    let mut changed = Vec::new();
    for executor in fleet.executors() {
        if !executor.swap(Arc::clone(modules)).are_declared_as(modules) {
            changed.push(executor);
        }
    }
    for instance in instances {
        if changed.iter().any(|it| Arc::ptr_eq(it, &instance.executor())) {
            instance.renew();
        }
    }
}

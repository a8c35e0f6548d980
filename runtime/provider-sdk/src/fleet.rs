//! All instances of a provider, as managers come and go.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::join_all;
use squall_platform::{Authority, OwnedTask, Platform};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::executor::Executor;
use crate::instance::{First, Ground, Instance};
use crate::modules::Modules;
use crate::{ConnectError, Discover, InstanceStatus, StartError};

/// The instances, their executors, and the source of managers. All of their tasks end with [`Fleet::abandon`] at the
/// latest.
pub(crate) struct Fleet<P: Platform> {
    pub(crate) ground: Arc<Ground<P>>,
    discover: Arc<dyn Discover>,
    inner: Mutex<Inner<P>>,
    /// Locked while modules are replaced.
    pub(crate) rollout: tokio::sync::Mutex<()>,
}

struct Inner<P: Platform> {
    /// The modules that new instances serve.
    modules: Arc<Modules>,
    /// The executor that instances share, from start to stop.
    shared: Option<Arc<Executor>>,
    /// In the order in which they were found.
    members: Vec<Member<P>>,
    following: Option<OwnedTask>,
}

struct Member<P: Platform> {
    instance: Arc<Instance<P>>,
    _life: OwnedTask,
}

impl<P: Platform> Fleet<P> {
    pub(crate) fn new(ground: Ground<P>, discover: Arc<dyn Discover>, modules: Arc<Modules>) -> Arc<Self> {
        Arc::new(Fleet {
            ground: Arc::new(ground),
            discover,
            inner: Mutex::new(Inner {
                modules,
                shared: None,
                members: Vec::new(),
                following: None,
            }),
            rollout: tokio::sync::Mutex::default(),
        })
    }

    /// Listens for calls.
    pub(crate) async fn listen(&self) -> Result<(), StartError> {
        let port = self.ground.config.executor_port;
        let bound = self.bind(port, self.modules()).await;
        let executor = bound.map_err(|cause| StartError::Listen { port, cause })?;
        self.lock().shared = Some(executor);
        Ok(())
    }

    /// Connects to the current managers, and waits for all of them.
    ///
    /// # Errors
    /// The first error, in the order of the managers. Successful connections stay.
    pub(crate) async fn connect_all(&self) -> Result<(), StartError> {
        let managers = self.discover.managers().await?;
        let mut starting = Vec::new();
        for manager in self.newcomers(&managers) {
            let (sender, started) = oneshot::channel();
            self.add(manager.clone(), First::Strict(sender));
            starting.push(async move { (manager, started.await) });
        }
        for (manager, result) in join_all(starting).await {
            // Only the caller of `start` ends an instance that is starting.
            let result: Result<(), ConnectError> = result.unwrap_or(Ok(()));
            result.map_err(|error| StartError::Connect { manager, error })?;
        }
        Ok(())
    }

    /// Follows the source of managers from now on.
    pub(crate) fn follow(self: &Arc<Self>, already_asked: bool) {
        let following = follow(Arc::downgrade(self), already_asked);
        let task = self.ground.platform.spawn(following).into();
        self.lock().following = Some(task);
    }

    /// All instances, in the order in which they were found.
    pub(crate) fn instances(&self) -> Vec<Arc<Instance<P>>> {
        let inner = self.lock();
        inner.members.iter().map(|it| Arc::clone(&it.instance)).collect()
    }

    pub(crate) fn status(&self) -> Vec<InstanceStatus> {
        self.instances().iter().map(|it| it.status()).collect()
    }

    /// The executor that instances share; `None` before the start.
    pub(crate) fn shared(&self) -> Option<Arc<Executor>> {
        self.lock().shared.clone()
    }

    /// All executors, each once.
    pub(crate) fn executors(&self) -> Vec<Arc<Executor>> {
        let mut executors: Vec<_> = self.shared().into_iter().collect();
        for instance in self.instances() {
            let executor = instance.executor();
            if !executors.iter().any(|it| Arc::ptr_eq(it, &executor)) {
                executors.push(executor);
            }
        }
        executors
    }

    /// The modules that new instances serve.
    pub(crate) fn modules(&self) -> Arc<Modules> {
        Arc::clone(&self.lock().modules)
    }

    pub(crate) fn set_modules(&self, modules: Arc<Modules>) {
        self.lock().modules = modules;
    }

    /// Adds an executor.
    pub(crate) async fn bind(&self, port: u16, modules: Arc<Modules>) -> io::Result<Arc<Executor>> {
        let Ground {
            platform,
            namespace,
            config,
        } = &*self.ground;
        Executor::bind(platform, namespace, config, port, modules).await
    }

    /// Leaves all managers, each in order, and then finishes executions in flight. Spec: provider 3.2.
    pub(crate) async fn stop(&self) {
        let following = self.lock().following.take();
        drop(following);
        let instances = self.instances();
        join_all(instances.iter().map(|it| it.leave())).await;
        let executors = self.executors();
        join_all(executors.iter().map(|it| it.stop())).await;
        self.lock().shared = None;
    }

    /// Ends everything at once, unless it has stopped: does not notify managers, and cuts executions in flight.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        let Some(shared) = inner.shared.take() else { return };
        let members = std::mem::take(&mut inner.members);
        let following = inner.following.take();
        drop(inner);
        drop((shared, members, following));
    }

    /// Creates an instance for every new manager, and leaves managers that have vanished.
    async fn update(&self, managers: &[Authority]) {
        for manager in self.newcomers(managers) {
            self.add(manager, First::Lenient);
        }
        let vanished = |it: &Arc<Instance<P>>| !managers.contains(it.manager());
        let vanished: Vec<_> = self.instances().into_iter().filter(vanished).collect();
        join_all(vanished.iter().map(|it| self.retire(it))).await;
        let mut inner = self.lock();
        let stays = |member: &Member<P>| !vanished.iter().any(|it| Arc::ptr_eq(it, &member.instance));
        inner.members.retain(stays);
    }

    /// Leaves a manager, and finishes its executions in flight if no other manager calls that executor.
    async fn retire(&self, instance: &Arc<Instance<P>>) {
        instance.leave().await;
        let executor = instance.executor();
        let is_shared = self
            .shared()
            .is_some_and(|shared| Arc::ptr_eq(&shared, &executor));
        if !is_shared {
            executor.stop().await;
        }
    }

    /// The managers without an instance, each once.
    fn newcomers(&self, managers: &[Authority]) -> Vec<Authority> {
        let inner = self.lock();
        let mut known: BTreeSet<&str> = inner
            .members
            .iter()
            .map(|it| it.instance.manager().as_str())
            .collect();
        let new = managers.iter().filter(|it| known.insert(it.as_str()));
        new.cloned().collect()
    }

    fn add(&self, manager: Authority, first: First) {
        let mut inner = self.lock();
        // Nothing is added after the end.
        let Some(executor) = inner.shared.clone() else {
            return;
        };
        let instance = Instance::new(Arc::clone(&self.ground), manager, executor);
        let life = self.ground.platform.spawn(Arc::clone(&instance).live(first));
        inner.members.push(Member {
            instance,
            _life: life.into(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inner<P>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queries the source periodically, as long as its answer may change.
async fn follow<P: Platform>(fleet: Weak<Fleet<P>>, already_asked: bool) {
    let mut asks = !already_asked;
    loop {
        let Some(strong) = fleet.upgrade() else { return };
        let discover = Arc::clone(&strong.discover);
        if asks {
            // Without an answer the previous one remains valid.
            if let Ok(managers) = discover.managers().await {
                strong.update(&managers).await;
            }
        }
        drop(strong);
        let Some(pause) = discover.refresh() else { return };
        sleep(pause).await;
        asks = true;
    }
}

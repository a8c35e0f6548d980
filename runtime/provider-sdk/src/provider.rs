//! A provider, from its builder to its stop. Spec: provider 3.2.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::{Authority, Platform};

use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::instance::Ground;
use crate::modules::Modules;
use crate::names::check_namespace;
use crate::{BuildError, Config, Discover, Module, StartError, Static};

/// The modules of one namespace, offered to one or several managers. See the [crate] for an example.
pub struct Provider<P: Platform> {
    fleet: Arc<Fleet<P>>,
}

impl<P: Platform> Provider<P> {
    /// A provider of the modules of `namespace`.
    pub fn builder(platform: P, namespace: impl Into<Arc<str>>) -> Builder<P> {
        Builder {
            platform,
            namespace: namespace.into(),
            config: Config::default(),
            discover: Arc::new(Static::default()),
            modules: Vec::new(),
        }
    }

    /// For inspection and control while it runs.
    pub fn handle(&self) -> Handle<P> {
        Handle::new(Arc::clone(&self.fleet))
    }

    /// Starts strictly: listens for calls, and connects to all managers at once. Afterwards a lost connection is
    /// retried, as [`Config::reconnect_attempts`] says. Spec: provider 3.2.
    ///
    /// # Errors
    /// When the port is taken, the managers cannot be determined, or a connection to any of them fails. Successful
    /// steps are then undone in order.
    ///
    /// A provider that has started takes no more modules, and cannot be started again:
    ///
    /// ```compile_fail
    /// # async fn twice(provider: squall_provider_sdk::Provider<squall_platform::TokioPlatform>) {
    /// let running = provider.start().await;
    /// let again = provider.start().await;
    /// # }
    /// ```
    pub async fn start(self) -> Result<Running<P>, StartError> {
        let running = self.listen().await?;
        if let Err(error) = running.handle.fleet().connect_all().await {
            running.stop().await;
            return Err(error);
        }
        running.handle.fleet().follow(true);
        Ok(running)
    }

    /// Runs until `shutdown` resolves, and then stops in order, as [`Running::stop`] does. A missing manager, or a
    /// source of managers without an answer, is retried: at the start as after a lost connection.
    ///
    /// Dropping the future ends everything at once: managers are not notified, and calls in flight are cut.
    ///
    /// # Errors
    /// When the port is taken. There was no effect then.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let running = self.listen().await?;
        running.handle.fleet().follow(false);
        shutdown.await;
        running.stop().await;
        Ok(())
    }

    async fn listen(self) -> Result<Running<P>, StartError> {
        self.fleet.listen().await?;
        Ok(Running {
            handle: self.handle(),
        })
    }
}

/// A running provider. It has all methods of a [`Handle`].
///
/// Dropping it ends everything at once: managers are not notified, and calls in flight are cut.
pub struct Running<P: Platform> {
    handle: Handle<P>,
}

impl<P: Platform> Running<P> {
    /// A separate handle.
    pub fn handle(&self) -> Handle<P> {
        self.handle.clone()
    }

    /// Leaves every manager in order (no more heartbeats, control plane half-closed, deregistered, closed), and then
    /// waits for calls in flight for up to [`Config::stop_grace`]; the remaining ones are cut. Unreachable managers
    /// do not change that. A second call has no effect. Spec: provider 3.2.
    pub async fn stop(&self) {
        self.handle.fleet().stop().await;
    }
}

impl<P: Platform> std::ops::Deref for Running<P> {
    type Target = Handle<P>;

    fn deref(&self) -> &Handle<P> {
        &self.handle
    }
}

impl<P: Platform> Drop for Running<P> {
    fn drop(&mut self) {
        self.handle.fleet().abandon();
    }
}

/// Builds a [`Provider`].
#[must_use]
pub struct Builder<P> {
    platform: P,
    namespace: Arc<str>,
    config: Config,
    discover: Arc<dyn Discover>,
    modules: Vec<Module>,
}

impl<P: Platform> Builder<P> {
    /// Sets a constant list of managers. Duplicates count once.
    pub fn managers(self, managers: impl IntoIterator<Item = Authority>) -> Self {
        self.discover(Static::new(managers))
    }

    /// Sets the source of managers.
    pub fn discover(mut self, discover: impl Discover) -> Self {
        self.discover = Arc::new(discover);
        self
    }

    /// Sets the whole configuration.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Adds a module.
    pub fn module(mut self, module: Module) -> Self {
        self.modules.push(module);
        self
    }

    /// Adds modules.
    pub fn modules(mut self, modules: impl IntoIterator<Item = Module>) -> Self {
        self.modules.extend(modules);
        self
    }

    /// Builds a provider that has not started.
    ///
    /// # Errors
    /// A name that no server would accept, an invalid host, an interval of zero.
    pub fn build(self) -> Result<Provider<P>, BuildError> {
        check_namespace(&self.namespace)?;
        let modules = Modules::new(self.modules)?;
        check(&self.config)?;
        let ground = Ground {
            platform: self.platform,
            namespace: self.namespace,
            config: self.config,
        };
        Ok(Provider {
            fleet: Fleet::new(ground, self.discover, modules),
        })
    }
}

fn check(config: &Config) -> Result<(), BuildError> {
    let host = &config.executor_host;
    let with_a_port = format!("{host}:1").parse::<Authority>();
    // `::1` has colons, and no brackets: its port could not be distinguished from its address.
    let is_a_host = with_a_port.is_ok_and(|it| it.host() == host && it.port_u16() == Some(1));
    if host.is_empty() || !is_a_host {
        return Err(BuildError::ExecutorHost {
            host: host.as_str().into(),
        });
    }
    let intervals = [
        ("heartbeat_interval", config.heartbeat_interval),
        ("ack_timeout", config.ack_timeout()),
        ("reconnect_first", config.reconnect_first),
        ("reconnect_max", config.reconnect_max),
        ("request_timeout", config.request_timeout),
    ];
    match intervals.into_iter().find(|(_, time)| *time == Duration::ZERO) {
        Some((setting, _)) => Err(BuildError::Zero { setting }),
        None => Ok(()),
    }
}

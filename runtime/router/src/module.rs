//! One process: its nodes, its directory of owners, its peers, and its server.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::{Authority, Platform};

use crate::directory::Instance;
use crate::{
    Client, Component, ComponentError, Discovery, Drained, Edge, Error, Identity, Method, Options, Payload,
    PeerState, Scheduler, ServeError, Server,
};

/// One module. Clones are handles to the same one.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use squall_platform::TokioPlatform;
/// # use squall_router::{Component, Edge, Message, Module, Options};
/// # async fn example(router: Arc<dyn Component>) -> Result<(), Box<dyn std::error::Error>> {
/// let module = Module::new(TokioPlatform::new(), "common-module-v1", Options::default());
/// module.install("router-def456", router, vec![Edge::new("out_a", "http-server-abc123.request")]);
/// module.set_node("http-server-abc123", "http-module-v1");
/// module.register("http-module-v1", vec!["http-module:50051".parse()?]);
///
/// let message = Message::new("router-def456.in", serde_json::json!({ "path": "/" }));
/// let answer = module.scheduler().handle(message).await?;
/// module.serve(50051).await?;
/// # Ok(())
/// # }
/// ```
pub struct Module<P: Platform> {
    scheduler: Scheduler<P>,
}

impl<P: Platform> Module<P> {
    /// A module without nodes and peers.
    pub fn new(platform: P, name: impl Into<Arc<str>>, options: Options) -> Self {
        Module {
            scheduler: Scheduler::new(platform, name.into(), options),
        }
    }

    /// The module's name.
    pub fn name(&self) -> &str {
        &self.scheduler.shared().module
    }

    /// Runs `node` on this module and replaces an earlier instance, if there is one. The earlier instance finishes
    /// its messages, but messages in flight along removed edges end. Also records this module as the node's owner. Of
    /// edges that join the same ports the first counts.
    pub fn install(&self, node: impl Into<Arc<str>>, component: Arc<dyn Component>, edges: Vec<Edge>) {
        let shared = self.scheduler.shared();
        let instance = shared.directory.prepare(node.into(), component);
        shared
            .directory
            .install(instance, edges, Arc::clone(&shared.module));
    }

    /// As [`Module::install`], but first gives the component its identity, its client (if there is one), its output,
    /// a reconciliation and its settings. Messages reach it when all of that is done. Spec: router 3.8, section 7,
    /// test 34.
    ///
    /// # Errors
    /// The component's error about its environment or its settings: the node stays as it was.
    pub async fn deploy(
        &self,
        node: impl Into<Arc<str>>,
        component: Arc<dyn Component>,
        edges: Vec<Edge>,
        settings: impl Into<Payload>,
    ) -> Result<(), ComponentError> {
        let shared = self.scheduler.shared();
        let instance = shared.directory.prepare(node.into(), component);
        self.introduce(&instance).await;
        let output = self.scheduler.standing_output(&instance);
        instance.component.state(&output).await;
        instance.component.reconcile().await?;
        self.scheduler.settle(&instance, settings.into()).await?;
        shared
            .directory
            .install(instance, edges, Arc::clone(&shared.module));
        Ok(())
    }

    /// Gives the instance of `node` a new specification. The component receives everything that [`Module::deploy`]
    /// gives it, except for its output, which it has. Spec: router 3.9, section 7, test 35.
    ///
    /// # Errors
    /// [`Error::NoInstance`], or the component's error about its environment or its settings: its edges stay as they
    /// were.
    pub async fn update(
        &self,
        node: &str,
        edges: Vec<Edge>,
        settings: impl Into<Payload>,
    ) -> Result<(), Error> {
        let directory = &self.scheduler.shared().directory;
        let instance = directory
            .instance(node)
            .ok_or_else(|| Error::NoInstance { node: node.into() })?;
        self.introduce(&instance).await;
        instance.component.reconcile().await?;
        self.scheduler.settle(&instance, settings.into()).await?;
        instance.routes.set(edges);
        directory.refresh_ports(node);
        Ok(())
    }

    async fn introduce(&self, instance: &Instance) {
        let shared = self.scheduler.shared();
        let identity = Identity {
            node: Arc::clone(&instance.node),
            module: Arc::clone(&shared.module),
        };
        instance.component.identity(&identity).await;
        if let Some(client) = shared.client() {
            instance.component.client(&client).await;
        }
    }

    /// Replaces the edges of `node`. Messages in flight along a removed edge end with [`Error::Cancelled`]. Returns
    /// whether there is such an instance. Spec: router 3.6.
    pub fn set_edges(&self, node: &str, edges: Vec<Edge>) -> bool {
        let instance = self.scheduler.shared().directory.instance(node);
        if let Some(instance) = &instance {
            instance.routes.set(edges);
        }
        instance.is_some()
    }

    /// Asks the component of `node` for its ports. Messages that wait for one continue.
    pub fn refresh_ports(&self, node: &str) {
        self.scheduler.shared().directory.refresh_ports(node);
    }

    /// Removes the instance of `node`; its owner stays recorded. Returns whether there was one. The instance finishes
    /// its messages.
    pub fn uninstall(&self, node: &str) -> bool {
        self.scheduler.shared().directory.uninstall(node).is_some()
    }

    /// As [`Module::uninstall`], and cancels the messages that the instance is handling: the callers get
    /// [`Error::Cancelled`]. By then new messages do not find it any more. Spec: router 3.5.2, 3.9.
    pub fn destroy(&self, node: &str) -> bool {
        let instance = self.scheduler.shared().directory.uninstall(node);
        if let Some(instance) = &instance {
            instance.destroyed.give();
        }
        instance.is_some()
    }

    /// Sets the client for components that ask for one; `None` for nothing. Applies to later instances.
    pub fn set_client(&self, client: Option<Client>) {
        self.scheduler.shared().set_client(client);
    }

    /// Sets the time limit for calls to `module` without a limit of their own or of their edges; `None`: as
    /// [`Options::call_timeout`] says. Spec: router H-13.
    pub fn set_timeout(&self, module: impl Into<Arc<str>>, timeout: Option<Duration>) {
        self.scheduler.shared().set_timeout(module.into(), timeout);
    }

    /// Records that `module` owns `node`. An instance here takes precedence. Spec: router S-9, S-14, S-15.
    pub fn set_node(&self, node: impl Into<Arc<str>>, module: impl Into<Arc<str>>) {
        self.scheduler
            .shared()
            .directory
            .set_owner(node.into(), module.into());
    }

    /// Removes the owner of `node`. Spec: router S-15.
    pub fn remove_node(&self, node: &str) {
        self.scheduler.shared().directory.remove_owner(node);
    }

    /// Sets the endpoints of `module`, replacing earlier ones. Connections to unchanged endpoints are kept; the
    /// others finish their calls and close. Nothing is dialled before the first call.
    pub fn register(&self, module: impl Into<Arc<str>>, endpoints: Vec<Authority>) {
        self.scheduler.shared().register(module.into(), endpoints);
    }

    /// Removes the endpoints of `module`: new calls fail with `module not discovered`, calls in flight finish.
    pub fn deregister(&self, module: &str) {
        self.scheduler.shared().deregister(module);
    }

    /// Sets the method for calls to `module`, from the next call on, whether it is registered or not. The default is
    /// [`Method::Send`], and [`Method::Message`] where that is missing. Spec: router 2.3 point 5.
    pub fn set_method(&self, module: impl Into<Arc<str>>, method: Method) {
        self.scheduler.shared().pool.set_method(module.into(), method);
    }

    /// The modules that this one has registered or called, with the state of their connections. Spec: router 4.3.
    pub fn peers(&self) -> Vec<PeerState> {
        self.scheduler.shared().pool.states()
    }

    /// The state of the connections to `module`. Spec: router 4.3.
    pub fn state(&self, module: &str) -> Option<PeerState> {
        self.peers().into_iter().find(|peer| &*peer.module == module)
    }

    /// This module's counters, as OpenMetrics text. [`metrics::text`](crate::metrics::text) does it for several
    /// modules of one process, and lists the metrics. Spec: router 1.8.
    pub fn metrics(&self) -> String {
        self.scheduler.metrics()
    }

    /// Uses `discovery` for owners and endpoints that are not configured, in place of an earlier source, and follows
    /// its changes: a module that it no longer knows is no longer discovered.
    pub fn discover(&self, discovery: Arc<dyn Discovery>) {
        self.scheduler.shared().set_discovery(discovery);
    }

    /// Handles messages.
    pub fn scheduler(&self) -> &Scheduler<P> {
        &self.scheduler
    }

    /// Listens on `port`; 0 takes a free one. Requests are answered only once the server runs.
    ///
    /// # Errors
    /// When the port is not available.
    pub async fn bind(&self, port: u16) -> Result<Server<P>, ServeError> {
        Server::bind(self.scheduler.clone(), port).await
    }

    /// Listens on `port` and serves until the future is dropped, which closes all connections.
    ///
    /// # Errors
    /// When the port is not available.
    pub async fn serve(&self, port: u16) -> Result<(), ServeError> {
        self.bind(port).await?.run().await;
        Ok(())
    }

    /// Listens on `port` and serves until `shutdown` resolves, then drains: see [`Server::run_until`].
    ///
    /// # Errors
    /// When the port is not available.
    pub async fn serve_until(
        &self,
        port: u16,
        shutdown: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<Drained, ServeError> {
        Ok(self.bind(port).await?.run_until(shutdown, grace).await)
    }
}

impl<P: Platform> Clone for Module<P> {
    fn clone(&self) -> Self {
        Module {
            scheduler: self.scheduler.clone(),
        }
    }
}

impl<P: Platform> std::fmt::Debug for Module<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

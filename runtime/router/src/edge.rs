//! What a component can do with its results: emit them along the edges of its node.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use squall_platform::TaskHandle;

use crate::{Error, Payload, fan_out};

/// Joins an output port of a node to an input port of another one (or its own).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The output port.
    pub port: Arc<str>,
    /// The destination: `node.port` or `node:port`.
    pub to: Arc<str>,
}

impl Edge {
    /// An edge from `port` to `to`.
    pub fn new(port: impl Into<Arc<str>>, to: impl Into<Arc<str>>) -> Self {
        Edge {
            port: port.into(),
            to: to.into(),
        }
    }
}

/// An edge with the full name of the port that it starts from.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) edge: Edge,
    pub(crate) from: Arc<str>,
}

/// The way out of a component, within one execution.
///
/// What is emitted here belongs to the message being handled: it inherits its trace, its deadline and its
/// depth. A clone does too, and may outlive the execution.
#[derive(Clone)]
pub struct Output {
    execution: Arc<dyn Emit>,
}

/// [`Output`] without the platform, so that components need not be generic.
pub(crate) trait Emit: Send + Sync {
    fn send(&self, from: Arc<str>, to: Arc<str>, data: Payload) -> Sending<'_>;
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> TaskHandle;
    fn routes(&self) -> &[Route];
    fn node(&self) -> &str;
    fn module(&self) -> &str;
}

pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<Option<Payload>, Error>> + Send + 'a>>;

impl Output {
    pub(crate) fn new(execution: Arc<dyn Emit>) -> Self {
        Output { execution }
    }

    /// Sends `data` along all edges of `port` at once and waits for all of them. Spec: router S-28, 3.6.
    ///
    /// The value is that of the first edge, in the order of the edges, that has one. A port without edges
    /// has no value.
    ///
    /// # Errors
    /// The error of the first edge, in the order of the edges, that failed, if any did. Spec: router W-8.
    pub async fn emit(&self, port: &str, data: impl Into<Payload>) -> Result<Option<Payload>, Error> {
        let mut routes = self.routes(port);
        let (first, second) = (routes.next(), routes.next());
        match (first, second) {
            (None, _) => Ok(None),
            (Some(only), None) => self.along(only, data.into()).await,
            _ => {
                let values: Vec<_> = self
                    .emit_each(port, data)
                    .await
                    .into_iter()
                    .collect::<Result<_, Error>>()?;
                Ok(values.into_iter().flatten().next())
            }
        }
    }

    /// As [`Output::emit`], and gives the result of every edge, in the order of the edges.
    pub async fn emit_each(
        &self,
        port: &str,
        data: impl Into<Payload>,
    ) -> Vec<Result<Option<Payload>, Error>> {
        let data = data.into();
        fan_out::all(
            self.routes(port)
                .map(|route| self.along(route, data.clone()))
                .collect(),
        )
        .await
    }

    /// Sends `data` to a port without an edge; the message comes from nobody. Spec: router 3.6.
    ///
    /// # Errors
    /// As [`Scheduler::handle`](crate::Scheduler::handle).
    pub async fn send(
        &self,
        to: impl Into<Arc<str>>,
        data: impl Into<Payload>,
    ) -> Result<Option<Payload>, Error> {
        self.execution.send("".into(), to.into(), data.into()).await
    }

    /// Runs a task as part of this module's process. It goes on when the message has been handled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.execution.spawn(Box::pin(task))
    }

    /// The node that handles the message.
    pub fn node(&self) -> &str {
        self.execution.node()
    }

    /// The module that the node runs on.
    pub fn module(&self) -> &str {
        self.execution.module()
    }

    fn routes<'a>(&'a self, port: &'a str) -> impl Iterator<Item = &'a Route> {
        self.execution
            .routes()
            .iter()
            .filter(move |route| &*route.edge.port == port)
    }

    fn along(&self, route: &Route, data: Payload) -> Sending<'_> {
        self.execution
            .send(Arc::clone(&route.from), Arc::clone(&route.edge.to), data)
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("module", &self.module())
            .field("node", &self.node())
            .finish()
    }
}

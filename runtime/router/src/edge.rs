//! How a component emits its results along the edges of its node.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::TaskHandle;

use crate::error_port::ERROR;
use crate::routes::{Route, Routes};
use crate::{Error, Payload, RetryPolicy, SystemPort, fan_out};

/// Joins an output port of a node to an input port of another node, or of the same one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// The output port.
    pub port: Arc<str>,
    /// The destination: `node.port` or `node:port`.
    pub to: Arc<str>,
    /// Its name, which is sent to other modules. Spec: router 2.1.
    pub id: Option<Arc<str>>,
    /// The time limit of a message along it, for all attempts together. `None`: as
    /// [`Message::timeout`](crate::Message::timeout) says. Spec: router H-13.
    pub timeout: Option<Duration>,
    /// Whether a message along it is retried. `None`: as [`Options::retry`](crate::Options::retry) says.
    pub retry: Option<Arc<RetryPolicy>>,
    /// Whether an emission may succeed without it.
    pub policy: Policy,
}

/// When an emission along several edges succeeds. Spec: router W-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// This edge has to succeed, regardless of the others.
    #[default]
    All,
    /// Of all edges of the port with this policy, at least one has to succeed.
    Any,
}

impl Edge {
    /// An edge from `port` to `to`.
    pub fn new(port: impl Into<Arc<str>>, to: impl Into<Arc<str>>) -> Self {
        Edge {
            port: port.into(),
            to: to.into(),
            id: None,
            timeout: None,
            retry: None,
            policy: Policy::All,
        }
    }

    /// Names it.
    #[must_use]
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Limits the duration of a message along it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Retries failed messages along it, as `policy` says.
    #[must_use]
    pub fn retry(mut self, policy: impl Into<Arc<RetryPolicy>>) -> Self {
        self.retry = Some(policy.into());
        self
    }

    /// Sets whether an emission may succeed without it.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

/// Overrides of the edges' settings for one emission.
#[derive(Debug, Clone, Default)]
pub struct Emission {
    policy: Option<Policy>,
    timeout: Option<Duration>,
    retry: Option<Arc<RetryPolicy>>,
}

impl Emission {
    /// No overrides.
    pub fn new() -> Self {
        Emission::default()
    }

    /// Overrides the policies of all edges.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Overrides the timeouts of all edges.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Overrides the retry policies of all edges.
    #[must_use]
    pub fn retry(mut self, policy: impl Into<Arc<RetryPolicy>>) -> Self {
        self.retry = Some(policy.into());
        self
    }
}

/// The output of a component, within one execution.
///
/// Emitted messages belong to the message being handled: they inherit its trace, its deadline and its depth. This
/// also holds for a clone, which may outlive the execution.
#[derive(Clone)]
pub struct Output {
    execution: Arc<dyn Emit>,
}

/// [`Output`] without the platform, so that components need not be generic.
pub(crate) trait Emit: Send + Sync {
    fn send(&self, outgoing: Outgoing) -> Sending<'_>;
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> TaskHandle;
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    fn routes(&self) -> &Routes;
    fn module(&self) -> &str;
    /// Reports that an error was emitted.
    fn handled(&self, error: &Payload);
}

/// A message on its way out of a component.
pub(crate) struct Outgoing {
    pub(crate) from: Arc<str>,
    pub(crate) to: Arc<str>,
    pub(crate) data: Payload,
    pub(crate) edge: Option<Arc<str>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Arc<RetryPolicy>>,
}

type Answer = Result<Option<Payload>, Error>;

pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl Output {
    pub(crate) fn new(execution: Arc<dyn Emit>) -> Self {
        Output { execution }
    }

    /// Sends `data` along all edges of `port` at once and waits for all of them. Spec: router S-28, 3.6.
    ///
    /// The value is that of the first edge, in the order of the edges, that has one. A port without edges has no
    /// value. A port in the form of a destination (`node:port`) is sent to without an edge. Emissions on `_control`
    /// or `_reconcile` are for the runtime and never leave the node.
    ///
    /// # Errors
    /// The error of the first edge, in the order of the edges, that failed although it had to succeed ([`Policy`]).
    /// [`Output::emit_each`] returns those of the others. Spec: router W-8.
    pub async fn emit(&self, port: &str, data: impl Into<Payload>) -> Answer {
        self.emit_with(port, data, &Emission::new()).await
    }

    /// As [`Output::emit`], with a policy, a timeout or a retry policy of its own.
    ///
    /// # Errors
    /// As there.
    pub async fn emit_with(&self, port: &str, data: impl Into<Payload>, how: &Emission) -> Answer {
        let data = data.into();
        match self.departure(port, &data) {
            Departure::Nowhere => Ok(None),
            Departure::Direct => self.directly(port.into(), data, how).await,
            Departure::Along(routes) => match &routes[..] {
                [] => Ok(None),
                [only] => self.along(only, data, how).await,
                routes => {
                    let results = self.along_each(routes, data, how).await;
                    let policies = routes.iter().map(|route| how.policy.unwrap_or(route.edge.policy));
                    combined(results, policies)
                }
            },
        }
    }

    /// As [`Output::emit`], but returns the result of every edge, in the order of the edges.
    pub async fn emit_each(&self, port: &str, data: impl Into<Payload>) -> Vec<Answer> {
        let (data, how) = (data.into(), Emission::new());
        match self.departure(port, &data) {
            Departure::Nowhere => Vec::new(),
            Departure::Direct => vec![self.directly(port.into(), data, &how).await],
            Departure::Along(routes) => self.along_each(&routes, data, &how).await,
        }
    }

    /// Sends `data` to a port without an edge; the message has no sender. Spec: router 3.6.
    ///
    /// # Errors
    /// As [`Scheduler::handle`](crate::Scheduler::handle).
    pub async fn send(&self, to: impl Into<Arc<str>>, data: impl Into<Payload>) -> Answer {
        self.directly(to.into(), data.into(), &Emission::new()).await
    }

    /// Runs a task as part of this module's process. It continues after the message has been handled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.execution.spawn(Box::pin(task))
    }

    /// Waits for `duration` from now on. In simulation the wait is exact, whereas `tokio::time::sleep` ends at the
    /// next whole millisecond of the run.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.execution.sleep(duration)
    }

    /// The node that handles the message.
    pub fn node(&self) -> &str {
        &self.execution.routes().node
    }

    /// The module that the node runs on.
    pub fn module(&self) -> &str {
        self.execution.module()
    }

    fn departure(&self, port: &str, data: &Payload) -> Departure {
        match SystemPort::parse(port) {
            Some(SystemPort::Control | SystemPort::Reconcile) => return Departure::Nowhere,
            _ if port.contains(':') => return Departure::Direct,
            _ => {}
        }
        if port == ERROR {
            self.execution.handled(data);
        }
        let all = self.execution.routes().list();
        let of_port = all.iter().filter(|route| &*route.edge.port == port);
        Departure::Along(of_port.cloned().collect())
    }

    async fn along_each(&self, routes: &[Arc<Route>], data: Payload, how: &Emission) -> Vec<Answer> {
        fan_out::all(
            routes
                .iter()
                .map(|route| self.along(route, data.clone(), how))
                .collect(),
        )
        .await
    }

    /// Sends along one edge, while the edge exists. Each send watches for removal itself: however many there are, all
    /// of them end with the edge. Spec: router 3.6, W-18.
    fn along<'a>(&'a self, route: &'a Route, data: Payload, how: &Emission) -> Sending<'a> {
        let edge = &route.edge;
        let sending = self.execution.send(Outgoing {
            from: Arc::clone(&route.from),
            to: Arc::clone(&edge.to),
            data,
            edge: edge.id.clone(),
            timeout: how.timeout.or(edge.timeout),
            retry: how.retry.as_ref().or(edge.retry.as_ref()).cloned(),
        });
        Box::pin(async move {
            route.removed.cuts(sending).await.unwrap_or_else(|| {
                Err(Error::Cancelled {
                    reason: format!("the edge from {} to {} was removed", route.from, edge.to).into(),
                })
            })
        })
    }

    fn directly(&self, to: Arc<str>, data: Payload, how: &Emission) -> Sending<'_> {
        self.execution.send(Outgoing {
            from: "".into(),
            to,
            data,
            edge: None,
            timeout: how.timeout,
            retry: how.retry.clone(),
        })
    }
}

/// The target of an emission.
enum Departure {
    Nowhere,
    /// The port is a destination.
    Direct,
    Along(Vec<Arc<Route>>),
}

/// The result of an emission from the results of all edges: by their order, never by completion time.
fn combined(results: Vec<Answer>, policies: impl Iterator<Item = Policy>) -> Answer {
    let mut value = None;
    let mut failed = None;
    let mut failed_any = None;
    let mut succeeded_any = false;
    for (result, policy) in results.into_iter().zip(policies) {
        match (result, policy) {
            (Ok(found), policy) => {
                value = value.or(found);
                succeeded_any |= policy == Policy::Any;
            }
            (Err(error), Policy::All) => failed = failed.or(Some(error)),
            (Err(error), Policy::Any) => failed_any = failed_any.or(Some(error)),
        }
    }
    let failed_any = failed_any.filter(|_| !succeeded_any);
    match failed.or(failed_any) {
        Some(error) => Err(error),
        None => Ok(value),
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

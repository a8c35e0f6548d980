//! Local or remote: the one function that every message goes through.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use squall_platform::{Authority, Platform, TaskHandle};
use tokio::time::{Instant, timeout, timeout_at};

use crate::directory::{Directory, Instance};
use crate::discovery::{Discovery, Listener, Sources};
use crate::edge::{Emit, Output, Route, Sending};
use crate::message::after;
use crate::pool::{Peer, Pool};
use crate::{Context, Destination, Error, Input, Message, Options, Payload, events, hop, trace, unwind};

/// Routes messages of one module. Clones are handles to the same one.
pub struct Scheduler<P: Platform>(Arc<Shared<P>>);

pub(crate) struct Shared<P: Platform> {
    pub(crate) platform: P,
    pub(crate) module: Arc<str>,
    pub(crate) options: Options,
    pub(crate) directory: Directory,
    pub(crate) pool: Pool<P>,
    discovery: Sources,
}

impl<P: Platform> Shared<P> {
    pub(crate) fn set_discovery(self: &Arc<Self>, discovery: Arc<dyn Discovery>) {
        let listener: Arc<dyn Listener> = Arc::clone(self) as _;
        discovery.listen(Arc::downgrade(&listener));
        self.discovery.set(discovery, &self.pool);
    }

    pub(crate) fn register(&self, module: Arc<str>, endpoints: Vec<Authority>) {
        self.discovery.register(module, endpoints, &self.pool);
    }

    pub(crate) fn deregister(&self, module: &str) {
        self.discovery.deregister(module, &self.pool);
    }

    /// The module that owns `node`, as far as is known.
    fn owner(&self, node: &str) -> Option<Arc<str>> {
        self.directory.owner(node).or_else(|| self.discovery.owner(node))
    }

    /// True when `node` is known in any way.
    fn knows(&self, node: &str) -> bool {
        self.directory.knows(node) || self.discovery.owner(node).is_some()
    }

    /// The peer called `module`, as far as is known.
    pub(crate) fn peer(&self, module: &Arc<str>) -> Option<Arc<Peer<P>>> {
        self.discovery.peer(module, &self.pool)
    }

    /// Whether `module` has had other endpoints since it was `peer`, and has some now.
    pub(crate) fn has_moved(&self, module: &str, peer: &Arc<Peer<P>>) -> bool {
        let now = self.pool.get(module);
        now.is_some_and(|now| !Arc::ptr_eq(&now, peer))
    }
}

impl<P: Platform> Listener for Shared<P> {
    fn changed(&self, module: &str) {
        self.discovery.changed(module, &self.pool);
    }
}

impl<P: Platform> Scheduler<P> {
    pub(crate) fn new(platform: P, module: Arc<str>, options: Options) -> Self {
        let pool = Pool::new(platform.clone(), options.clone());
        Scheduler(Arc::new(Shared {
            platform,
            module,
            options,
            directory: Directory::default(),
            pool,
            discovery: Sources::new(),
        }))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<P>> {
        &self.0
    }

    /// Handles one message and waits for its answer. Spec: router S-7 to S-12, S-28.
    ///
    /// A node that has an instance here is served here; else its owner is asked. Dropping the future cancels
    /// the call, wherever it is at work.
    ///
    /// # Errors
    /// Every [`Error`]. Ask it whether the message may have been handled all the same.
    pub async fn handle(&self, mut message: Message) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        if message.context.depth > shared.options.max_depth {
            return Err(Error::DepthExceeded {
                limit: shared.options.max_depth,
            });
        }
        if message.context.trace == 0 {
            message.context.trace = trace::new_trace(&shared.platform);
        }
        let to = Arc::clone(&message.to);
        let Destination { node, port } = self.destination(&to)?;

        if let Some(instance) = shared.directory.instance(node) {
            return self.deliver(&instance, port, message).await;
        }
        match shared.owner(node) {
            // What came over the wire, or should be here, is never sent on. Spec: router H-9.
            _ if message.context.remote => self.deliver_late(node, port, message).await,
            Some(module) if module == shared.module => self.deliver_late(node, port, message).await,
            // Boxed: it is large, and most futures of this function handle what is local.
            Some(module) => Box::pin(hop::send(shared, Some(module), node, message)).await,
            None if shared.knows(&to) => Err(Error::invalid(
                &to,
                "this is a node without a port: write node.port",
            )),
            None => Box::pin(hop::send(shared, None, node, message)).await,
        }
    }

    pub(crate) fn destination<'a>(&self, to: &'a Arc<str>) -> Result<Destination<'a>, Error> {
        Destination::parse(to).map_err(|error| match error {
            Error::InvalidDestination { .. } if self.0.knows(to) => {
                Error::invalid(to, "this is a node without a port: write node.port")
            }
            error => error,
        })
    }

    /// Waits a bounded time for the instance. Spec: router H-9, W-6.
    async fn deliver_late(&self, node: &str, port: &str, message: Message) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let wait = match deadline(&message, Instant::now()) {
            _ if shared.options.instance_wait.is_zero() => None,
            Some(deadline) => Some(shared.options.instance_wait.min((deadline - Instant::now()) / 4)),
            None => Some(shared.options.instance_wait),
        };
        let instance = match wait {
            Some(wait) => timeout(wait, shared.directory.arrival(node))
                .await
                .ok()
                .and_then(Result::ok),
            None => None,
        };
        match instance {
            Some(instance) => self.deliver(&instance, port, message).await,
            None => Err(Error::NoInstance { node: node.into() }),
        }
    }

    /// Runs the component. A timer of its own guards the call when the message asks for a shorter time than
    /// the call that it is part of.
    async fn deliver(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        let inherited = message.context.deadline;
        match deadline(&message, Instant::now()) {
            Some(at) if inherited != Some(at) => timeout_at(at, self.run(instance, port, message, Some(at)))
                .await
                .unwrap_or_else(|_| {
                    Err(Error::Overdue {
                        node: Arc::clone(&instance.node),
                    })
                }),
            _ => self.run(instance, port, message, inherited).await,
        }
    }

    async fn run(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
        deadline: Option<Instant>,
    ) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let Message {
            from, data, context, ..
        } = message;
        // Across the wire the hop and the execution share a span, so that both sides can be joined.
        let (span, parent) = match context.remote {
            true => (context.span, 0),
            false => (trace::new_span(&shared.platform), context.span),
        };
        let handling = events::Handling::started(&events::HandleStarted {
            trace: context.trace,
            span,
            parent,
            module: &shared.module,
            node: &instance.node,
            port,
            remote: context.remote,
            depth: context.depth,
            data: &data,
        });
        let context = Context {
            span,
            deadline,
            depth: context.depth + 1,
            remote: false,
            ..context
        };
        let execution = Execution {
            scheduler: self.clone(),
            instance: Arc::clone(instance),
            context,
        };
        let execution = Arc::new(execution);
        let output = Output::new(Arc::clone(&execution) as Arc<dyn Emit>);
        let input = Input {
            port,
            from: &from,
            data,
            context: &execution.context,
        };
        let handled = unwind::guarded(async { instance.component.handle(input, &output).await }).await;
        let result = match handled {
            Ok(result) => result.map_err(Error::from),
            Err(panic) => Err(Error::Panic {
                message: panic.into(),
            }),
        };
        handling.ended(&result);
        result
    }
}

/// When the call ends: the earlier of its own deadline and the one that it inherits. Spec: router H-13.
fn deadline(message: &Message, now: Instant) -> Option<Instant> {
    let own = message.timeout.map(|timeout| after(now, timeout));
    match (own, message.context.deadline) {
        (Some(own), Some(inherited)) => Some(own.min(inherited)),
        (own, inherited) => own.or(inherited),
    }
}

/// One message being handled by one instance.
struct Execution<P: Platform> {
    scheduler: Scheduler<P>,
    instance: Arc<Instance>,
    /// What emitted messages inherit.
    context: Context,
}

impl<P: Platform> Emit for Execution<P> {
    fn send(&self, from: Arc<str>, to: Arc<str>, data: Payload) -> Sending<'_> {
        let message = Message {
            to,
            from,
            data,
            timeout: None,
            edge: None,
            wait_for_ready: false,
            context: self.context.clone(),
        };
        Box::pin(self.scheduler.handle(message))
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> TaskHandle {
        self.scheduler.0.platform.spawn(task)
    }

    fn routes(&self) -> &[Route] {
        &self.instance.routes
    }

    fn node(&self) -> &str {
        &self.instance.node
    }

    fn module(&self) -> &str {
        &self.scheduler.0.module
    }
}

impl<P: Platform> Clone for Scheduler<P> {
    fn clone(&self) -> Self {
        Scheduler(Arc::clone(&self.0))
    }
}

impl<P: Platform> std::fmt::Debug for Scheduler<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler")
            .field("module", &self.0.module)
            .finish_non_exhaustive()
    }
}

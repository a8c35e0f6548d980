//! One message, handled by an instance of this module. Spec: router 3.5.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use squall_platform::{OwnedTask, Platform, TaskHandle};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::directory::Instance;
use crate::duplicates::{Turn, forgetting};
use crate::edge::{Emit, Outgoing, Output, Sending};
use crate::routes::Routes;
use crate::scheduler::Limits;
use crate::{
    ComponentError, Context, Error, Input, Message, Payload, Scheduler, SystemPort, error_text, events, keys,
    trace, unwind,
};

/// The number of nested deliveries within a module that share one stack, each polled by the one before it. The next
/// one gets a task, and so a stack, of its own. The bound on the depth of a message detects cycles and may be any
/// number; a stack is 2 MiB, and an overflow would end the process.
const STACKED_MAX: u32 = 16;

impl<P: Platform> Scheduler<P> {
    /// Hands the message to the instance.
    pub(crate) async fn deliver(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
        limits: Limits,
    ) -> Result<Option<Payload>, Error> {
        // A message from the wire has its own stack.
        if message.context.remote || !(message.context.depth + 1).is_multiple_of(STACKED_MAX) {
            return self.deliver_here(instance, port, message, limits).await;
        }
        let (answer, answered) = oneshot::channel();
        let (scheduler, instance, port) = (self.clone(), Arc::clone(instance), Arc::<str>::from(port));
        // The task ends when its caller does.
        let _task = OwnedTask::from(self.shared().platform.spawn(async move {
            let result = scheduler.deliver_here(&instance, &port, message, limits).await;
            // A caller that has given up needs no answer.
            drop(answer.send(result));
        }));
        answered.await.unwrap_or_else(|_| {
            Err(Error::Cancelled {
                reason: "the module is gone".into(),
            })
        })
    }

    /// The call has its own timer when the message has a shorter limit than the parent call.
    async fn deliver_here(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
        limits: Limits,
    ) -> Result<Option<Payload>, Error> {
        let deadline = limits.deadline();
        // Boxed, because it is large, and a future that is passed on is moved.
        let handled = Box::pin(self.once(instance, port, message, deadline));
        match deadline {
            Some(at) if limits.inherited != Some(at) => timeout_at(at, handled).await.unwrap_or_else(|_| {
                Err(Error::Overdue {
                    node: Arc::clone(&instance.node),
                })
            }),
            _ => handled.await,
        }
    }

    /// Handles a message with an idempotency key unless it was handled already, or waits for the execution in
    /// progress.
    async fn once(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
        deadline: Option<Instant>,
    ) -> Result<Option<Payload>, Error> {
        let Some(key) = message.context.key.clone() else {
            return self.run(instance, port, message, deadline).await;
        };
        let key = (Arc::clone(&message.to), key);
        let handling = loop {
            match self.shared().duplicates.enter(&key) {
                Turn::Handle(handling) => break handling,
                Turn::Answered(answer) => {
                    self.shared().metrics.duplicate_answered();
                    return answer;
                }
                Turn::Wait(answer) => {
                    if let Ok(answer) = answer.await {
                        self.shared().metrics.duplicate_answered();
                        return answer;
                    }
                }
            }
        };
        let result = self.run(instance, port, message, deadline).await;
        if handling.ended(&result) {
            let scheduler = Arc::downgrade(self.shared());
            let forgetting = forgetting(move || scheduler.upgrade()?.duplicates.forget());
            let task = self.shared().platform.spawn(forgetting);
            self.shared().duplicates.kept_by(task.into());
        }
        result
    }

    /// Runs the component.
    async fn run(
        &self,
        instance: &Arc<Instance>,
        port: &str,
        message: Message,
        deadline: Option<Instant>,
    ) -> Result<Option<Payload>, Error> {
        let shared = self.shared();
        let Message {
            from,
            data,
            edge,
            context,
            ..
        } = message;
        // For calls from the wire the hop and the execution share a span, so that both sides can be joined.
        let (span, parent) = match context.remote {
            true => (context.span, 0),
            false => (trace::new_span(&shared.platform), context.span),
        };
        let _local = (!context.remote).then(|| shared.metrics.local());
        let handling = events::Handling::started(&events::HandleStarted {
            trace: context.trace,
            span,
            parent,
            module: &shared.module,
            node: &instance.node,
            port,
            remote: context.remote,
            depth: context.depth,
            retries: context.retries,
            key: context.key.as_deref(),
            timeout: deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            data: &data,
        });
        let context = Context {
            span,
            deadline,
            depth: context.depth + 1,
            remote: false,
            ..context
        };
        let execution = Arc::new(Execution::new(self, instance, context));
        let output = Output::new(Arc::clone(&execution) as Arc<dyn Emit>);
        let input = Input {
            port,
            from: &from,
            edge: edge.as_deref(),
            data,
            context: &execution.context,
        };
        // Pinned here, because a future that is passed on is moved.
        let handled = pin!(self.dispatch(instance, input, &output));
        let handled = pin!(unwind::guarded(handled));
        let result = match instance.destroyed.cuts(handled).await {
            Some(Ok(result)) => result.map_err(Error::from),
            Some(Err(panic)) => {
                events::panicked(&shared.module, &instance.node, &panic);
                Err(Error::Panic {
                    message: panic.into(),
                })
            }
            None => Err(Error::Cancelled {
                reason: format!("instance {} no longer exists", instance.node).into(),
            }),
        };
        handling.ended(&result);
        result
    }

    /// Calls the component's handler or, for system ports, its capability. Spec: router 3.8.
    async fn dispatch(
        &self,
        instance: &Instance,
        input: Input<'_>,
        output: &Output,
    ) -> Result<Option<Payload>, ComponentError> {
        match SystemPort::parse(input.port) {
            None => instance.component.handle(input, output).await,
            Some(SystemPort::Control) => instance.component.control(input, output).await,
            Some(SystemPort::Settings) => {
                self.settle(instance, input.data).await?;
                Ok(None)
            }
            Some(SystemPort::Reconcile | SystemPort::Identity | SystemPort::Client) => Ok(None),
        }
    }

    /// Delivers settings unless the component has them already. They may open ports.
    pub(crate) async fn settle(&self, instance: &Instance, settings: Payload) -> Result<(), ComponentError> {
        if instance.settings().as_ref() == Some(&settings) {
            return Ok(());
        }
        instance.component.settings(settings.clone()).await?;
        *instance.settings() = Some(settings);
        self.shared().directory.refresh_ports(&instance.node);
        Ok(())
    }

    /// An output of `instance` that belongs to no message.
    pub(crate) fn standing_output(&self, instance: &Arc<Instance>) -> Output {
        Output::new(Arc::new(Execution::new(self, instance, Context::default())))
    }
}

/// One message being handled by one instance.
struct Execution<P: Platform> {
    scheduler: Scheduler<P>,
    routes: Arc<Routes>,
    /// The context that emitted messages inherit.
    context: Context,
    /// The number of messages so far by sender and receiver; counted only when they get keys.
    sent: Mutex<IndexMap<Way, u64>>,
}

/// Sender and receiver.
type Way = (Arc<str>, Arc<str>);

impl<P: Platform> Execution<P> {
    fn new(scheduler: &Scheduler<P>, instance: &Instance, context: Context) -> Self {
        Execution {
            scheduler: scheduler.clone(),
            routes: Arc::clone(&instance.routes),
            context,
            sent: Mutex::default(),
        }
    }

    /// The key of the next message from `from` to `to`, if the message being handled has one.
    fn next_key(&self, from: &Arc<str>, to: &Arc<str>) -> Option<Arc<str>> {
        let parent = self.context.key.as_deref()?;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sent.entry((Arc::clone(from), Arc::clone(to))).or_default();
        let key = keys::derived(parent, from, to, *count);
        *count += 1;
        Some(key)
    }
}

impl<P: Platform> Emit for Execution<P> {
    fn send(&self, outgoing: Outgoing) -> Sending<'_> {
        let Outgoing {
            from,
            to,
            data,
            edge,
            timeout,
            retry,
        } = outgoing;
        let context = Context {
            key: self.next_key(&from, &to),
            retries: 0,
            ..self.context.clone()
        };
        Box::pin(self.scheduler.handle(Message {
            to,
            from,
            data,
            timeout,
            edge,
            wait_for_ready: false,
            retry,
            context,
        }))
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> TaskHandle {
        self.scheduler.shared().platform.spawn(task)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.scheduler.shared().platform.sleep(duration))
    }

    fn routes(&self) -> &Routes {
        &self.routes
    }

    fn module(&self) -> &str {
        &self.scheduler.shared().module
    }

    fn handled(&self, error: &Payload) {
        self.scheduler.shared().metrics.error_handled();
        let (module, node) = (self.module(), &self.routes.node);
        events::error_handled(&self.context, module, node, || error_text(error));
    }
}

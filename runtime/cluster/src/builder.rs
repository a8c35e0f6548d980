//! Puts a node together.

use std::sync::Arc;

use crate::environment::Environment;
use crate::local::{Limits, Local};
use crate::{Actor, BoxError, EscalationHandler, Event, Input, Palette, System, Transport};

/// The capacity of a mailbox unless configured.
pub const MAILBOX_LIMIT: usize = 1024;

/// The number of answers that an actor remembers unless configured.
pub const REMEMBERED_LIMIT: usize = 1024;

/// The number of ended actors that a node remembers unless configured.
pub const ENDED_LIMIT: usize = 1024;

/// Puts a [`System`] together.
pub struct Builder<E: Event> {
    environment: Arc<dyn Environment>,
    node: String,
    palette: Palette<E>,
    transport: Option<Arc<dyn Transport>>,
    handler: Option<Arc<dyn EscalationHandler>>,
    limits: Limits,
}

impl<E: Event> Builder<E> {
    pub(crate) fn new(environment: Arc<dyn Environment>, node: String) -> Self {
        Builder {
            environment,
            node,
            palette: Palette::default(),
            transport: None,
            handler: None,
            limits: Limits {
                mailbox: MAILBOX_LIMIT,
                remembered: REMEMBERED_LIMIT,
                ended: ENDED_LIMIT,
            },
        }
    }

    /// A way to other nodes. Without one, the system is alone.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// All behaviours, in place of the ones before.
    #[must_use]
    pub fn palette(mut self, palette: Palette<E>) -> Self {
        self.palette = palette;
        self
    }

    /// One more behaviour, as of [`Palette::insert`].
    #[must_use]
    pub fn behaviour<A: Actor<E>>(
        mut self,
        src: impl Into<String>,
        make: impl Fn(Option<Input>) -> Result<A, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.palette.insert(src, make);
        self
    }

    /// Decides about failures: usually a [`Supervisor`](crate::Supervisor). Without one, failed actors stay down.
    #[must_use]
    pub fn escalations(mut self, handler: Arc<dyn EscalationHandler>) -> Self {
        self.handler = Some(handler);
        self
    }

    /// The number of events that wait in a mailbox, and in what waits for an actor of another node. More are refused
    /// with [`Error::Overflow`](crate::Error::Overflow). The default is [`MAILBOX_LIMIT`].
    #[must_use]
    pub fn mailbox_limit(mut self, limit: usize) -> Self {
        self.limits.mailbox = limit;
        self
    }

    /// The number of answers to messages with an id that an actor remembers, oldest forgotten first. A message that
    /// is repeated later is handled again. The default is [`REMEMBERED_LIMIT`].
    #[must_use]
    pub fn remembered_limit(mut self, limit: usize) -> Self {
        self.limits.remembered = limit;
        self
    }

    /// The number of ended actors that the node remembers, with their answers, oldest forgotten first. Those whose
    /// restart is planned are not counted out. The default is [`ENDED_LIMIT`].
    #[must_use]
    pub fn ended_limit(mut self, limit: usize) -> Self {
        self.limits.ended = limit;
        self
    }

    /// The node.
    pub fn build(self) -> System<E> {
        let local = Local::new(
            self.node,
            self.palette,
            self.limits,
            self.environment,
            self.transport,
        );
        local.set_handler(self.handler);
        System(Arc::new(local))
    }
}

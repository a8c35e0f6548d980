//! What stands between a component and the module that its node is on: the input ports that the topology says it has, and
//! a gate that closes them all. A message to a port that there is not is refused over the wire too.
//! Spec: router 3.4.5, W-5.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use squall_router::{Client, Component, ComponentError, Identity, Input, Output, Payload, async_trait};

type Handled<'a> = Pin<Box<dyn Future<Output = Result<Option<Payload>, ComponentError>> + Send + 'a>>;

/// A component behind its ports.
pub(crate) struct Ported {
    inner: Arc<dyn Component>,
    /// Of a component that does not say itself which inputs it has.
    inputs: Option<Vec<String>>,
    /// By how many faults it is closed. While it is there is no port.
    closed: Option<Arc<AtomicU32>>,
}

impl Ported {
    /// It takes messages at these ports, unless it says itself which it has.
    pub(crate) fn with_inputs(inner: Arc<dyn Component>, inputs: Vec<String>) -> Self {
        Ported {
            inner,
            inputs: Some(inputs),
            closed: None,
        }
    }

    /// It takes no message while `closed` is not 0.
    pub(crate) fn behind_gate(inner: Arc<dyn Component>, closed: Arc<AtomicU32>) -> Self {
        Ported {
            inner,
            inputs: None,
            closed: Some(closed),
        }
    }
}

#[async_trait]
impl Component for Ported {
    // Written out, as `async_trait` would do it around one more future: this is called for every message.
    fn handle<'a, 'i, 'o, 'f>(&'a self, input: Input<'i>, output: &'o Output) -> Handled<'f>
    where
        'a: 'f,
        'i: 'f,
        'o: 'f,
        Self: 'f,
    {
        self.inner.handle(input, output)
    }

    fn ports(&self) -> Option<Vec<String>> {
        let is_closed = self
            .closed
            .as_ref()
            .is_some_and(|it| it.load(Ordering::Relaxed) > 0);
        match is_closed {
            true => Some(Vec::new()),
            false => self.inner.ports().or_else(|| self.inputs.clone()),
        }
    }

    async fn identity(&self, identity: &Identity) {
        self.inner.identity(identity).await;
    }

    async fn client(&self, client: &Client) {
        self.inner.client(client).await;
    }

    async fn state(&self, output: &Output) {
        self.inner.state(output).await;
    }

    async fn reconcile(&self) -> Result<(), ComponentError> {
        self.inner.reconcile().await
    }

    async fn settings(&self, settings: Payload) -> Result<(), ComponentError> {
        self.inner.settings(settings).await
    }

    async fn control(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
        self.inner.control(input, output).await
    }
}

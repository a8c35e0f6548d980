//! A wrapper between a component and its node's module: it declares the inputs from the topology, and has a gate that
//! closes them. A message to a port that does not exist is refused over the wire too.
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
    /// For a component that does not declare its inputs.
    inputs: Option<Vec<String>>,
    /// How many faults close it. While any does, it has no ports.
    closed: Option<Arc<AtomicU32>>,
}

impl Ported {
    /// Declares these inputs, unless the component declares its own.
    pub(crate) fn with_inputs(inner: Arc<dyn Component>, inputs: Vec<String>) -> Self {
        Ported {
            inner,
            inputs: Some(inputs),
            closed: None,
        }
    }

    /// Rejects messages while `closed` is not 0.
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
    // Written by hand: `async_trait` would add another boxed future to every message.
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

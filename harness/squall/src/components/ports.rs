//! A node with the input ports that its topology says it has: a message to another one is refused over the wire
//! too. Spec: router 3.4.5, W-5.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use squall_router::{Client, Component, ComponentError, Identity, Input, Output, Payload, async_trait};

type Handled<'a> = Pin<Box<dyn Future<Output = Result<Option<Payload>, ComponentError>> + Send + 'a>>;

/// A component behind its ports.
pub(crate) struct Ported {
    pub(crate) inner: Arc<dyn Component>,
    pub(crate) inputs: Vec<String>,
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
        self.inner.ports().or_else(|| Some(self.inputs.clone()))
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

//! The code that a node runs.

use crate::system::{Client, Identity};
use crate::{ComponentError, Context, Output, Payload};

/// Code that handles the messages of a node.
///
/// It is called concurrently, without order between messages: it must be safe to share. Blocking on what it
/// emits is normal; its caller waits. When the caller gives up, the future is dropped at its next await.
/// A panic is reported to the caller and breaks nothing else. Spec: router 3.5, 3.10.
///
/// ```
/// use squall_router::{Component, ComponentError, Input, Output, Payload, async_trait};
///
/// struct Greet;
///
/// #[async_trait]
/// impl Component for Greet {
///     async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
///         let name: String = input.data.decode()?;
///         if name.is_empty() {
///             return Err("nobody to greet".into());
///         }
///         Ok(output.emit("greeted", Payload::encode(&format!("hello {name}"))?).await?)
///     }
/// }
/// ```
#[async_trait::async_trait]
pub trait Component: Send + Sync + 'static {
    /// Handles one message. The value is returned to the sender.
    ///
    /// # Errors
    /// Any failure of the component. An error of an emitted message that is returned unchanged (`?`) reaches the
    /// caller with its class and outcome intact.
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError>;

    /// The input ports that messages can be delivered to at present. `None`: any. A message to another port waits for
    /// it for a bounded time. Queried again when the node changes, and after
    /// [`Module::refresh_ports`](crate::Module::refresh_ports). Spec: router 3.4.5.
    fn ports(&self) -> Option<Vec<String>> {
        None
    }

    /// Receives the node's identity. Spec: router 3.8.
    async fn identity(&self, _identity: &Identity) {}

    /// Receives the client of [`Module::set_client`](crate::Module::set_client), if there is one. Spec: router 3.8.
    async fn client(&self, _client: &Client) {}

    /// Receives once an output that belongs to no message, for work of its own, such as a ticker. It runs as a task
    /// of [`Output::spawn`], and keeps the module alive for as long as it holds the output. Spec: router 3.8.
    async fn state(&self, _output: &Output) {}

    /// Reconciles with its environment, because its node changed. Spec: router 3.8.
    ///
    /// # Errors
    /// Whatever keeps the node from running: it stays as it was.
    async fn reconcile(&self) -> Result<(), ComponentError> {
        Ok(())
    }

    /// Receives its settings; unchanged ones are not delivered twice in a row. Spec: router 3.5.5, 3.8.
    ///
    /// # Errors
    /// Mistakes in the settings: the node stays as it was.
    async fn settings(&self, _settings: Payload) -> Result<(), ComponentError> {
        Ok(())
    }

    /// Handles a user's action in a user interface. Spec: router 3.8.
    ///
    /// # Errors
    /// As [`Component::handle`].
    async fn control(&self, _input: Input<'_>, _output: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(None)
    }
}

/// One message, as a component sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Input<'a> {
    /// The input port that it arrived at.
    pub port: &'a str,
    /// The output port that emitted it, or empty.
    pub from: &'a str,
    /// The name of the edge that it followed, if it has one.
    pub edge: Option<&'a str>,
    /// The data.
    pub data: Payload,
    /// The trace, depth and deadline that emitted messages inherit.
    pub context: &'a Context,
}

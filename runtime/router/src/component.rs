//! What a node runs.

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
    /// Handles one message. The value goes back to whoever sent it.
    ///
    /// # Errors
    /// Whatever the component calls a failure. An error of an emitted message that is returned as it came
    /// (`?`) reaches the caller with its class and outcome intact.
    async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError>;
}

/// One message, as a component sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Input<'a> {
    /// The input port that it arrived at.
    pub port: &'a str,
    /// The output port that emitted it, or empty.
    pub from: &'a str,
    /// What it carries.
    pub data: Payload,
    /// The trace, depth and deadline that messages emitted in answer to it inherit.
    pub context: &'a Context,
}

//! Actors on the nodes of a cluster. Spec: cluster section 3.
//!
//! ```
//! use std::sync::Arc;
//!
//! use squall_cluster::{Actor, BoxError, Context, InMemoryTransport, Next, Supervisor, System, async_trait};
//! use squall_platform::TokioPlatform;
//!
//! struct Counter(i64);
//!
//! #[async_trait]
//! impl Actor<i64> for Counter {
//!     async fn handle(&mut self, number: i64, _: &mut Context<'_, i64>) -> Result<Next, BoxError> {
//!         self.0 = self.0.checked_add(number).ok_or("too much")?;
//!         Ok(Next::Handled)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = Arc::new(InMemoryTransport::new());
//! let node = |name: &str| {
//!     let system = System::builder(TokioPlatform::new(), name)
//!         .transport(transport.clone())
//!         .behaviour("counter", |_| Ok(Counter(0)))
//!         .build();
//!     transport.register(name, system.downgrade());
//!     system
//! };
//! let (a, b) = (node("a"), node("b"));
//! Supervisor::builder(TokioPlatform::new()).restart("counter", 3).build().attach(&b);
//!
//! let counter = a.spawn("b", "counter", "c-1", None).await?;
//! assert!(a.deliver(&counter, 2).await?.delivered);
//! assert_eq!((a.running(), b.running()), (0, 1));
//! # Ok(())
//! # }
//! ```
//!
//! | subject | file |
//! |---|---|
//! | the name of an actor, wherever it runs | `reference` |
//! | an actor, and what it can do | `actor`, `context` |
//! | how actors begin | `palette`, `spec` |
//! | a node | `system`, `builder` |
//! | its actors: spawns, deliveries, ends, and their tasks | `local`, `registry` |
//! | messages of one actor | `mailbox`, `window` |
//! | failures, and what is done about them | `escalation`, `supervisor` |
//! | deliveries and spawns on other nodes | `transport`, `outbox` |
//! | a node as its server sees it | `wire` |
//! | nodes of one process | `memory` |
//! | state machines as actors | `machine` |
//! | moving an instance with its actors | `migration` |
//! | the past of durable instances, read-only | `history` |
//! | errors | `error` |
//! | `tracing` events | `events` |
//!
//! Promises: an actor handles one message at a time, in the order in which its mailbox accepted them. A message with an id
//! is handled at most once while the actor remembers it. A message that an actor has taken is handled to its end,
//! whatever its sender does. Not promised: that a message arrives, unless its sender was told so; an order between
//! messages of different senders.
//!
//! Time is tokio's clock, tasks and randomness are the platform's.
//!
//! Deliberately absent: gRPC, which is a crate of its own. Nothing here opens a socket. Incarnations of nodes: after a
//! restart of a node, an earlier reference names whatever actor has its id, because the protocol does not carry more.

mod actor;
mod builder;
mod context;
mod environment;
mod error;
mod escalation;
mod events;
mod history;
mod local;
mod machine;
mod mailbox;
mod memory;
mod migration;
mod outbox;
mod palette;
mod reference;
mod registry;
mod signal;
mod spec;
mod supervisor;
mod system;
mod transport;
mod unwind;
mod window;
mod wire;

pub use actor::{Actor, BoxError, Cause, ChildEnd, Event, Input, Next};
pub use async_trait::async_trait;
pub use builder::{Builder, ENDED_LIMIT, MAILBOX_LIMIT, REMEMBERED_LIMIT};
pub use context::Context;
pub use error::Error;
pub use escalation::{Escalation, EscalationHandler, Respawner};
pub use history::{BASELINE_STEP, HistoryError, TimeTravel};
pub use local::{ActorStatus, Life, MESSAGE_ID_MAX};
pub use machine::{MachineActor, MachineHost};
pub use memory::InMemoryTransport;
pub use migration::{ActorSnapshot, CaptureError, Checkpoint, RestoreError, Restored, capture, restore};
pub use palette::Palette;
pub use reference::ActorRef;
pub use spec::SpawnSpec;
pub use supervisor::{Backoff, DELAY_MAX, Decision, HANDLED_LIMIT, Handled, Supervisor, SupervisorBuilder};
pub use system::{System, WeakSystem};
pub use transport::{CallOptions, Delivered, Outcome, Transport};
pub use unwind::Panicked;
pub use wire::WireEndpoint;

//! State machines: a definition that is data, behaviour that it names, and instances that step through it. Spec:
//! cluster 4b and 4.7.
//!
//! | subject | file |
//! |---|---|
//! | types of events and of contexts, and how they are written | `event`, `codec` |
//! | a definition as data, and its JSON | `definition` |
//! | a definition with its behaviour, checked | `builder`, `check`, `machine` |
//! | a running instance, and one step of it | `instance`, `step`, `cascade` |
//! | what a step did | `trace`, `error` |
//! | timers | `timers` |
//! | an instance at rest: its JSON, and back | `snapshot` |
//! | whether instances of one definition fit another | `diff` |
//! | JSON as Go writes it | `json` |
//!
//! ```
//! use squall_machine::{Machine, State, Transition};
//!
//! let machine = Machine::<u32, String>::builder("door")
//!     .initial("closed")
//!     .state(State::new("closed").with(Transition::on("open").to("open").assign("count")))
//!     .state(State::new("open").with(Transition::on("close").to("closed")))
//!     .assign("count", |opened, _event| *opened += 1)
//!     .build()?;
//!
//! let mut door = machine.cast(0)?.instance;
//! door.fire(&"open".to_owned())?;
//! assert_eq!((door.state(), *door.context()), ("open", 1));
//!
//! // Nothing of a step that fails remains.
//! assert!(door.fire(&"open".to_owned()).is_err());
//! assert_eq!((door.state(), *door.context()), ("open", 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A machine has no clock: a step says which timers it arms and cancels, and its caller, who knows the time, keeps them
//! in [`Timers`].
//!
//! Deliberately absent: parallel regions, history states, guard expressions, and states that start services or actors.
//! Definitions with them can be read and compared, but [`Builder::build`] refuses them.

mod builder;
mod cascade;
mod check;
mod codec;
mod definition;
mod diff;
mod error;
mod event;
mod instance;
pub mod json;
mod machine;
mod snapshot;
mod step;
mod timers;
mod trace;

pub use builder::Builder;
pub use codec::{Codec, CodecError, Json};
pub use definition::{Definition, Ref, Region, SCHEMA_VERSION, State, Transition};
pub use diff::{Change, ChangeKind, Report, diff};
pub use error::{BuildError, CastError, FireError, Problem};
pub use event::{Context, Event};
pub use instance::{Cast, Effect, Fired, Instance, Retain};
pub use machine::Machine;
pub use snapshot::{
    Pending, RestoreError, RestoreOptions, SNAPSHOT_VERSION, Snapshot, SnapshotError, Status,
};
pub use step::MICROSTEPS_MAX;
pub use timers::{Ticked, TimerChange, Timers, Timestamp};
pub use trace::{Outcome, Trace};

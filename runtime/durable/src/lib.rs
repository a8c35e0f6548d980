//! Durable instances of state machines: every step is recorded before anybody learns of it, so that an instance
//! survives its process, and every past state can be rebuilt. Spec: cluster 4.
//!
//! | subject | file |
//! |---|---|
//! | records and checkpoints | `record` |
//! | what a store promises | `store`, `model` |
//! | a store in memory | `memory` |
//! | a store in files, and its format | [`mod@file`] |
//! | running instances: recording, recovery, effects | `runner`, `handle`, `replay`, `envelope` |
//! | past states | `past` |
//!
//! ```
//! use std::sync::Arc;
//! use squall_durable::{MemStore, Past, Runner};
//! use squall_machine::{Machine, State, Timestamp, Transition};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let machine = Machine::<u32, String>::builder("door")
//!     .initial("closed")
//!     .state(State::new("closed").with(Transition::on("open").to("open")))
//!     .state(State::new("open").with(Transition::on("close").to("closed")))
//!     .build()?;
//! let store = Arc::new(MemStore::with_history());
//! let runner = Runner::new(machine.clone(), store.clone(), || Timestamp(0));
//!
//! let mut door = runner.start("front", 0).await?;
//! door.fire(&"open".to_owned()).await?;
//! drop(door);
//!
//! let door = runner.recover("front").await?;
//! assert_eq!(door.instance().state(), "open");
//!
//! let past = Past::new(machine, store);
//! assert_eq!(past.view("front", -1).await?.instance().state(), "closed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Deliberately absent: services and child actors of machines, which the machines do not have.

mod envelope;
pub mod file;
mod handle;
mod memory;
mod model;
mod past;
mod record;
mod replay;
mod runner;
mod store;

pub use async_trait::async_trait;
pub use envelope::Envelope;
pub use file::FileStore;
pub use handle::Handle;
pub use memory::MemStore;
pub use past::{Past, View};
pub use record::{BASELINE_STEP, Checkpoint, EffectRecord, Entry, EntryKind, Record};
pub use runner::{EffectHandler, RunError, Runner};
pub use store::{DispatchStore, History, HistoryStore, Loaded, Store, StoreError};

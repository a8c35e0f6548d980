//! Where the records of durable instances are. Spec: cluster 4.2.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::record::{Checkpoint, Record};

/// Keeps the records of instances. All operations are atomic, and last once they have returned.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a record. Its key is `step:<step>` unless another one is given. A key that is known with the same record
    /// adds nothing. Returns the number of the record in its instance, from 1; of the first one, for a key that is
    /// known.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a key that is known with another record; [`StoreError::OutOfOrder`] for a step that
    /// is not after all before it; others when nothing can be written.
    async fn append(&self, id: &str, record: Record, key: Option<&str>) -> Result<u64, StoreError>;

    /// The checkpoint of an instance, and the records after it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; others when nothing can be read.
    async fn load(&self, id: &str) -> Result<Loaded, StoreError>;

    /// Replaces all records up to a step by the state after it. Creates the instance, if there is none.
    ///
    /// # Errors
    /// [`StoreError::NotAdvancing`] when there is a checkpoint of this step or a later one; others when nothing can be
    /// written.
    async fn checkpoint(&self, id: &str, checkpoint: Checkpoint) -> Result<(), StoreError>;

    /// The store, if it keeps all records for ever.
    fn history(&self) -> Option<&dyn HistoryStore> {
        None
    }

    /// The store, if it remembers which effects were dispatched.
    fn dispatches(&self) -> Option<&dyn DispatchStore> {
        None
    }
}

/// A store that keeps all records for ever, those that checkpoints replaced too.
#[async_trait]
pub trait HistoryStore: Send + Sync + 'static {
    /// All of an instance.
    ///
    /// # Errors
    /// As [`Store::load`].
    async fn history(&self, id: &str) -> Result<History, StoreError>;
}

/// A store that remembers which effects were dispatched.
#[async_trait]
pub trait DispatchStore: Send + Sync + 'static {
    /// Remembers effects. Creates the instance, if there is none. An id that begins with `<step>#`, as a runner's do,
    /// may be forgotten once a checkpoint after that step has been replaced by another one.
    ///
    /// # Errors
    /// When nothing can be written.
    async fn mark_dispatched(&self, id: &str, effects: &[String]) -> Result<(), StoreError>;

    /// The remembered effects; none, for an instance that there is not.
    ///
    /// # Errors
    /// When nothing can be read.
    async fn dispatched(&self, id: &str) -> Result<BTreeSet<String>, StoreError>;
}

/// What [`Store::load`] finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The latest checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// The records after it.
    pub tail: Vec<Arc<Record>>,
    /// The step of the next record.
    pub next_step: i64,
}

/// What [`HistoryStore::history`] finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The first checkpoint.
    pub baseline: Option<Checkpoint>,
    /// All records.
    pub records: Vec<Arc<Record>>,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such instance.
    #[error("there is no instance {id:?}")]
    NotFound {
        /// The instance.
        id: String,
    },
    /// The step was taken already.
    #[error("step {step} of instance {id:?} comes after step {highest}: steps only increase")]
    OutOfOrder {
        /// The instance.
        id: String,
        /// The step.
        step: i64,
        /// The highest step so far.
        highest: i64,
    },
    /// Two different records have one key: two writers, or a writer that lost its place.
    #[error("instance {id:?} has another record under the key {key:?}: this one was not added")]
    Conflict {
        /// The instance.
        id: String,
        /// The key.
        key: String,
    },
    /// There is a checkpoint that is as late.
    #[error(
        "instance {id:?} has a checkpoint of step {current}, and one of step {step} would not advance it"
    )]
    NotAdvancing {
        /// The instance.
        id: String,
        /// The step of the rejected checkpoint.
        step: i64,
        /// The step of the present one.
        current: i64,
    },
    /// A file is not as it was written. Nothing of the instance is used.
    #[error("{path} is damaged at byte {offset}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// Another process has the store open, or this one has it twice.
    #[error("{path} is in use: only one store may have it open", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The name of the folder of an instance would be too long.
    #[error("the id {id:?} takes {bytes} bytes as the name of a folder, and {max} are allowed")]
    IdTooLong {
        /// The id.
        id: String,
        /// Its length as a name.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A record is longer than a file may have it.
    #[error("a record of instance {id:?} takes {bytes} bytes, and {max} are allowed")]
    TooLong {
        /// The instance.
        id: String,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The file system failed. Whether a record that was being added is there is known once the instance is loaded
    /// again.
    #[error("{path} could not be {what}: {message}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The kind of the error.
        kind: io::ErrorKind,
        /// What the system said.
        message: String,
    },
    /// The process is ending, and the store with it.
    #[error("the store of instance {id:?} has ended")]
    Ended {
        /// The instance.
        id: String,
    },
}

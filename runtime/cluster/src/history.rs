//! The past of durable instances, read-only. Defined here so that the durable runtime and the transport meet without
//! depending on each other.

use async_trait::async_trait;
use bytes::Bytes;

/// The step of the state before the first recorded event.
pub const BASELINE_STEP: i64 = -1;

/// The recorded past of durable instances, as the time-travel server sees it. Spec: cluster 4.5, 4.6.
///
/// Strictly read-only: no service runs, no actor is created, no effect is dispatched.
#[async_trait]
pub trait TimeTravel: Send + Sync + 'static {
    /// The snapshot of an instance after `step`, as JSON text. [`BASELINE_STEP`] is the state before its first event.
    ///
    /// # Errors
    /// [`HistoryError::NotFound`], [`HistoryError::OutOfRange`], [`HistoryError::Compacted`]; others when the history
    /// cannot be read or replayed.
    async fn state_at(&self, id: &str, step: i64) -> Result<Bytes, HistoryError>;

    /// The steps of all records, ascending. Empty when nothing has been recorded since the instance started.
    ///
    /// # Errors
    /// [`HistoryError::NotFound`]; others when the history cannot be read.
    async fn steps(&self, id: &str) -> Result<Vec<i64>, HistoryError>;
}

/// Why a past state is not available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// There is no instance of this id.
    #[error("instance '{id}' is not found")]
    NotFound {
        /// The id.
        id: String,
    },
    /// The step has not been recorded.
    #[error("instance '{id}' has no step {step}: its steps are {first} to {last}")]
    OutOfRange {
        /// The id of the instance.
        id: String,
        /// The requested step.
        step: i64,
        /// The first step.
        first: i64,
        /// The last step.
        last: i64,
    },
    /// The step has been recorded, but its record is gone: the store does not keep a full history.
    #[error("step {step} of instance '{id}' is compacted: the oldest available step is {oldest}")]
    Compacted {
        /// The id of the instance.
        id: String,
        /// The requested step.
        step: i64,
        /// The oldest available step.
        oldest: i64,
    },
    /// There are records but no state to begin with: the instance was never started.
    #[error("instance '{id}' has no baseline to replay from")]
    NoBaseline {
        /// The id.
        id: String,
    },
    /// The store holds something that cannot be read.
    #[error("the history of instance '{id}' is damaged: {reason}")]
    Damaged {
        /// The id of the instance.
        id: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A record cannot be replayed with this machine.
    #[error("step {step} of instance '{id}' cannot be replayed: {reason}")]
    Replay {
        /// The id of the instance.
        id: String,
        /// The step of the record.
        step: i64,
        /// The reason.
        reason: String,
    },
    /// The store cannot be read now.
    #[error("the store of instance '{id}' cannot be read: {reason}")]
    Store {
        /// The id of the instance.
        id: String,
        /// The store's reason.
        reason: String,
    },
    /// The caller gave up.
    #[error("cancelled")]
    Cancelled,
}

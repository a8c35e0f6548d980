//! Errors of queries.

use squall_cluster::{Error, HistoryError};

/// Why there is no past state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The node was not reached, or did not answer the question.
    #[error(transparent)]
    Call(#[from] Error),
    /// The node has answered that it has no such state.
    #[error(transparent)]
    History(#[from] HistoryError),
}

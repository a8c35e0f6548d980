//! Discovery of managers. Spec: provider 3.6.

mod dns;

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use squall_platform::Authority;

pub use dns::{DEFAULT_PORT, Dns};

/// A source of managers.
#[async_trait]
pub trait Discover: Send + Sync + 'static {
    /// The current managers, each of which gets its own connection. Duplicates count once.
    ///
    /// # Errors
    /// When they cannot be determined now: the provider keeps the previous answer.
    async fn managers(&self) -> Result<Vec<Authority>, DiscoverError>;

    /// The wait before the next query; `None` when the answer never changes.
    fn refresh(&self) -> Option<Duration> {
        None
    }
}

/// Why a source of managers has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// A name does not resolve.
    #[error("cannot resolve {name}: {cause}")]
    Resolve {
        /// The name, with its port.
        name: Authority,
        /// The resolver's error.
        #[source]
        cause: io::Error,
    },
    /// A user-defined source failed.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A constant list, in the given order.
#[derive(Debug, Clone, Default)]
pub struct Static(Vec<Authority>);

impl Static {
    /// A source with these managers.
    pub fn new(managers: impl IntoIterator<Item = Authority>) -> Self {
        Static(managers.into_iter().collect())
    }
}

#[async_trait]
impl Discover for Static {
    async fn managers(&self) -> Result<Vec<Authority>, DiscoverError> {
        Ok(self.0.clone())
    }
}

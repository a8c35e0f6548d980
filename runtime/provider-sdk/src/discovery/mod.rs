//! Which managers there are. Spec: provider 3.6.

mod dns;

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use squall_platform::Authority;

pub use dns::{DEFAULT_PORT, Dns};

/// A source of managers.
#[async_trait]
pub trait Discover: Send + Sync + 'static {
    /// The managers that there are now, each of which gets a connection of its own. One that is there twice is one.
    ///
    /// # Errors
    /// When they cannot be told now: whoever follows a source keeps what it said before.
    async fn managers(&self) -> Result<Vec<Authority>, DiscoverError>;

    /// How long to wait before asking again; nothing when the answer never changes.
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
        /// Why, in the words of the resolver.
        #[source]
        cause: io::Error,
    },
    /// A source of somebody else's.
    #[error("{0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A list that never changes, in the order in which it was given.
#[derive(Debug, Clone, Default)]
pub struct Static(Vec<Authority>);

impl Static {
    /// These managers.
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

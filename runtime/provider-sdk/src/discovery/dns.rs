//! The managers behind a name, resolved periodically.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use squall_platform::{Authority, Platform};
use tokio::time::timeout;

use super::{Discover, DiscoverError};

/// The default port of a manager. Spec: provider 3.6.
pub const DEFAULT_PORT: u16 = 9090;

/// Every address of a name is a manager of its own: the provider connects to new ones, and leaves vanished ones in
/// order. Spec: provider 3.6.
///
/// Addresses are sorted, so that the answer does not depend on the resolver's order. IPv6 addresses have brackets.
#[derive(Debug, Clone)]
pub struct Dns<P> {
    platform: P,
    name: Authority,
    interval: Duration,
    timeout: Duration,
}

impl<P: Platform> Dns<P> {
    /// Resolves `name` through the platform, every 10 s. A name without a port has [`DEFAULT_PORT`].
    pub fn new(platform: P, name: Authority) -> Self {
        let name = match name.port_u16() {
            Some(_) => name,
            None => format!("{}:{DEFAULT_PORT}", name.host())
                .parse()
                .expect("the host of an authority, and a port"),
        };
        Dns {
            platform,
            name,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        }
    }

    /// How long an answer is valid; up to an eighth longer, so that a fleet does not query at the same time.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long the platform may take to resolve the name. 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

#[async_trait]
impl<P: Platform> Discover for Dns<P> {
    async fn managers(&self) -> Result<Vec<Authority>, DiscoverError> {
        let answer = timeout(self.timeout, self.platform.resolve(&self.name)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut addresses = answer.map_err(|cause| DiscoverError::Resolve {
            name: self.name.clone(),
            cause,
        })?;
        addresses.sort_unstable();
        addresses.dedup();
        let authority = |address: std::net::SocketAddr| {
            let text = address.to_string();
            text.parse().expect("a socket address is an authority")
        };
        Ok(addresses.into_iter().map(authority).collect())
    }

    fn refresh(&self) -> Option<Duration> {
        let extra = u64::try_from((self.interval / 8).as_nanos()).unwrap_or(u64::MAX);
        let jitter = Duration::from_nanos(self.platform.random_u64() % extra.max(1));
        Some(self.interval.saturating_add(jitter))
    }
}

//! Where hosts are, on real sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

/// Where hosts are, on real sockets: what a topology's names mean there. Clones are one map. A name that is not in it is
/// for DNS.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    hosts: BTreeMap<String, IpAddr>,
    ports: BTreeMap<(String, u16), SocketAddr>,
}

impl Names {
    /// No names.
    pub fn new() -> Self {
        Names::default()
    }

    /// The host of this name is at `ip`: it listens there, and is found there, whatever the port.
    pub fn set_host(&self, name: &str, ip: IpAddr) {
        self.write(|known| known.hosts.insert(name.to_owned(), ip));
    }

    /// One port of a host is at `at`, which is what it listens at. With port 0 it takes a free one, and is found at that
    /// one from then on.
    pub fn set_port(&self, name: &str, port: u16, at: SocketAddr) {
        self.write(|known| known.ports.insert((name.to_owned(), port), at));
    }

    /// Where a port of a host is.
    pub fn get(&self, name: &str, port: u16) -> Option<SocketAddr> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let port_at = known.ports.get(&(name.to_owned(), port)).copied();
        port_at.or_else(|| Some(SocketAddr::new(*known.hosts.get(name)?, port)))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Known) -> R) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

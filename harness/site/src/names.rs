//! Addresses of hosts, on real sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

/// Addresses of hosts on real sockets: resolves a topology's names. Clones share one map. Unknown names are left to
/// DNS.
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

    /// Sets the address of a host: it listens and is reached at `ip`, with any port.
    pub fn set_host(&self, name: &str, ip: IpAddr) {
        self.write(|known| known.hosts.insert(name.to_owned(), ip));
    }

    /// Sets the address of one port of a host. With port 0 it listens at a free one, and is reached at that one from then
    /// on.
    pub fn set_port(&self, name: &str, port: u16, at: SocketAddr) {
        self.write(|known| known.ports.insert((name.to_owned(), port), at));
    }

    /// The address of a port of a host.
    pub fn get(&self, name: &str, port: u16) -> Option<SocketAddr> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let port_at = known.ports.get(&(name.to_owned(), port)).copied();
        port_at.or_else(|| Some(SocketAddr::new(*known.hosts.get(name)?, port)))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Known) -> R) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

//! The ports of all hosts: listeners, and automatic port numbers.

use std::collections::BTreeMap;
use std::io;

use crate::host::HostId;

/// The start of the automatic ports, as on Linux.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

#[derive(Debug, Default)]
pub(super) struct Ports {
    /// Numbers of listeners.
    listening: BTreeMap<(HostId, u16), u64>,
    next: BTreeMap<HostId, u16>,
}

impl Ports {
    /// The listener at this port.
    pub(super) fn listener(&self, host: HostId, port: u16) -> Option<u64> {
        self.listening.get(&(host, port)).copied()
    }

    /// Assigns a port to a listener, and returns it; 0 selects a free one.
    pub(super) fn listen(&mut self, host: HostId, port: u16, listener: u64) -> io::Result<u16> {
        let port = if port == 0 { self.free(host)? } else { port };
        if self.listening.contains_key(&(host, port)) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.listening.insert((host, port), listener);
        Ok(port)
    }

    /// The listener at this port is gone.
    pub(super) fn release(&mut self, host: HostId, port: u16) {
        self.listening.remove(&(host, port));
    }

    /// The listeners on this host, in creation order.
    pub(super) fn listeners_of(&self, host: HostId) -> Vec<u64> {
        let ports = self.listening.range((host, 0)..=(host, u16::MAX));
        let mut numbers: Vec<u64> = ports.map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// A port without a listener. Connections share ports: none is ever used up.
    pub(super) fn free(&mut self, host: HostId) -> io::Result<u16> {
        let next = self.next.entry(host).or_insert(*EPHEMERAL.start());
        for _ in EPHEMERAL {
            let port = *next;
            *next = if port == *EPHEMERAL.end() {
                *EPHEMERAL.start()
            } else {
                port + 1
            };
            if !self.listening.contains_key(&(host, port)) {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

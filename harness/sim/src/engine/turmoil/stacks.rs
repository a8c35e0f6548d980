//! The TCP stacks of all hosts, which `turmoil-net` keeps in a thread-local.
//!
//! It accepts no more hosts once a thread has entered its network, and the first socket needs it entered.
//! Hosts added after that share one spare stack. This is not observable: addresses and ports are
//! translated in transit, so a stack is only a table of sockets.

use std::net::{IpAddr, SocketAddr};

use turmoil_net::{EnterGuard, KernelConfig, Net, Packet};

use super::RECEIVE_BUFFER;
use crate::host::{HostId, address};

/// An HTTP/2 frame of the usual 16 KiB in one packet, headers included.
const MTU: u32 = 16 * 1024 + 512;
/// The send buffer, the same as in the flow engine.
const SEND_BUFFER: usize = 256 * 1024;
/// The number of the spare stack. No host has it.
const SPARE: HostId = HostId(0x00ff_ffff);

#[derive(Default)]
pub(super) struct Stacks {
    /// The number of hosts with a stack of their own.
    hosts: usize,
    entered: Option<Entered>,
}

struct Entered {
    /// By host number, then the spare one.
    stacks: Vec<turmoil_net::HostId>,
    guard: EnterGuard,
}

impl Stacks {
    pub(super) fn add(&mut self, host: HostId) {
        if self.entered.is_none() {
            self.hosts = host.0 as usize;
        }
    }

    /// Selects this host's stack for socket operations. Returns the stack's address.
    pub(super) fn select(&mut self, host: HostId) -> IpAddr {
        let Entered { stacks, guard } = self.entered.get_or_insert_with(|| Entered::new(self.hosts));
        let own = host.0 as usize - 1 < self.hosts;
        let place = if own { host.0 as usize - 1 } else { self.hosts };
        guard.set_current(stacks[place]);
        address(if own { host } else { SPARE })
    }

    /// Runs every stack, and takes the packets that they send. The cost is proportional to all sockets of all hosts:
    /// not to be called without need.
    pub(super) fn run(&self, packets: &mut Vec<Packet>) {
        if let Some(entered) = &self.entered {
            entered.guard.egress_all(packets);
        }
    }

    pub(super) fn deliver(&self, packet: Packet) {
        if let Some(entered) = &self.entered {
            entered.guard.deliver(packet);
        }
    }
}

impl Entered {
    fn new(hosts: usize) -> Self {
        let config = KernelConfig::default()
            .mtu(MTU)
            .send_buf_cap(SEND_BUFFER)
            .recv_buf_cap(RECEIVE_BUFFER)
            .default_backlog(usize::MAX)
            // It counts passes, not time: `crate::net` retransmits lost segments.
            .retx_threshold(u32::MAX);
        let mut net = Net::with_config(config);
        let numbers = (1..=hosts as u32).map(HostId).chain([SPARE]);
        let stacks = numbers.map(|host| net.add_host(address(host))).collect();
        Entered {
            stacks,
            guard: net.enter(),
        }
    }
}

/// An address on a stack without a listener: segments without a receiver are delivered there, to be refused.
pub(super) fn nowhere(stack: IpAddr) -> SocketAddr {
    SocketAddr::new(stack, 1)
}

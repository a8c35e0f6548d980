//! A module's limits on its callers.

use std::time::Duration;

use squall_core::file::read::{At, tables};
use squall_core::file::report::{Problem, Problems};
use squall_core::file::value::Exact;

use crate::plan;

tables! {
    /// What a module's server takes of others at most. What goes beyond is refused at once, and never waits
    pub Limits("`limits`") {
        /// How many connections may be open: for one more an idle one is asked to leave, or it is closed. 10000 when absent,
        /// and in `squall up` no more than the process has descriptors for
        connections: Option<At<u64>>,
        /// How many of them one address may have: one more is closed. No limit when absent
        address_connections: Option<At<u64>>,
        /// How many requests of one connection may be in the works: one more is refused. 10000 when absent
        streams: Option<At<u64>>,
        /// How many requests of all connections may be in the works: one more is refused. 20000 when absent
        requests: Option<At<u64>>,
        /// How many bytes of requests, and as many of answers that are not taken, may be held for one connection.
        /// 268435456 when absent
        connection_bytes: Option<At<u64>>,
        /// The same for all connections. 1073741824 when absent
        server_bytes: Option<At<u64>>,
        /// How long a caller may take until it has said that it speaks HTTP/2. 20s when absent
        handshake: Option<At<Exact<Duration>>>,
        /// How long a request may take to arrive. 60s when absent
        read: Option<At<Exact<Duration>>>,
        /// How long a caller may leave its answers waiting. 60s when absent
        take: Option<At<Exact<Duration>>>,
    }
}

impl Limits {
    /// The limits in the file, with defaults for the rest.
    pub(crate) fn checked(&self, problems: &mut Problems) -> plan::Limits {
        let mut limits = plan::Limits::default();
        let server = &mut limits.server;
        let numbers = [
            (&self.connections, &mut server.connections),
            (&self.address_connections, &mut server.address_connections),
            (&self.streams, &mut server.streams),
            (&self.connection_bytes, &mut server.connection_bytes),
            (&self.server_bytes, &mut server.server_bytes),
        ];
        for (said, limit) in numbers {
            if let Some(number) = number(said.as_ref(), problems) {
                *limit = number;
            }
        }
        let times = [
            (&self.handshake, &mut server.handshake),
            (&self.read, &mut server.read),
            (&self.take, &mut server.take),
        ];
        for (said, limit) in times {
            let Some(said) = said else { continue };
            if said.0.is_zero() {
                problems.add(Problem::new("a peer needs time").at(&said.span, "expected more than 0"));
            }
            *limit = said.0;
        }
        limits.requests = number(self.requests.as_ref(), problems).or(limits.requests);
        limits
    }
}

fn number(said: Option<&At<u64>>, problems: &mut Problems) -> Option<usize> {
    let said = said?;
    if said.value == 0 {
        let problem = Problem::new("with a limit of 0 nothing is ever served");
        problems.add(problem.at(&said.span, "expected 1 or more"));
    }
    Some(usize::try_from(said.value).unwrap_or(usize::MAX))
}

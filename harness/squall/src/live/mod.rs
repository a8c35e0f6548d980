//! A topology on real sockets, in real time: to look at a system before and after simulated faults.
//!
//! | file | contents |
//! |---|---|
//! | `system` | starts modules, sets up discovery, and ends them |
//! | `fleet` | starts and ends managers and providers |
//! | `services` | runs user-defined services |
//! | `http` | serves and fetches HTTP beside gRPC (`/metrics`, `/healthz`) |
//! | `openmetrics` | parses a system's counters |
//! | `dashboard` | shows them as a table |
//!
//! Nothing here is simulated or reproducible. Each replica of a module is a server of its own, in this process or another
//! one.

mod dashboard;
mod fleet;
mod http;
mod services;
mod system;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use dashboard::table;
pub use fleet::{Fleet, FleetError};
pub use http::{Endpoint, GetError, Target, TargetError, get};
pub use services::{Services, ServicesError};
use squall_platform::Authority;
pub use squall_system_router::openmetrics::{Latency, ParseError, Quantile, Sample, Traffic};
pub use system::{Layout, StartError, Started, System};

/// A server that listens at all addresses is reached at the loopback address.
fn reachable(address: SocketAddr) -> Authority {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let authority = SocketAddr::new(ip, address.port()).to_string().parse();
    authority.expect("a socket address is an authority")
}

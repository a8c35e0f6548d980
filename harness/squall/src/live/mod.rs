//! A topology on real sockets, in real time: for a look at a system before and after it went through a storm.
//!
//! | file | what it does |
//! |---|---|
//! | `system` | starts modules, tells them of each other, and ends them |
//! | `fleet` | starts managers and providers, and ends them |
//! | `services` | runs services of a user's own |
//! | `http` | what is served beside gRPC (`/metrics`, `/healthz`), and how to get it |
//! | `openmetrics` | what a system has counted, read from its text |
//! | `dashboard` | the same, as a table |
//!
//! Nothing here is simulated, and nothing here repeats exactly. Each replica of a module is a server of its own, in this
//! process or another one.

mod dashboard;
mod fleet;
mod http;
mod openmetrics;
mod services;
mod system;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use squall_platform::Authority;

pub use dashboard::table;
pub use fleet::{Fleet, FleetError};
pub use http::{Endpoint, GetError, Target, TargetError, get};
pub use openmetrics::{Latency, ParseError, Quantile, Sample, Traffic};
pub use services::{Services, ServicesError};
pub use system::{Layout, StartError, Started, System};

/// Who listens at every address of this machine is called at its loopback.
fn reachable(address: SocketAddr) -> Authority {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let authority = SocketAddr::new(ip, address.port()).to_string().parse();
    authority.expect("a socket address is an authority")
}

//! A topology on real sockets, in real time: for a look at a system before and after it went through a storm.
//!
//! | file | what it does |
//! |---|---|
//! | `system` | starts modules, tells them of each other, and ends them |
//! | `http` | what is served beside gRPC (`/metrics`, `/healthz`), and how to get it |
//! | `openmetrics` | what a system has counted, read from its text |
//! | `dashboard` | the same, as a table |
//!
//! Nothing here is simulated, and nothing here repeats exactly. One module is one server, however many replicas
//! a topology gives it: more of them are more processes, which others are told of as peers.

mod dashboard;
mod http;
mod openmetrics;
mod system;

pub use dashboard::table;
pub use http::{Endpoint, GetError, Target, TargetError, get};
pub use openmetrics::{Latency, ParseError, Quantile, Sample, Traffic};
pub use system::{Layout, StartError, Started, System};

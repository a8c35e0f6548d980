//! A deterministic simulator: hosts, virtual time, and a faulty network, for code on `squall-platform`.
//!
//! | module | contents |
//! |---|---|
//! | [`run()`] | a run: its thread, runtime, watchdog and result |
//! | `driver` | moves bytes and the clock |
//! | `world`, `host`, `task` | hosts, processes and their tasks |
//! | `adopted` | tasks of `tokio::spawn`: which process they belong to, and how they end |
//! | `timers` | timers that are exact to the nanosecond |
//! | `clock` | wall clocks with offsets |
//! | `platform` | [`SimPlatform`], the simulated implementation of the platform |
//! | `engine` | sockets, behind one interface: `engine/flow` is our own, `engine/turmoil` uses `turmoil-net` |
//! | `net`, `link`, `queue` | segments in transit between two kernels |
//! | `seed`, `latency` | randomness, in named streams; distributions |
//! | `digest`, `observe`, `capture` | the digest of a run, its events, and its packets |
//!
//! Deliberately absent: any knowledge of modules, gRPC, topologies or scenarios; UDP; file systems.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "squall-sim runs on Linux only: it stands in for functions of Linux's C library, so that clocks and randomness are \
     those of a run. Other systems can run it in a container."
);

#[cfg(not(tokio_unstable))]
compile_error!(
    "squall-sim needs `--cfg tokio_unstable`. It is set in .cargo/config.toml; a RUSTFLAGS variable overrides \
     that file silently: unset it, or add `--cfg tokio_unstable` to it."
);

mod adopted;
mod capture;
mod clock;
mod current;
mod digest;
mod driver;
mod engine;
mod escape;
mod host;
mod latency;
mod link;
mod net;
mod observe;
mod platform;
mod queue;
mod run;
mod seed;
mod segment;
mod sim;
mod task;
mod timers;
mod turns;
mod world;

pub use adopted::panicked;
pub use capture::Packet;
pub use clock::ClockShift;
pub use current::{position, process};
pub use digest::TracePoint;
pub use engine::EngineKind;
pub use host::HostId;
pub use latency::Latency;
pub use link::{Effect, HostPairs, LinkRule, LinkSpec};
pub use observe::{Blind, Closed, Connection, Down, Observer, SimEvent, Touch};
pub use platform::{SimListener, SimPlatform, SimStream};
pub use queue::Bandwidth;
pub use run::{Config, Failure, Finished, THREAD_NAME, run};
pub use seed::{Chance, Stream};
pub use sim::{HostDown, HostOptions, Left, Mislead, Sim};
pub use squall_hermetic::EPOCH_SECONDS;

//! The configuration of a manager. Spec: provider 2.1.

mod env;

use std::collections::BTreeSet;
use std::time::Duration;

use squall_grpc::{Dial, Serving};
use squall_value::Limits;

pub use env::ConfigError;

/// The configuration of a manager. All durations are measured on tokio's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The port where providers register; 0 takes a free one. 9090 by default.
    pub grpc_port: u16,
    /// How often providers are expected to send heartbeats: 5 s by default. It is neither announced nor enforced: it
    /// documents a deployment, as in upstream.
    pub heartbeat_interval: Duration,
    /// How long an active provider may be without a heartbeat: 15 s by default.
    pub heartbeat_timeout: Duration,
    /// How long a provider may be registered without a control plane, and a control plane open without a message:
    /// 30 s by default.
    pub control_plane_timeout: Duration,
    /// How often active providers get a report of their modules: 30 s by default.
    pub report_interval: Duration,
    /// Reserved namespaces, which include everything within them: `stdlib` by default.
    pub reserved_namespaces: BTreeSet<String>,
    /// The interval at which timeouts are checked, which is also their maximum delay: 1 s by default.
    pub check_period: Duration,
    /// The time limit of a drain without a deadline of its own: 30 s by default.
    pub drain_deadline: Duration,
    /// The time limit of a call without one of its own: 30 s by default.
    pub call_timeout: Duration,
    /// The largest message in either direction, in bytes: 4 MiB by default, as in gRPC.
    pub max_message_bytes: usize,
    /// The maximum number of modules in one request: 1,000 by default.
    pub max_modules: usize,
    /// The maximum number of connections: 10,000 by default.
    pub max_connections: usize,
    /// The maximum size of all registrations together, in bytes on the wire: 64 MiB by default. The common part of a
    /// group's members counts once.
    pub max_registered_bytes: usize,
    /// The limits of schemas: 32 levels and 4,096 types by default.
    pub schema_limits: Limits,
    /// How executors are dialled, and connections to them kept: without pings by default. A slow provider still has
    /// as long as [`Config::heartbeat_timeout`]: HTTP/2 pings no earlier than that.
    pub dial: Dial,
    /// How connections of providers are kept; as with [`Config::dial`].
    pub serving: Serving,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            grpc_port: 9090,
            heartbeat_interval: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(15),
            control_plane_timeout: Duration::from_secs(30),
            report_interval: Duration::from_secs(30),
            reserved_namespaces: BTreeSet::from(["stdlib".to_owned()]),
            check_period: Duration::from_secs(1),
            drain_deadline: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            max_message_bytes: 4 * 1024 * 1024,
            max_modules: 1_000,
            max_connections: 10_000,
            max_registered_bytes: 64 * 1024 * 1024,
            schema_limits: Limits {
                depth_max: 32,
                nodes_max: 4_096,
                ..Limits::default()
            },
            dial: Dial {
                keepalive: None,
                ..Dial::default()
            },
            serving: Serving::default(),
        }
    }
}

impl Config {
    /// How executors are dialled. Heartbeats detect dead providers, and pings would not detect them earlier.
    pub(crate) fn patient_dial(&self) -> Dial {
        let keepalive = self.dial.keepalive;
        Dial {
            keepalive: keepalive.map(|it| it.no_sooner_than(self.heartbeat_timeout)),
            ..self.dial
        }
    }

    /// The same, for the connections of providers.
    pub(crate) fn patient_serving(&self) -> Serving {
        let keepalive = self.serving.keepalive;
        Serving {
            keepalive: keepalive.map(|it| it.no_sooner_than(self.heartbeat_timeout)),
            ..self.serving
        }
    }

    /// The variables that [`Config::from_env`] reads.
    pub const VARIABLES: [&'static str; 6] = env::VARIABLES;

    /// The defaults, overridden by the environment; `get` looks a variable up, like `std::env::var`.
    ///
    /// | variable | field |
    /// |---|---|
    /// | `CONSTELLATION_PROVIDER_PORT` | [`grpc_port`](Config::grpc_port) |
    /// | `CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL` | [`heartbeat_interval`](Config::heartbeat_interval) |
    /// | `CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT` | [`heartbeat_timeout`](Config::heartbeat_timeout) |
    /// | `CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT` | [`control_plane_timeout`](Config::control_plane_timeout) |
    /// | `CONSTELLATION_PROVIDER_REPORT_INTERVAL` | [`report_interval`](Config::report_interval) |
    /// | `CONSTELLATION_PROVIDER_RESERVED_NS` | [`reserved_namespaces`](Config::reserved_namespaces), separated by commas; none when it is empty |
    ///
    /// A duration is a number of seconds (`15`), or has a unit (`15s`, `500ms`, `1m 30s`). Spec: provider section 5,
    /// rows 3 to 5; section 6, point 24.
    ///
    /// # Errors
    /// When a variable has an invalid value, which the operator has to correct: see [`ConfigError`].
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        env::read(&get)
    }
}

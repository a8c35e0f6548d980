//! What a manager can be told. Spec: provider 2.1.

mod env;

use std::collections::BTreeSet;
use std::time::Duration;

use squall_grpc::{Dial, Serving};
use squall_value::Limits;

pub use env::ConfigError;

/// What a manager can be told. All durations are measured on tokio's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where providers register; 0 takes a free port. 9090 by default.
    pub grpc_port: u16,
    /// How often providers are expected to send heartbeats: 5 s by default. Nobody is told, and nothing is decided
    /// by it: it is here for the documentation of a deployment, as upstream has it.
    pub heartbeat_interval: Duration,
    /// How long an active provider may be without a heartbeat: 15 s by default.
    pub heartbeat_timeout: Duration,
    /// How long a provider may be registered without a control plane, and a control plane open without a message:
    /// 30 s by default.
    pub control_plane_timeout: Duration,
    /// How often active providers are told which of their modules there are: 30 s by default.
    pub report_interval: Duration,
    /// Namespaces that nobody may register in, nor within: `stdlib` by default.
    pub reserved_namespaces: BTreeSet<String>,
    /// How often timeouts are looked at, and so by how much they can be late: 1 s by default.
    pub check_period: Duration,
    /// How long a draining provider may take when nobody says otherwise: 30 s by default.
    pub drain_deadline: Duration,
    /// How long a call may take that does not say so itself: 30 s by default.
    pub call_timeout: Duration,
    /// The largest message in either direction, in bytes: 4 MiB by default, as in gRPC.
    pub max_message_bytes: usize,
    /// How many modules one request may declare: 1,000 by default.
    pub max_modules: usize,
    /// How many connections there may be: 10,000 by default.
    pub max_connections: usize,
    /// How much all that is registered may be, in bytes on the wire: 64 MiB by default. What members of a group have in
    /// common counts once.
    pub max_registered_bytes: usize,
    /// How deep and populous schemas may be: 32 levels and 4,096 types by default.
    pub schema_limits: Limits,
    /// How executors are dialled, and connections to them kept: without pings by default. A provider that is merely slow
    /// has as long as [`Config::heartbeat_timeout`] all the same: HTTP/2 pings no earlier than that.
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
    /// How executors are dialled: heartbeats say whether a provider lives, and no ping says so sooner.
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

    /// The defaults, and what the environment says otherwise; `get` looks a variable up, as `std::env::var` does.
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
    /// Whoever starts the process has set a variable to something else: see [`ConfigError`].
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        env::read(&get)
    }
}

//! A manager whose wall clock runs: that of the platform in memory stands still.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use squall_engine::LocalEngine;
use squall_memory::{Memory, Network};
use squall_platform::{Authority, OwnedTask, Platform, TaskHandle};
use squall_proto::provider::RegisterRequest;
use squall_provider::{Config, Manager, ProviderInfo};
use tokio::time::{Instant, sleep};

use crate::support::*;

/// A manager whose wall clock runs, and one provider of it, which has registered after a second.
pub(crate) struct Timed {
    manager: Manager<Clocked>,
    control: Control,
    pub(crate) connection: String,
    _server: OwnedTask,
}

impl Timed {
    pub(crate) async fn start() -> Self {
        let network = Network::default();
        let host = Clocked {
            memory: network.host(),
            started: Instant::now(),
        };
        let manager = Manager::new(host.clone(), Config::default(), Arc::new(LocalEngine::new()));
        let server = manager.bind().await.unwrap();
        let address = server.local_addr().to_string().parse().unwrap();
        let server = host.spawn(server.run()).into();
        let mut rpc = connect(&network.host(), &address).await;
        sleep(secs(1)).await;
        let request = RegisterRequest {
            namespace: "ml".to_owned(),
            modules: vec![declaration("Analyze")],
            protocol_version: 1,
            executor_url: "localhost:9091".to_owned(),
            group_id: String::new(),
        };
        let response = rpc.register(request).await.unwrap().into_inner();
        Timed {
            manager,
            control: Control::open(&mut rpc).await,
            connection: response.connection_id,
            _server: server,
        }
    }

    pub(crate) async fn beat(&mut self) {
        self.control.send(heartbeat(&self.connection, 0)).await;
        self.control.next().await.expect("an acknowledgement");
    }

    pub(crate) fn info(&self) -> ProviderInfo {
        self.manager.providers().remove(0)
    }
}

/// So long after the manager has started, by its wall clock.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The platform in memory, with a wall clock that runs.
#[derive(Clone)]
struct Clocked {
    memory: Memory,
    started: Instant,
}

impl Platform for Clocked {
    type Stream = <Memory as Platform>::Stream;
    type Listener = <Memory as Platform>::Listener;

    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>> + Send {
        self.memory.bind(port)
    }

    fn connect(&self, to: &Authority) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        self.memory.connect(to)
    }

    fn resolve(&self, name: &Authority) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.memory.resolve(name)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.memory.spawn(task)
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.started.elapsed()
    }

    fn random_u64(&self) -> u64 {
        self.memory.random_u64()
    }
}

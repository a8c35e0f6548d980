//! Acknowledgements that are not sent, because a test says so.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use squall_engine::LocalEngine;
use squall_memory::{Memory, MemoryListener, Network, Pipe};
use squall_platform::{Authority, FaultPoint, Platform, TaskHandle};
use squall_provider::{Config, Manager, State};

use crate::support::*;

/// A process that may be told to acknowledge nothing.
#[derive(Clone)]
struct Silent {
    memory: Memory,
    silent: Arc<AtomicBool>,
}

impl Platform for Silent {
    type Stream = Pipe;
    type Listener = MemoryListener;

    async fn bind(&self, port: u16) -> io::Result<MemoryListener> {
        self.memory.bind(port).await
    }

    async fn connect(&self, to: &Authority) -> io::Result<Pipe> {
        self.memory.connect(to).await
    }

    async fn resolve(&self, name: &Authority) -> io::Result<Vec<SocketAddr>> {
        self.memory.resolve(name).await
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.memory.spawn(task)
    }

    fn wall_clock(&self) -> SystemTime {
        self.memory.wall_clock()
    }

    fn random_u64(&self) -> u64 {
        self.memory.random_u64()
    }

    fn fault(&self, point: FaultPoint<'_>) -> bool {
        matches!(point, FaultPoint::HeartbeatAck { .. }) && self.silent.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn without_acknowledgements_heartbeats_count_all_the_same() {
    let network = Network::default();
    let platform = Silent {
        memory: network.host(),
        silent: Arc::default(),
    };
    let silent = platform.silent.clone();
    let manager = Manager::new(platform.clone(), Config::default(), Arc::new(LocalEngine::new()));
    let server = manager.bind().await.unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    platform.spawn(server.run());

    let mut provider = Provider::at(&network, &address, Executor::echo()).await;
    provider.register("ml", "", &["A"]).await;
    provider.open().await;
    silent.store(true, Ordering::SeqCst);
    for timestamp in 1..5 {
        let message = provider.heartbeat(timestamp);
        provider.control().send(message).await;
        tokio::time::sleep(secs(10)).await;
    }
    assert_eq!(manager.providers()[0].state, State::Active);
    silent.store(false, Ordering::SeqCst);
    let message = provider.heartbeat(9);
    provider.control().send(message).await;
    let heard = loop {
        match provider.control().next().await.unwrap().payload {
            Some(squall_proto::provider::control_message::Payload::HeartbeatAck(ack)) => break ack,
            _ => continue,
        }
    };
    assert_eq!(heard.timestamp, 9, "those before were not acknowledged");
}

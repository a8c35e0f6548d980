//! One host per node, with the node's real system, transport and gRPC server.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::Value;
use squall_cluster::{ActorRef, CallOptions, Decision, Delivered, Error, Supervisor, System};
use squall_core::hosting::{Newest, Running, Start};
use squall_core::plan::Topology;
use squall_platform::Platform;
use squall_sim::{HostId, SimPlatform};
use squall_transport::{Authority, ClientConfig, Node, Server, Transport};

use crate::Behaviours;
use crate::plan::{ClusterNode, Restarts};

/// The port of every node.
const PORT: u16 = 7000;

/// The nodes of a run. Clones share them.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<Shared>);

struct Shared {
    newest: Newest<System<Value>>,
    hosts: Vec<HostId>,
}

#[async_trait]
impl Running for Nodes {
    async fn settled(&self) {
        self.0.newest.all_up(self.0.hosts.len()).await;
    }
}

impl Nodes {
    /// Delivers an event from the node in this process; waits until that is set up.
    pub(crate) async fn deliver(
        &self,
        process: &SimPlatform,
        to: &ActorRef,
        event: Value,
        options: &CallOptions,
    ) -> Result<Delivered, Error> {
        let system = self.0.newest.of(process).await;
        system.deliver_with(to, event, options).await
    }
}

/// Creates the hosts of a plan's nodes, and starts them.
pub(super) fn build(start: &Start<'_>, behaviours: &Behaviours) -> Nodes {
    let topology = &start.plan.topology;
    let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
        let nodes = topology.all::<ClusterNode>().values();
        Shared {
            newest: Newest::default(),
            hosts: nodes
                .map(|node| add_host(start, node, behaviours, shared.clone()))
                .collect(),
        }
    });
    for host in &shared.hosts {
        start.sim.start(*host);
    }
    Nodes(shared)
}

fn add_host(start: &Start<'_>, node: &ClusterNode, behaviours: &Behaviours, shared: Weak<Shared>) -> HostId {
    let (node, behaviours, topology) = (node.clone(), behaviours.clone(), start.plan.topology.clone());
    let (clock, drains) = (start.sim.clone(), start.drains.clone());
    start.sim.add_host(&node.name.clone(), move |platform| {
        let shared = shared.upgrade();
        let system = system(&platform, &node, &topology, &behaviours);
        let drain = drains.next(&node.name, clock.now());
        let node = node.clone();
        async move {
            let Some(shared) = shared else { return Ok(()) };
            spawn(&system, &node).await?;
            let served = Node::builder(platform.clone()).endpoint(Arc::new(system.clone()));
            let server = Server::bind(platform.clone(), PORT, served.build()).await;
            let server = server.map_err(|error| error.to_string())?;
            let process = (platform.host_id(), platform.incarnation());
            shared.newest.came_up(process, system.clone());
            drop(shared);
            match drain {
                None => server.run().await,
                Some((drain, grace)) => {
                    let told = async move { drain.notified().await };
                    server.run_until(told, grace).await;
                }
            }
            system.shut_down();
            Ok(())
        }
    })
}

/// A node, as it would be deployed.
fn system<P: Platform>(
    platform: &P,
    node: &ClusterNode,
    topology: &Topology,
    behaviours: &Behaviours,
) -> System<Value> {
    let config = ClientConfig {
        timeout: node.call_timeout,
        ..ClientConfig::default()
    };
    let transport = Transport::with_config(platform.clone(), config);
    for other in topology.all::<ClusterNode>().keys() {
        transport.add_node(other, authority(other));
    }
    let system = System::builder(platform.clone(), &*node.name)
        .palette(behaviours.palette(platform))
        .transport(Arc::new(transport))
        .build();
    if let Some(restart) = &node.restart {
        supervisor(platform, restart, behaviours).attach(&system);
    }
    system
}

fn supervisor<P: Platform>(platform: &P, restart: &Restarts, behaviours: &Behaviours) -> Supervisor {
    let mut builder = Supervisor::builder(platform.clone()).default_decision(Decision::Escalate);
    for src in behaviours.registry().names() {
        builder = builder.restart(src, restart.at_most);
    }
    if let Some(within) = restart.within {
        builder = builder.window(within);
    }
    builder.build()
}

/// Spawns the actors of the topology.
async fn spawn(system: &System<Value>, node: &ClusterNode) -> Result<(), String> {
    for actor in node.actors.values() {
        let input = actor.settings.as_object().cloned();
        let spawned = system.spawn_local(&actor.src, &actor.id, input).await;
        spawned.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The address of a node's host: its name and [`PORT`].
fn authority(host: &str) -> Authority {
    let authority = format!("{host}:{PORT}").parse();
    authority.expect("host names are checked when a topology is loaded")
}

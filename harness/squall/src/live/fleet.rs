//! Managers and providers of a topology on real sockets, in this process: each manager with its HTTP API, and each
//! replica of a provider.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use indexmap::IndexMap;
use squall_platform::{Authority, TokioPlatform};
use squall_provider::Server;
use squall_provider_http as http;
use squall_provider_sdk::Provider;
use squall_system_provider::assembly;
use tokio::sync::{Notify, watch};

use super::reachable;
use crate::plan::{self, Topology};

/// Why managers and providers cannot start.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` cannot be started: {cause}")]
pub struct FleetError {
    /// The manager, or the provider's host.
    name: String,
    /// The cause.
    cause: String,
}

/// The managers and providers of a topology. The default has none.
#[derive(Default)]
pub struct Fleet {
    managers: Vec<Manager>,
    providers: Vec<(String, Provider<TokioPlatform>)>,
}

struct Manager {
    name: String,
    grpc: Server<TokioPlatform>,
    http: http::Server<TokioPlatform>,
}

/// The gRPC and HTTP ports of the manager with this index: after those of the modules.
fn ports(topology: &Topology, base: u16, index: usize) -> Result<[u16; 2], String> {
    let first = plan::Module::on_hosts(topology).count() + 2 * index;
    let port = |offset: usize| {
        let port = u16::try_from(offset)
            .ok()
            .and_then(|offset| base.checked_add(offset));
        port.ok_or_else(|| format!("there is no port {base} + {offset}: choose a lower base"))
    };
    Ok([port(first)?, port(first + 1)?])
}

impl Fleet {
    /// Binds them at an address of this machine. With a port base, the managers take the ports after those of the
    /// modules: one for gRPC and the next for HTTP, each. Otherwise, and for providers, free ports are used. They serve
    /// and register once [`Fleet::run_until`] runs.
    ///
    /// # Errors
    /// If a port is unavailable, or a name cannot be registered.
    pub async fn start(
        topology: &Topology,
        bind: IpAddr,
        port_base: Option<u16>,
    ) -> Result<Self, FleetError> {
        let platform = TokioPlatform::at(bind);
        let mut managers = Vec::new();
        for (index, plan) in topology.all::<plan::Manager>().values().enumerate() {
            let failed = |cause: String| FleetError {
                name: plan.name.clone(),
                cause,
            };
            let [port, http_port] = match port_base {
                None => [0, 0],
                Some(base) => ports(topology, base, index).map_err(failed)?,
            };
            let manager = assembly::manager(platform, plan, port).map_err(failed)?;
            let grpc = manager.bind().await.map_err(|error| failed(error.to_string()))?;
            let http = http::Server::bind(platform, http_port, Arc::new(manager)).await;
            managers.push(Manager {
                name: plan.name.clone(),
                grpc,
                http: http.map_err(|error| failed(error.to_string()))?,
            });
        }
        let places: IndexMap<&str, Authority> = managers
            .iter()
            .map(|manager| (manager.name.as_str(), reachable(manager.grpc.local_addr())))
            .collect();
        let mut providers = Vec::new();
        for plan in topology.all::<plan::Provider>().values() {
            for host in &plan.hosts {
                let executor = assembly::Executor {
                    host: reachable(SocketAddr::new(bind, 0)).host().to_owned(),
                    port: 0,
                };
                let provider =
                    assembly::provider(platform, executor, plan, |name| places[name].clone(), None);
                let provider = provider.map_err(|cause| FleetError {
                    name: host.clone(),
                    cause,
                })?;
                providers.push((host.clone(), provider));
            }
        }
        Ok(Fleet { managers, providers })
    }

    /// Every manager: its name, and its gRPC and HTTP addresses.
    pub fn managers(&self) -> impl Iterator<Item = (&str, SocketAddr, SocketAddr)> {
        let place = |it: &Manager| (it.grpc.local_addr(), it.http.local_addr());
        self.managers.iter().map(move |it| {
            let (grpc, http) = place(it);
            (it.name.as_str(), grpc, http)
        })
    }

    /// Every host of a provider.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(|(host, _)| host.as_str())
    }

    /// Runs until `shutdown` is true, or its sender is dropped. Then providers leave gracefully, and managers shut
    /// down, each with `grace` for in-flight calls. Returns a description of each end.
    pub async fn run_until(self, shutdown: watch::Receiver<bool>, grace: Duration) -> Vec<String> {
        let (have_left, left) = watch::channel(false);
        let providers = join_all(self.providers.into_iter().map(|(host, provider)| {
            let shutdown = told(shutdown.clone());
            async move {
                match provider.run(shutdown).await {
                    Ok(()) => format!("{host}: left"),
                    Err(error) => format!("{host}: {error}"),
                }
            }
        }));
        let managers: Vec<_> = self
            .managers
            .into_iter()
            .map(|manager| manager.run_until(left.clone(), grace))
            .collect();
        let providers = async {
            let ended = providers.await;
            // Without providers there was no other wait so far.
            told(shutdown).await;
            have_left.send_replace(true);
            ended
        };
        let (managers, mut ended) = tokio::join!(join_all(managers), providers);
        ended.extend(managers);
        ended
    }
}

impl Manager {
    /// The API serves until the last call has ended, so that health checks see the shutdown.
    async fn run_until(self, providers_left: watch::Receiver<bool>, grace: Duration) -> String {
        let drained = Notify::new();
        let stopping = self.http.stopping();
        let api = self.http.run_until(drained.notified(), grace);
        let grpc = async {
            let shutdown = async {
                told(providers_left).await;
                stopping();
            };
            let left = self.grpc.run_until(shutdown, grace).await;
            drained.notify_one();
            left
        };
        let (left, _) = tokio::join!(grpc, api);
        let (cancelled, aborted) = (left.cancelled, left.aborted);
        format!(
            "{}: {cancelled} calls cancelled, {aborted} connections cut",
            self.name
        )
    }
}

/// Waits until it is true, or its sender is dropped.
async fn told(mut shutdown: watch::Receiver<bool>) {
    drop(shutdown.wait_for(|told| *told).await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{ComponentNames, topology_from_str};

    #[test]
    fn managers_are_behind_the_modules_with_two_ports_each() {
        let text = "name = \"fleet\"\n[module.a]\n[module.b]\nreplicas = 2\n[manager.engine]\n";
        let topology = topology_from_str("fleet", text, &ComponentNames::built_in()).unwrap();
        let modules = u16::try_from(plan::Module::on_hosts(&topology).count()).unwrap();
        let first = 7000 + modules;
        assert_eq!(ports(&topology, 7000, 0), Ok([first, first + 1]));
        assert_eq!(ports(&topology, 7000, 1), Ok([first + 2, first + 3]));
        let none = ports(&topology, u16::MAX, 0).unwrap_err();
        assert!(none.contains("choose a lower base"), "{none}");
    }
}

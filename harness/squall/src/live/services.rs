//! User-defined services on real sockets, in this process.
//!
//! Each host has its own address in 127.0.0.0/8, all of which is loopback on Linux. So each has all ports, as in the
//! simulator, and is found by its name.

use std::net::{IpAddr, Ipv4Addr};

use squall_site::{Names, Site};
use squall_system_service::{NOTHING, ServiceCode, Serving};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::plan::{Service, Topology};

/// Why services cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// They only run on this machine.
    #[error("services run at addresses of their own in 127.0.0.0/8: leave --bind at a loopback address")]
    NotLoopback,
    /// There are more services than addresses.
    #[error("there are more hosts of services than addresses in 127.1.0.0/16")]
    TooMany,
    /// The settings are invalid.
    #[error("`{host}` cannot be started: {cause}")]
    Settings {
        /// The service's host.
        host: String,
        /// The cause.
        cause: String,
    },
}

/// The services of a topology. The default has none.
#[derive(Default)]
pub struct Services {
    hosts: Vec<Host>,
}

struct Host {
    name: String,
    address: IpAddr,
    serving: Serving,
}

impl Services {
    /// Creates them. They serve once [`Services::run_until`] runs.
    ///
    /// # Errors
    /// If settings are invalid, or `bind` is no loopback address.
    pub(crate) fn start(
        topology: &Topology,
        code: &ServiceCode,
        bind: IpAddr,
    ) -> Result<Self, ServicesError> {
        let names = Names::new();
        let services = topology
            .all::<Service>()
            .values()
            .filter(|service| service.runs != NOTHING);
        let hosts = services.flat_map(|service| service.hosts.iter().map(move |host| (host, service)));
        let hosts: Vec<_> = hosts.collect();
        if !hosts.is_empty() && !bind.is_loopback() {
            return Err(ServicesError::NotLoopback);
        }
        let addresses: Vec<IpAddr> = (1..=hosts.len())
            .map(address)
            .collect::<Option<_>>()
            .ok_or(ServicesError::TooMany)?;
        for ((host, _), address) in hosts.iter().zip(&addresses) {
            names.set_host(host, *address);
        }
        let made = hosts
            .into_iter()
            .zip(addresses)
            .map(|((host, service), address)| {
                let serve = code.make(&service.runs, &service.settings);
                let serve = serve.map_err(|error| ServicesError::Settings {
                    host: host.clone(),
                    cause: error.to_string(),
                })?;
                Ok(Host {
                    name: host.clone(),
                    address,
                    serving: serve(Site::real(host, names.clone())),
                })
            });
        Ok(Services {
            hosts: made.collect::<Result<_, _>>()?,
        })
    }

    /// Every host with its address.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, IpAddr)> {
        self.hosts.iter().map(|host| (host.name.as_str(), host.address))
    }

    /// Runs until `shutdown` is true, or its sender is dropped; then all end at once. Returns a description of each
    /// end. A service that ends by itself is also logged.
    pub async fn run_until(self, mut shutdown: watch::Receiver<bool>) -> Vec<String> {
        let mut running = JoinSet::new();
        let names: Vec<String> = self.hosts.iter().map(|host| host.name.clone()).collect();
        for Host { name, serving, .. } in self.hosts {
            running.spawn(async move {
                let ended = serving.await;
                (name, ended)
            });
        }
        let mut ended = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|told| *told) => break,
                Some(one) = running.join_next() => {
                    let said = match one {
                        Ok((name, Ok(()))) => (name, "ended by itself".to_owned()),
                        Ok((name, Err(error))) => (name, error),
                        Err(panic) => ("a service".to_owned(), panic.to_string()),
                    };
                    tracing::error!(target: "squall::live", service = said.0.as_str(), "a service is down: {}", said.1);
                    ended.push(said);
                }
            }
        }
        running.abort_all();
        let of = |name: &String| {
            let own = ended.iter().find(|(other, _)| other == name);
            let how = own.map_or("ended", |(_, how)| how.as_str());
            format!("{name}: {how}")
        };
        names.iter().map(of).collect()
    }
}

/// The address of the host with this index.
fn address(number: usize) -> Option<IpAddr> {
    let [high, low] = u16::try_from(number).ok()?.to_be_bytes();
    Some(Ipv4Addr::new(127, 1, high, low).into())
}

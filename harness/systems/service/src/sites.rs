//! The services of a run: one host each, where user code runs; and the calls of clients there.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use squall_core::hosting::{Newest, Running, Start};
use squall_sim::{HostId, HostOptions, Sim, SimPlatform};
use squall_site::Site;

use crate::plan::Service;
use crate::{Asked, CallError, Kept, ServiceCode};

/// The services of a run. Clones share them.
#[derive(Clone)]
pub(crate) struct Sites(Arc<Shared>);

struct Shared {
    code: ServiceCode,
    hosts: Vec<HostId>,
    /// Hosts whose code has started and is pending.
    up: Newest<()>,
    /// State shared by the calls of clients in the newest process of each host.
    kept: Mutex<BTreeMap<HostId, KeptOfProcess>>,
}

/// The shared state of each client in a process.
#[derive(Default)]
struct KeptOfProcess {
    incarnation: u32,
    by_client: BTreeMap<Arc<str>, Kept>,
}

/// Creates the hosts of a plan's services, and starts them.
pub(super) fn build(start: &Start<'_>, code: &ServiceCode) -> Sites {
    let (sim, plan) = (start.sim, start.plan);
    let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
        let services = plan.topology.all::<Service>().values();
        let hosts = services.flat_map(|service| service.hosts.iter().map(move |host| (host, service)));
        Shared {
            hosts: hosts
                .map(|(host, service)| add_host(sim, host, service, code, shared.clone()))
                .collect(),
            code: code.clone(),
            up: Newest::default(),
            kept: Mutex::default(),
        }
    });
    for host in &shared.hosts {
        sim.start(*host);
    }
    Sites(shared)
}

fn add_host(sim: &Sim, host: &str, service: &Service, code: &ServiceCode, shared: Weak<Shared>) -> HostId {
    let (code, service) = (code.clone(), service.clone());
    // Tasks that the service starts with `tokio::spawn` belong to its host: tonic spawns its connections.
    sim.add_host_with(host, HostOptions::new().adopting(), move |platform| {
        let process = (platform.host_id(), platform.incarnation());
        let shared = shared.upgrade();
        let serve = code.make(&service.runs, &service.settings);
        async move {
            let serve = serve.map_err(|error| error.to_string())?;
            let mut serving = serve(Site::simulated(platform));
            let mut shared = shared;
            poll_fn(|context| {
                let _begun = shared.take().map(|shared| Begun(shared, process));
                serving.as_mut().poll(context)
            })
            .await?;
            // A process ends with its main, including all of its tasks. That is an incident too.
            Err(String::new())
        }
    })
}

/// Marks code as started when dropped, even if it panics at once, so that the run does not wait for it.
struct Begun(Arc<Shared>, (HostId, u32));

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.up.came_up(self.1, ());
    }
}

#[async_trait]
impl Running for Sites {
    /// Waits until the code of every host has started and is pending.
    async fn settled(&self) {
        self.0.up.all_up(self.0.hosts.len()).await;
    }
}

impl Sites {
    /// One call of a client, on the current host.
    pub(super) async fn call(
        &self,
        platform: SimPlatform,
        (name, payload): (Arc<str>, serde_json::Value),
        (number, trace): (u64, u64),
        timeout: Duration,
    ) -> Result<(), CallError> {
        let ask = self.0.code.ask(&name, &payload);
        let ask = ask.map_err(|error| CallError::failed("error", error.to_string()))?;
        let asked = Asked {
            number,
            timeout,
            kept: self.kept(&platform, &name),
        };
        let calling = ask(Site::simulated(platform), asked);
        let call = std::panic::AssertUnwindSafe(squall_site::layer::within(trace, calling));
        match futures_util::FutureExt::catch_unwind(call).await {
            Ok(result) => result,
            Err(panic) => Err(panicked(&*panic)),
        }
    }

    fn kept(&self, platform: &SimPlatform, client: &Arc<str>) -> Kept {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let process = kept.entry(platform.host_id()).or_default();
        // State of a dead process is lost.
        if process.incarnation != platform.incarnation() {
            *process = KeptOfProcess {
                incarnation: platform.incarnation(),
                by_client: BTreeMap::new(),
            };
        }
        process.by_client.entry(Arc::clone(client)).or_default().clone()
    }
}

/// The code of a client panicked: a bug in the test, or a failed assertion.
fn panicked(panic: &(dyn std::any::Any + Send)) -> CallError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    CallError::unknown(
        "panic",
        format!("the client panicked: {}", text.unwrap_or("without a message")),
    )
}

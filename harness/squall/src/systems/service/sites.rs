//! The services of a run: a host for each, on which a user's own code runs; and the calls of clients there.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use squall_sim::{HostId, HostOptions, Sim, SimPlatform};
use squall_site::Site;

use crate::hosting::{Newest, Running, Start};
use crate::plan::Service;
use crate::systems::service::{Asked, CallError, Kept, ServiceCode};

/// The services of a run. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Sites(Arc<Shared>);

struct Shared {
    code: ServiceCode,
    hosts: Vec<HostId>,
    /// Their code has been started, and waits for something.
    up: Newest<()>,
    /// What the calls of clients share in the newest process of each host.
    kept: Mutex<BTreeMap<HostId, KeptOfProcess>>,
}

/// What the calls of each client share in a process.
#[derive(Default)]
struct KeptOfProcess {
    incarnation: u32,
    by_client: BTreeMap<Arc<str>, Kept>,
}

/// Makes the hosts of a plan's services, and starts them.
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
    // What the service starts with `tokio::spawn` is its host's: tonic starts its connections so.
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
            // A process whose main returns is over, with all that it has started: nobody asked for that either.
            Err(String::new())
        }
    })
}

/// Code that has begun once this is dropped: also code that panics at once, for which nobody is to wait any more.
struct Begun(Arc<Shared>, (HostId, u32));

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.up.came_up(self.1, ());
    }
}

#[async_trait]
impl Running for Sites {
    /// Waits until the code of every host has begun, and waits for something.
    async fn settled(&self) {
        self.0.up.all_up(self.0.hosts.len()).await;
    }
}

impl Sites {
    /// One call of a client, on the host where this runs.
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
        // What a process had is gone with it.
        if process.incarnation != platform.incarnation() {
            *process = KeptOfProcess {
                incarnation: platform.incarnation(),
                by_client: BTreeMap::new(),
            };
        }
        process.by_client.entry(Arc::clone(client)).or_default().clone()
    }
}

/// The code of a client panicked: a mistake of the test, or a promise of it that broke.
fn panicked(panic: &(dyn std::any::Any + Send)) -> CallError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    CallError::unknown(
        "panic",
        format!("the client panicked: {}", text.unwrap_or("without a message")),
    )
}

//! The managers and providers of a run: one host each, with the real manager or the real SDK.
//!
//! It outlives the processes, and has a restarted one as soon as it is up.

mod strikes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use squall_core::hosting::{Newest, Running, Start};
use squall_core::plan::Plan;
use squall_engine::pipeline::{Pipeline, RunOptions};
use squall_engine::{Call, CallError, Code, Engine};
use squall_platform::Authority;
use squall_provider::Manager;
use squall_provider_sdk::{Handle, State};
use squall_sim::{HostId, SimPlatform};
use squall_value::CValue;
use tokio::time::{sleep, timeout};

use self::strikes::Muted;
use crate::assembly::{self as assembly, EXECUTOR_PORT, MANAGER_PORT};
use crate::plan;

/// How long the scenario waits for the providers' first registrations.
const PATIENCE: Duration = Duration::from_secs(10);

/// The managers and providers of a run. Clones share them.
#[derive(Clone)]
pub struct Fleet(Arc<Shared>);

struct Shared {
    managers: Newest<Manager<SimPlatform>>,
    providers: Newest<Handle<SimPlatform>>,
    /// The number of hosts with managers, and of providers.
    hosts: (usize, usize),
    muted: Mutex<Muted>,
}

/// Creates the hosts of managers and providers, and starts them.
pub(super) fn build(start: &Start<'_>) -> Fleet {
    let topology = &start.plan.topology;
    let mut hosts = Vec::new();
    let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
        let managers = topology.all::<plan::Manager>().values();
        hosts.extend(managers.map(|manager| add_manager(start, manager, shared.clone())));
        let managers = hosts.len();
        for provider in topology.all::<plan::Provider>().values() {
            let all = provider.hosts.iter();
            hosts.extend(all.map(|host| add_provider(start, host, provider, shared.clone())));
        }
        Shared {
            managers: Newest::default(),
            providers: Newest::default(),
            hosts: (managers, hosts.len() - managers),
            muted: Mutex::default(),
        }
    });
    let (injected, names, recorder) = (Arc::downgrade(&shared), start.sim.clone(), start.recorder.clone());
    if !hosts.is_empty() {
        start.sim.inject(move |host, point| {
            let shared = injected.upgrade();
            shared.is_some_and(|shared| shared.injects(&names, host, point, &recorder))
        });
    }
    for host in hosts {
        start.sim.start(host);
    }
    Fleet(shared)
}

fn add_manager(start: &Start<'_>, manager: &plan::Manager, shared: Weak<Shared>) -> HostId {
    let (clock, drains) = (start.sim.clone(), start.drains.clone());
    let plan = manager.clone();
    start.sim.add_host(&manager.name, move |platform| {
        let (shared, process) = (shared.upgrade(), id(&platform));
        let manager = assembly::manager(platform, &plan, MANAGER_PORT);
        let drain = drains.next(&plan.name, clock.now());
        async move {
            let manager = manager?;
            let server = manager.bind().await.map_err(|error| error.to_string())?;
            if let Some(shared) = shared {
                shared.managers.came_up(process, manager);
            }
            match drain {
                None => server.run().await,
                Some((drain, grace)) => {
                    server
                        .run_until(async move { drain.notified().await }, grace)
                        .await;
                }
            }
            Ok(())
        }
    })
}

fn add_provider(start: &Start<'_>, host: &str, provider: &plan::Provider, shared: Weak<Shared>) -> HostId {
    let (clock, drains, name) = (start.sim.clone(), start.drains.clone(), host.to_owned());
    let (plan, provider) = (start.plan.clone(), provider.clone());
    start.sim.add_host(host, move |platform| {
        let (shared, process) = (shared.upgrade(), id(&platform));
        let canary = canary_of(&plan, &name);
        let executor = assembly::Executor {
            host: name.clone(),
            port: EXECUTOR_PORT,
        };
        let provider = assembly::provider(platform, executor, &provider, manager_at, canary);
        let drain = drains.next(&name, clock.now());
        async move {
            let provider = provider?;
            if let Some(shared) = shared {
                shared.providers.came_up(process, provider.handle());
            }
            let shutdown = async move {
                match drain {
                    None => std::future::pending().await,
                    Some((drain, _)) => drain.notified().await,
                }
            };
            provider.run(shutdown).await.map_err(|error| error.to_string())
        }
    })
}

fn id(process: &SimPlatform) -> (HostId, u32) {
    (process.host_id(), process.incarnation())
}

/// The observation settings for the canaries of a host, which are the same for all of them.
fn canary_of<'p>(plan: &'p Plan, host: &str) -> Option<&'p plan::Canary> {
    let canaries = plan.faults_of::<plan::Canary>();
    let mut canaries = canaries.map(|(_, _, canary)| canary);
    canaries.find(|canary| canary.hosts.iter().any(|other| other == host))
}

/// The address of a manager, by its own name.
fn manager_at(name: &str) -> Authority {
    let authority = format!("{name}:{MANAGER_PORT}").parse();
    authority.expect("host names are checked when a topology is loaded")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Running for Fleet {
    /// Waits until every host is up, and every provider has a response from each of its managers, or until the time
    /// limit: a scenario does not start during the first registrations.
    async fn settled(&self) {
        let (managers, providers) = self.0.hosts;
        self.0.managers.all_up(managers).await;
        self.0.providers.all_up(providers).await;
        let settled = async {
            while !self.is_settled() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        // A provider without a response may get one during the scenario.
        let _ = timeout(PATIENCE, settled).await;
    }
}

impl Fleet {
    fn is_settled(&self) -> bool {
        let has_answer = |handle: &Handle<SimPlatform>| {
            let status = handle.status();
            let answered = status
                .iter()
                .all(|it| it.state == State::Active || it.error.is_some());
            !status.is_empty() && answered
        };
        let providers = self.0.providers.all();
        providers.iter().all(|(_, handle)| has_answer(handle))
    }

    /// Calls a module from a manager's host, where this must run.
    pub(super) async fn call(
        &self,
        platform: &SimPlatform,
        name: Arc<str>,
        input: CValue,
        timeout: Duration,
    ) -> Result<CValue, CallError> {
        let manager = self.0.managers.of(platform).await;
        manager.call(Call::new(name, input).timeout(timeout)).await
    }

    /// Runs a program at a manager's host, where this must run, with the modules registered by then. Its outputs are
    /// a record.
    pub(super) async fn run(
        &self,
        platform: &SimPlatform,
        program: &Pipeline,
        input: CValue,
        timeout: Duration,
    ) -> Result<CValue, CallError> {
        let manager = self.0.managers.of(platform).await;
        let checked = program.check(&manager).map_err(|errors| {
            let first = errors
                .problems()
                .first()
                .map(|problem| problem.mistake.to_string());
            CallError::failed(Code::ModuleNotFound, first.unwrap_or_default())
        })?;
        let inputs = match input {
            CValue::Product { value, .. } => value,
            _ => BTreeMap::new(),
        };
        let options = RunOptions {
            timeout: Some(timeout),
            ..RunOptions::default()
        };
        let outputs = checked.run(&manager, inputs, &options).await;
        let outputs = outputs.map_err(|error| CallError {
            code: error.code(),
            message: error.to_string().into(),
            outcome: error.outcome(),
        })?;
        Ok(CValue::product(outputs))
    }
}

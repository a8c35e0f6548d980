//! The managers and providers of a run: a host for each, with its real manager, or its real SDK.
//!
//! It outlives the processes: whoever starts anew is found here as soon as it is up.

mod strikes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use squall_engine::pipeline::{Pipeline, RunOptions};
use squall_engine::{Call, CallError, Code, Engine};
use squall_platform::Authority;
use squall_provider::Manager;
use squall_provider_sdk::{Handle, State};
use squall_sim::{HostId, Sim, SimPlatform};
use squall_value::CValue;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use self::strikes::Muted;
use super::recorder::Recorder;
use super::stage::Stage;
use crate::assembly::provider::{self as assembly, EXECUTOR_PORT, MANAGER_PORT};
use crate::plan::{self, Plan};

/// How long providers have for their first registration before the scenario begins without them.
const PATIENCE: Duration = Duration::from_secs(10);

/// The managers and providers of a run. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Fleet(Arc<Shared>);

struct Shared {
    plan: Arc<Plan>,
    /// The newest process of each manager's host.
    managers: Mutex<BTreeMap<HostId, Newest<Manager<SimPlatform>>>>,
    /// The newest process of each provider's host.
    providers: Mutex<BTreeMap<HostId, Newest<Handle<SimPlatform>>>>,
    came_up: Notify,
    hosts: Vec<HostId>,
    muted: Mutex<Muted>,
}

struct Newest<T> {
    incarnation: u32,
    what: T,
}

/// Makes the hosts of managers and providers, and starts them.
pub(super) fn build(sim: &Sim, plan: &Arc<Plan>, stage: &Arc<Stage>, recorder: &Recorder) -> Fleet {
    let topology = &plan.topology;
    let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
        let managers = topology.managers.values();
        let managers = managers.map(|manager| add_manager(sim, manager, stage, shared.clone()));
        let providers = topology.providers.values().flat_map(|provider| {
            let hosts = provider.hosts.iter();
            hosts.map(|host| add_provider(sim, plan, host, provider, stage, shared.clone()))
        });
        Shared {
            plan: plan.clone(),
            managers: Mutex::default(),
            providers: Mutex::default(),
            came_up: Notify::new(),
            hosts: managers.chain(providers).collect(),
            muted: Mutex::default(),
        }
    });
    let (injected, names, recorder) = (Arc::downgrade(&shared), sim.clone(), recorder.clone());
    if !shared.hosts.is_empty() {
        sim.inject(move |host, point| {
            let shared = injected.upgrade();
            shared.is_some_and(|shared| shared.injects(&names, host, point, &recorder))
        });
    }
    for host in &shared.hosts {
        sim.start(*host);
    }
    Fleet(shared)
}

fn add_manager(sim: &Sim, manager: &plan::Manager, stage: &Arc<Stage>, shared: Weak<Shared>) -> HostId {
    let (stage, clock, name) = (stage.clone(), sim.clone(), manager.name.clone());
    let plan = manager.clone();
    sim.add_host(&manager.name, move |platform| {
        let (shared, platform_id) = (shared.upgrade(), (platform.host_id(), platform.incarnation()));
        let manager = assembly::manager(platform, &plan, MANAGER_PORT);
        let drain = stage.next_drain(&name, clock.now());
        async move {
            let manager = manager?;
            let server = manager.bind().await.map_err(|error| error.to_string())?;
            if let Some(shared) = shared {
                came_up(&shared, &shared.managers, platform_id, manager);
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

fn add_provider(
    sim: &Sim,
    plan: &Arc<Plan>,
    host: &str,
    provider: &plan::Provider,
    stage: &Arc<Stage>,
    shared: Weak<Shared>,
) -> HostId {
    let (stage, clock, name) = (stage.clone(), sim.clone(), host.to_owned());
    let (plan, provider) = (plan.clone(), provider.clone());
    sim.add_host(host, move |platform| {
        let (shared, platform_id) = (shared.upgrade(), (platform.host_id(), platform.incarnation()));
        let canary = canary_of(&plan, &name);
        let executor = assembly::Executor {
            host: name.clone(),
            port: EXECUTOR_PORT,
        };
        let provider = assembly::provider(platform, executor, &provider, manager_at, canary);
        let drain = stage.next_drain(&name, clock.now());
        async move {
            let provider = provider?;
            if let Some(shared) = shared {
                came_up(&shared, &shared.providers, platform_id, provider.handle());
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

/// How the canaries of a host are to be watched, which are all watched alike.
fn canary_of<'p>(plan: &'p Plan, host: &str) -> Option<&'p plan::Canary> {
    let canaries = plan.faults_of::<plan::Canary>();
    let mut canaries = canaries.map(|(_, _, canary)| canary);
    canaries.find(|canary| canary.hosts.iter().any(|other| other == host))
}

/// A manager at its own name.
fn manager_at(name: &str) -> Authority {
    let authority = format!("{name}:{MANAGER_PORT}").parse();
    authority.expect("host names are checked when a topology is loaded")
}

fn came_up<T>(
    shared: &Shared,
    newest: &Mutex<BTreeMap<HostId, Newest<T>>>,
    (host, incarnation): (HostId, u32),
    what: T,
) {
    lock(newest).insert(host, Newest { incarnation, what });
    shared.came_up.notify_one();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Waits until every host is up, and every provider has had an answer from each of its managers, or has waited long
    /// enough: a scenario does not begin in the middle of the first registrations.
    pub(super) async fn all_up(&self) {
        let shared = &*self.0;
        while lock(&shared.managers).len() + lock(&shared.providers).len() < shared.hosts.len() {
            shared.came_up.notified().await;
        }
        let settled = async {
            while !self.is_settled() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        // One that has no answer by now may get one in the scenario.
        let _ = timeout(PATIENCE, settled).await;
    }

    fn is_settled(&self) -> bool {
        let has_answer = |handle: &Handle<SimPlatform>| {
            let status = handle.status();
            let answered = status
                .iter()
                .all(|it| it.state == State::Active || it.error.is_some());
            !status.is_empty() && answered
        };
        lock(&self.0.providers)
            .values()
            .all(|newest| has_answer(&newest.what))
    }

    /// Calls a module from a manager's host, on which this runs.
    pub(super) async fn call(
        &self,
        platform: &SimPlatform,
        name: Arc<str>,
        input: CValue,
        timeout: Duration,
    ) -> Result<CValue, CallError> {
        let manager = self.manager(platform).await;
        manager.call(Call::new(name, input).timeout(timeout)).await
    }

    /// Runs a program at a manager's host, on which this runs, with the modules that are there by then. Its outputs are
    /// a record.
    pub(super) async fn run(
        &self,
        platform: &SimPlatform,
        program: &Pipeline,
        input: CValue,
        timeout: Duration,
    ) -> Result<CValue, CallError> {
        let manager = self.manager(platform).await;
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

    async fn manager(&self, platform: &SimPlatform) -> Manager<SimPlatform> {
        loop {
            match self.newest_manager(platform) {
                Some(manager) => return manager,
                // The process has just started, and has not set its manager up yet.
                None => tokio::task::yield_now().await,
            }
        }
    }

    fn newest_manager(&self, platform: &SimPlatform) -> Option<Manager<SimPlatform>> {
        let managers = lock(&self.0.managers);
        let newest = managers.get(&platform.host_id());
        let newest = newest.filter(|newest| newest.incarnation == platform.incarnation());
        newest.map(|newest| newest.what.clone())
    }

    /// How long a call from a manager may take that does not say so itself.
    pub(super) fn call_timeout(&self, manager: &str) -> Option<Duration> {
        let manager = self.0.plan.topology.managers.get(manager);
        manager.map(|manager| manager.call_timeout)
    }
}

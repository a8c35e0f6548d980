//! Operations of faults on managers and providers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use squall_core::journal::Event;
use squall_core::network::host_of;
use squall_core::run::{Recorder, Scene};
use squall_platform::{Authority, FaultPoint};
use squall_provider_sdk::CanaryOutcome;
use squall_sim::{HostId, Sim};

use super::{Fleet, Shared, lock};
use crate::assembly;
use crate::journal::ProviderEvent;
use crate::plan;

/// How many faults currently suppress the heartbeats of each host, and how many the acknowledgements.
#[derive(Default)]
pub(super) struct Muted {
    heartbeats: BTreeMap<String, u32>,
    acks: BTreeMap<String, u32>,
}

impl Fleet {
    /// Starts or stops suppressing heartbeats of these hosts, or their acknowledgements.
    pub(crate) fn mute(&self, hosts: &[String], acks: bool, muted: bool) {
        let mut all = lock(&self.0.muted);
        let counts = if acks { &mut all.acks } else { &mut all.heartbeats };
        for host in hosts {
            let count = counts.entry(host.clone()).or_default();
            *count = if muted {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        }
    }

    /// Every manager of these provider hosts asks them to leave.
    pub(crate) fn drain(&self, sim: &Sim, hosts: &[String], reason: &str, deadline: Option<Duration>) {
        let managers = self.0.managers.all().into_iter();
        for (id, manager) in managers.filter(|(host, _)| sim.is_up(*host)) {
            let (hosts, reason) = (hosts.to_vec(), reason.to_owned());
            let director = sim.clone();
            sim.spawn(async move {
                let drained = director.run_on(id, move |_| async move {
                    for provider in manager.providers() {
                        if hosts.iter().any(|host| host == host_of(&provider.executor)) {
                            manager.drain(&provider.connection, &reason, deadline);
                        }
                    }
                });
                // A manager that dies meanwhile drains no provider.
                let _ = drained.await;
            });
        }
    }

    /// Each host of a canary tries the new modules independently. The end is recorded.
    pub fn try_out(&self, scene: &Scene, canary: &plan::Canary) {
        let (sim, recorder) = (scene.sim(), scene.recorder());
        for host in &canary.hosts {
            let Some(id) = sim.host(host).filter(|id| sim.is_up(*id)) else {
                continue;
            };
            let Some(handle) = self.0.providers.on(id) else {
                continue;
            };
            let (canary, director, recorder, host) =
                (canary.clone(), sim.clone(), recorder.clone(), host.clone());
            sim.spawn(async move {
                let outcome = director.run_on(id, move |platform| async move {
                    handle.canary(assembly::canary_modules(&platform, &canary)).await
                });
                // The canary of a provider that dies has no end.
                if let Ok(CanaryOutcome::PartialFailure {
                    promoted,
                    failed,
                    unchanged,
                    ..
                }) = outcome.await
                {
                    let names = |managers: &[Authority]| {
                        let names: Vec<&str> = managers.iter().map(Authority::as_str).collect();
                        names.join(",").into()
                    };
                    let event = ProviderEvent::CanaryDivided {
                        promoted: names(&promoted),
                        failed: names(&failed),
                        unchanged: names(&unchanged),
                    };
                    recorder.record_on(&host, Event::of(event));
                }
            });
        }
    }
}

impl Shared {
    pub(super) fn injects(
        &self,
        sim: &Sim,
        host: HostId,
        point: FaultPoint<'_>,
        recorder: &Recorder,
    ) -> bool {
        let is_muted =
            |muted: &BTreeMap<String, u32>, host: &str| muted.get(host).is_some_and(|count| *count > 0);
        match point {
            FaultPoint::Heartbeat => {
                let muted = &lock(&self.muted).heartbeats;
                muted
                    .keys()
                    .any(|name| sim.host(name) == Some(host) && is_muted(muted, name))
            }
            FaultPoint::HeartbeatAck { connection } => {
                if lock(&self.muted).acks.values().all(|count| *count == 0) {
                    return false;
                }
                let Some(executor) = self.executor_of(host, connection) else {
                    return false;
                };
                let muted = is_muted(&lock(&self.muted).acks, host_of(&executor));
                if muted {
                    let connection = connection.into();
                    recorder.record(Event::of(ProviderEvent::AckSuppressed { connection }));
                }
                muted
            }
            _ => false,
        }
    }

    /// The executor's address of a connection to the manager on this host.
    fn executor_of(&self, manager: HostId, connection: &str) -> Option<Arc<str>> {
        let manager = self.managers.on(manager)?;
        let mut providers = manager.providers().into_iter();
        let provider = providers.find(|provider| *provider.connection == *connection)?;
        Some(provider.executor)
    }
}

//! Graceful shutdown of servers by faults.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::Notify;

use crate::faults::Drain;
use crate::plan::Plan;

/// How faults tell servers to shut down.
pub struct Drains(IndexMap<String, OfHost>);

#[derive(Default)]
struct OfHost {
    told: Arc<Notify>,
    /// When, and with which grace period each time. In plan order.
    graces: Vec<(Duration, Duration)>,
}

impl Drains {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut drains: IndexMap<String, OfHost> = IndexMap::new();
        for (_, fault, drain) in plan.faults_of::<Drain>() {
            for host in &drain.hosts {
                let of_host = drains.entry(host.clone()).or_default();
                of_host.graces.push((fault.at, drain.grace));
            }
        }
        Drains(drains)
    }

    /// The shutdown signal and grace period for a server of `host` that starts now, if a fault drains it.
    pub fn next(&self, host: &str, now: Duration) -> Option<(Arc<Notify>, Duration)> {
        let drain = self.0.get(host)?;
        let ahead = drain.graces.iter().filter(|(at, _)| *at >= now);
        let (_, grace) = ahead.min_by_key(|(at, _)| *at)?;
        Some((drain.told.clone(), *grace))
    }

    /// Shuts down the servers of these hosts.
    pub(super) fn tell(&self, hosts: &[String]) {
        let drains = hosts.iter().filter_map(|host| self.0.get(host));
        drains.for_each(|drain| drain.told.notify_waiters());
    }
}

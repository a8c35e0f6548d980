//! The counters of one module, for Prometheus. Spec: router S-34, S-35, S-40, H-10 to H-12, 4.3.
//!
//! Recording takes no lock that another call holds for long, and allocates nothing once a target has been called.
//! Gauges (connections, calls in flight) are not counted but read on demand (`text`). Times are those of tokio's
//! clock, so that a simulated run counts the same each time.

mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use squall_grpc::Ledger;
use tokio::time::Instant;

use crate::{Error, Payload};
pub(crate) use text::of;
pub use text::{CONTENT_TYPE, text, text_of_replicas};

/// The values of the label `status`. Spec: router H-10.
const STATUSES: [&str; 8] = [
    "ok",
    "remote_error",
    "unavailable",
    "timeout",
    "cancelled",
    "not_discovered",
    "serialization",
    "error",
];
const OK: usize = 0;
const CANCELLED: usize = 4;
const ERROR: usize = 7;

/// The phases of a server, as in the event `server.drain`.
const PHASES: [&str; 7] = [
    "serving",
    "not_serving",
    "goaway",
    "waiting",
    "cancelling",
    "aborting",
    "stopped",
];
const NO_SERVER: u8 = u8::MAX;

/// The counters of one module.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Upper bounds of the buckets of all histograms, in seconds.
    buckets: Vec<f64>,
    /// By target module. The empty name stands for nodes without an owner.
    targets: RwLock<BTreeMap<Arc<str>, Arc<Target>>>,
    local: Histogram,
    /// In-flight requests of other modules.
    requests: AtomicUsize,
    retries: AtomicU64,
    handled_errors: AtomicU64,
    duplicates: AtomicU64,
    phase: AtomicU8,
    /// The bytes that the server holds, and its refusals.
    ledger: Arc<Ledger>,
}

/// The counters of the calls to one module.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whether there was an attempt: of a thousand known modules, few are called.
    called: AtomicBool,
    calls: [AtomicU64; STATUSES.len()],
    latency: Histogram,
    connect_failures: AtomicU64,
}

impl Metrics {
    pub(crate) fn new(module: &Arc<str>, buckets: &[Duration]) -> Self {
        let mut buckets: Vec<_> = buckets.iter().map(Duration::as_secs_f64).collect();
        buckets.sort_by(f64::total_cmp);
        buckets.dedup();
        Metrics {
            targets: RwLock::default(),
            local: histogram(&buckets),
            buckets,
            requests: AtomicUsize::new(0),
            retries: AtomicU64::new(0),
            handled_errors: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            phase: AtomicU8::new(NO_SERVER),
            ledger: Arc::new(Ledger::new(Arc::clone(module))),
        }
    }

    pub(crate) fn target(&self, module: &str) -> Arc<Target> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get(module) {
            return Arc::clone(target);
        }
        drop(targets);
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Arc::new(Target {
                called: AtomicBool::new(false),
                calls: Default::default(),
                latency: histogram(&self.buckets),
                connect_failures: AtomicU64::new(0),
            })
        };
        Arc::clone(targets.entry(module.into()).or_insert_with(new))
    }

    /// The targets that have been called.
    fn called(&self) -> BTreeMap<Arc<str>, Arc<Target>> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let called = targets
            .iter()
            .filter(|(_, target)| target.called.load(Ordering::Relaxed));
        called
            .map(|(name, target)| (Arc::clone(name), Arc::clone(target)))
            .collect()
    }

    /// An attempt to call `module` begins.
    pub(crate) fn attempt(&self, module: &str, start: Instant) -> Attempt {
        let target = self.target(module);
        target.called.store(true, Ordering::Relaxed);
        Attempt {
            target,
            start,
            at_transport: false,
            status: CANCELLED,
        }
    }

    /// A message of this module is handled by this module, until the returned value is dropped.
    pub(crate) fn local(&self) -> Local<'_> {
        Local {
            latency: &self.local,
            start: Instant::now(),
        }
    }

    /// A request of another module is in flight, until the returned value is dropped.
    pub(crate) fn request(&self) -> Request<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Request(&self.requests)
    }

    /// The bytes that the server holds, and its refusals.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// A message is retried.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A component emitted an error.
    pub(crate) fn error_handled(&self) {
        self.handled_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// A message with an idempotency key was answered from memory.
    pub(crate) fn duplicate_answered(&self) {
        self.duplicates.fetch_add(1, Ordering::Relaxed);
    }

    /// The server enters this phase.
    pub(crate) fn server_enters(&self, phase: &str) {
        let index = PHASES.iter().position(|it| *it == phase);
        debug_assert!(index.is_some(), "{phase} is not in the list of phases");
        if let Some(index) = index {
            self.phase.store(index as u8, Ordering::Relaxed);
        }
    }
}

impl Target {
    /// A dial has failed.
    pub(crate) fn connect_failed(&self) {
        self.connect_failures.fetch_add(1, Ordering::Relaxed);
    }
}

fn histogram(buckets: &[f64]) -> Histogram {
    Histogram::new(buckets.iter().copied())
}

/// One attempt at a cross-module call. It is counted when it is dropped: as cancelled, unless it has ended before.
pub(crate) struct Attempt {
    target: Arc<Target>,
    start: Instant,
    at_transport: bool,
    status: usize,
}

impl Attempt {
    /// The attempt reaches the network: from now on its latency counts. Spec: router H-11, H-12.
    pub(crate) fn reaches_transport(&mut self) {
        self.at_transport = true;
    }

    pub(crate) fn ended(mut self, result: &Result<Option<Payload>, Error>) {
        self.status = match result {
            Ok(_) => OK,
            Err(error) => {
                let class = error.class();
                STATUSES.iter().position(|it| *it == class).unwrap_or(ERROR)
            }
        };
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.target.calls[self.status].fetch_add(1, Ordering::Relaxed);
        if self.at_transport {
            self.target.latency.observe(self.start.elapsed().as_secs_f64());
        }
    }
}

/// One message within the module.
pub(crate) struct Local<'m> {
    latency: &'m Histogram,
    start: Instant,
}

impl Drop for Local<'_> {
    fn drop(&mut self) {
        self.latency.observe(self.start.elapsed().as_secs_f64());
    }
}

/// One request of another module.
pub(crate) struct Request<'m>(&'m AtomicUsize);

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_may_come_in_any_order_and_twice() {
        let ms = Duration::from_millis;
        let metrics = Metrics::new(&"m".into(), &[ms(20), ms(5), ms(20)]);
        assert_eq!(metrics.buckets, [0.005, 0.02]);
    }

    #[test]
    fn every_class_of_an_error_is_a_status() {
        let node = || "n".into();
        let errors = [
            Error::NoModule { node: node() },
            Error::NotDiscovered { module: node() },
            Error::serialization("it is no JSON"),
            Error::Overdue { node: node() },
            Error::Cancelled { reason: node() },
        ];
        for error in errors {
            assert!(STATUSES.contains(&error.class()), "{error}");
        }
        assert_eq!(
            (STATUSES[OK], STATUSES[CANCELLED], STATUSES[ERROR]),
            ("ok", "cancelled", "error")
        );
    }
}

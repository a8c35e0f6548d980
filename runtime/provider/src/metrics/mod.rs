//! The counters of a manager, for Prometheus. Spec: provider section 6, point 21.
//!
//! Gauges (providers, calls in flight) are not counted but read on demand (`text`). Times are those of tokio's clock,
//! so that a simulated run counts the same each time.

mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::metrics::histogram::Histogram;
use squall_engine::Code;
use tokio::time::Instant;

use crate::registration::{Class, Rejection};
pub use text::CONTENT_TYPE;
pub(crate) use text::text;

/// The values of the label `code`: the first means success.
const CODES: [&str; 8] = [
    "OK",
    "TYPE_ERROR",
    "RUNTIME_ERROR",
    "TIMEOUT",
    "MODULE_NOT_FOUND",
    "UNAVAILABLE",
    "CANCELLED",
    "PROTOCOL_ERROR",
];

/// Upper bounds of the buckets of latencies, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];

/// The maximum number of modules with counters of their own: peers choose their names, and counters stay.
const MODULES_MAX: usize = 10_000;
/// The common name of all others. No module can have it.
const OTHERS: &str = "_others";

/// The counters of one manager.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    registrations: AtomicU64,
    /// By [`Class`], in its order.
    rejections: [AtomicU64; Class::ALL.len()],
    heartbeats: AtomicU64,
    unread: AtomicU64,
    failovers: AtomicU64,
    /// The modules that have been called, by qualified name.
    modules: RwLock<BTreeMap<Arc<str>, Arc<Module>>>,
}

/// The counters of the calls of one module.
#[derive(Debug)]
struct Module {
    /// By code, in the order of [`CODES`].
    calls: [AtomicU64; CODES.len()],
    latency: Histogram,
}

impl Metrics {
    /// A request was accepted.
    pub(crate) fn registered(&self) {
        increment(&self.registrations);
    }

    /// A request was rejected; `None` if it had no modules, and a limit was reached.
    pub(crate) fn rejected(&self, reason: Option<&Rejection>) {
        let class = reason.map_or(Class::Limit, Rejection::class);
        increment(&self.rejections[class as usize]);
    }

    /// A heartbeat came.
    pub(crate) fn heartbeat(&self) {
        increment(&self.heartbeats);
    }

    /// A message was dropped, because its provider reads too slowly.
    pub(crate) fn unread(&self) {
        increment(&self.unread);
    }

    /// A call is tried at a second member.
    pub(crate) fn failed_over(&self) {
        increment(&self.failovers);
    }

    /// A call of a module begins.
    pub(crate) fn call(&self, module: &Arc<str>) -> Counted {
        Counted {
            module: self.module(module),
            start: Instant::now(),
            code: Code::Cancelled.as_str(),
        }
    }

    fn module(&self, name: &Arc<str>) -> Arc<Module> {
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        let is_full = || modules.len() > MODULES_MAX;
        let others = || is_full().then(|| modules.get(OTHERS)).flatten();
        if let Some(module) = modules.get(name).or_else(others) {
            return Arc::clone(module);
        }
        drop(modules);
        let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Arc::new(Module {
                calls: Default::default(),
                latency: Histogram::new(BUCKETS),
            })
        };
        let is_full = modules.len() >= MODULES_MAX && !modules.contains_key(name);
        let name = if is_full { OTHERS.into() } else { name.clone() };
        Arc::clone(modules.entry(name).or_insert_with(new))
    }
}

/// One call. It is counted when it is dropped: as cancelled, unless it has ended before.
pub(crate) struct Counted {
    module: Arc<Module>,
    start: Instant,
    code: &'static str,
}

impl Counted {
    /// It ends with an output, or with this error.
    pub(crate) fn ended(mut self, error: Option<Code>) {
        self.code = error.map_or(CODES[0], Code::as_str);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let index = CODES.iter().position(|code| *code == self.code);
        debug_assert!(index.is_some(), "{} is not in the list of codes", self.code);
        if let Some(index) = index {
            increment(&self.module.calls[index]);
        }
        self.module.latency.observe(self.start.elapsed().as_secs_f64());
    }
}

fn increment(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_beyond_a_number_are_counted_together() {
        let metrics = Metrics::default();
        let call = |number: usize| metrics.call(&format!("n.M{number}").into()).ended(None);
        for number in 0..MODULES_MAX + 3 {
            call(number);
        }
        call(0);
        let modules = metrics.modules.read().expect("nobody panicked");
        assert_eq!(modules.len(), MODULES_MAX + 1);
        let ok = |name: &str| modules[name].calls[0].load(Ordering::Relaxed);
        assert_eq!((ok("n.M0"), ok("n.M1"), ok(OTHERS)), (2, 1, 3));
    }
}

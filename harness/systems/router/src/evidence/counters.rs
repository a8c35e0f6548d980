//! The counters of modules, folded from the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_core::journal::Journal;
use squall_core::oracle::{Evidence, Run};

use crate::journal::RouterEvent;

/// The caller and the callee of calls: the caller's host, its module, and the called module.
pub(crate) type Pair<T> = (T, T, T);

/// A number of calls, and their total latency in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) calls: u64,
    pub(crate) took: u64,
}

/// The counters of all processes of a host.
#[derive(Debug, PartialEq, Eq)]
pub struct Counters<T = Arc<str>> {
    /// Also by status. Never zero.
    pub(crate) calls: BTreeMap<(Pair<T>, T), u64>,
    /// Only calls that reached the transport.
    pub(crate) latencies: BTreeMap<Pair<T>, Latency>,
}

impl Evidence for Counters {
    fn of(run: &Run<'_>) -> Self {
        Counters::of(run.journal)
    }
}

impl Counters {
    fn of(journal: &Journal) -> Self {
        let mut counters = Counters::default();
        for entry in &journal.entries {
            let pair =
                |source: &Arc<str>, target: &Arc<str>| (entry.host.clone(), source.clone(), target.clone());
            match entry.event.get() {
                Some(RouterEvent::CallsCounted {
                    source_module,
                    target_module,
                    status,
                    calls,
                    ..
                }) => counters.add_calls(pair(source_module, target_module), status.clone(), *calls),
                Some(RouterEvent::LatencyCounted {
                    source_module,
                    target_module,
                    calls,
                    took,
                    ..
                }) => counters.add_latency(pair(source_module, target_module), *calls, *took),
                _ => {}
            }
        }
        counters
    }

    /// For comparison with counters that borrow their names from a run.
    pub(crate) fn borrowed(&self) -> Counters<&str> {
        fn pair((host, source, target): &Pair<Arc<str>>) -> Pair<&str> {
            (host, source, target)
        }
        let calls = self.calls.iter();
        let latencies = self.latencies.iter();
        Counters {
            calls: calls
                .map(|((of, status), calls)| ((pair(of), &**status), *calls))
                .collect(),
            latencies: latencies.map(|(of, latency)| (pair(of), *latency)).collect(),
        }
    }
}

impl<T: Ord> Counters<T> {
    pub(crate) fn add_calls(&mut self, pair: Pair<T>, status: T, calls: u64) {
        *self.calls.entry((pair, status)).or_default() += calls;
    }

    pub(crate) fn add_latency(&mut self, pair: Pair<T>, calls: u64, took: u64) {
        let latency = self.latencies.entry(pair).or_default();
        latency.calls += calls;
        latency.took += took;
    }
}

impl<T> Default for Counters<T> {
    fn default() -> Self {
        Counters {
            calls: BTreeMap::new(),
            latencies: BTreeMap::new(),
        }
    }
}

//! What the modules say that they have counted, folded from the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::journal::{Journal, RouterEvent};
use crate::oracle::{Evidence, Run};

/// Who called whom: the host, its module, and the module that was called.
pub(crate) type Pair<T> = (T, T, T);

/// How many calls took how long together, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) calls: u64,
    pub(crate) took: u64,
}

/// Of all processes of a host together.
#[derive(Debug, PartialEq, Eq)]
pub struct Counters<T = Arc<str>> {
    /// Also by how the calls ended. Never zero.
    pub(crate) calls: BTreeMap<(Pair<T>, T), u64>,
    /// Of the calls that reached the transport.
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

    /// To be compared with what borrows its names from the calls of a run.
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

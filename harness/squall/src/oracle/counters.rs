//! What the modules say that they have counted, folded from the journal.

use std::collections::BTreeMap;

use crate::journal::{Journal, RouterEvent};

/// Who called whom: the host, its module, and the module that was called.
pub(super) type Pair<'j> = (&'j str, &'j str, &'j str);

/// How many calls took how long together, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) calls: u64,
    pub(super) took: u64,
}

/// Of all processes of a host together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counters<'j> {
    /// Also by how the calls ended. Never zero.
    pub(super) calls: BTreeMap<(Pair<'j>, &'j str), u64>,
    /// Of the calls that reached the transport.
    pub(super) latencies: BTreeMap<Pair<'j>, Latency>,
}

impl<'j> Counters<'j> {
    pub(super) fn of(journal: &'j Journal) -> Self {
        let mut counters = Counters::default();
        for entry in &journal.entries {
            match entry.event.get() {
                Some(RouterEvent::CallsCounted {
                    source_module,
                    target_module,
                    status,
                    calls,
                    ..
                }) => counters.add_calls((&entry.host, source_module, target_module), status, *calls),
                Some(RouterEvent::LatencyCounted {
                    source_module,
                    target_module,
                    calls,
                    took,
                    ..
                }) => counters.add_latency((&entry.host, source_module, target_module), *calls, *took),
                _ => {}
            }
        }
        counters
    }

    pub(super) fn add_calls(&mut self, pair: Pair<'j>, status: &'j str, calls: u64) {
        *self.calls.entry((pair, status)).or_default() += calls;
    }

    pub(super) fn add_latency(&mut self, pair: Pair<'j>, calls: u64, took: u64) {
        let latency = self.latencies.entry(pair).or_default();
        latency.calls += calls;
        latency.took += took;
    }
}

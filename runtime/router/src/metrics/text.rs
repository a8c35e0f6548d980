//! The counters as OpenMetrics text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use squall_grpc::Refusal;
use squall_platform::Platform;

use super::{Metrics, NO_SERVER, PHASES, STATUSES, Target};
use crate::{Module, PeerState, Scheduler};

/// The HTTP content type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The states of connections that are shown. Closed ones are not listed.
const STATES: [&str; 5] = ["idle", "connecting", "ready", "backoff", "draining"];

/// The counters of `modules` as OpenMetrics text. Each module must be given once, otherwise its lines would be
/// repeated. The order of lines is fixed, and modules without calls have none. Durations are seconds. For several
/// replicas of one module use [`text_of_replicas`]. Spec: router S-34, S-35, S-40, 4.3.
///
/// | metric | labels | value |
/// |---|---|---|
/// | `tinysystems_cross_module_calls_total` | `source_module`, `target_module`, `status` | attempts to call another module; `target_module` is empty when the node has no owner |
/// | `tinysystems_cross_module_latency_seconds` | `source_module`, `target_module` | duration of the attempts that reached a connection or a dial, whatever their result |
/// | `tinysystems_in_module_latency_seconds` | `module` | duration of messages that stayed in their module |
/// | `tinysystems_cross_module_in_flight` | `source_module`, `target_module` | calls in flight |
/// | `tinysystems_connections` | `source_module`, `target_module`, `state` | endpoints by the state of their connection |
/// | `tinysystems_connect_failures_total` | `source_module`, `target_module` | dials that failed |
/// | `tinysystems_requests_in_flight` | `module` | in-flight requests of other modules |
/// | `tinysystems_retries_total` | `module` | retried messages |
/// | `tinysystems_handled_errors_total` | `module` | errors that components emitted on their `error` port |
/// | `tinysystems_duplicates_answered_total` | `module` | messages answered from memory, by their idempotency key |
/// | `tinysystems_refused_total` | `module`, `what` | refusals of the module's server, by the limit: see [`Refusal`] |
/// | `tinysystems_held_bytes` | `module`, `of` | bytes of `requests` and of `answers` that the server holds for other modules; small requests do not count |
/// | `tinysystems_server_phase` | `module`, `phase` | 1 for the phase that the module's server is in |
pub fn text<'m, P: Platform>(modules: impl IntoIterator<Item = &'m Module<P>>) -> String {
    of(modules.into_iter().map(|module| (module.scheduler(), "")))
}

/// As [`text`], for a process with several replicas of a module: each has its own name, which becomes the label
/// `replica` of its lines. An empty name adds no label.
pub fn text_of_replicas<'m, P: Platform>(
    modules: impl IntoIterator<Item = (&'m Module<P>, &'m str)>,
) -> String {
    let modules = modules.into_iter();
    of(modules.map(|(module, replica)| (module.scheduler(), replica)))
}

pub(crate) fn of<'m, P: Platform>(modules: impl Iterator<Item = (&'m Scheduler<P>, &'m str)>) -> String {
    let modules = modules.map(|(module, replica)| {
        let shared = module.shared();
        Scraped {
            module: Arc::clone(&shared.module),
            replica: replica.to_owned(),
            metrics: Arc::clone(&shared.metrics),
            targets: shared.metrics.called(),
            peers: shared.pool.states(),
        }
    });
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(modules.collect())));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes any text");
    text
}

/// Several modules at one point in time.
#[derive(Debug)]
struct Scrape(Vec<Scraped>);

#[derive(Debug)]
struct Scraped {
    module: Arc<str>,
    /// Empty when there is only one.
    replica: String,
    metrics: Arc<Metrics>,
    /// The targets with at least one call.
    targets: BTreeMap<Arc<str>, Arc<Target>>,
    peers: Vec<PeerState>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.crossings(&mut encoder)?;
        self.connections(&mut encoder)?;
        self.within_modules(&mut encoder)?;
        self.servers(&mut encoder)
    }
}

impl Scrape {
    fn crossings(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut calls = encoder.encode_descriptor(
            "tinysystems_cross_module_calls",
            "Attempts to call another module, by how they ended",
            None,
            MetricType::Counter,
        )?;
        self.each_target(|source, target, it| {
            for (status, count) in STATUSES.iter().zip(&it.calls) {
                let labels = source.to(target, Some(("status", status)));
                count_of(&mut calls, &labels, count.load(Ordering::Relaxed))?;
            }
            Ok(())
        })?;
        let mut latency = encoder.encode_descriptor(
            "tinysystems_cross_module_latency",
            "How long attempts to call another module took",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        self.each_target(|source, target, it| {
            // A target without an owning module has no latency.
            if target.is_empty() {
                return Ok(());
            }
            histogram_of(&mut latency, &source.to(target, None), &it.latency)
        })
    }

    fn connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut in_flight = encoder.encode_descriptor(
            "tinysystems_cross_module_in_flight",
            "Calls to another module under way",
            None,
            MetricType::Gauge,
        )?;
        for (source, peer) in self.peers() {
            let labels = source.to(&peer.module, None);
            gauge_of(&mut in_flight, &labels, peer.in_flight)?;
        }
        let mut connections = encoder.encode_descriptor(
            "tinysystems_connections",
            "Endpoints of other modules, by the state of their connection",
            None,
            MetricType::Gauge,
        )?;
        for (source, peer) in self.peers() {
            for state in STATES {
                let labels = source.to(&peer.module, Some(("state", state)));
                let count = peer
                    .endpoints
                    .iter()
                    .filter(|it| it.connection.as_str() == state)
                    .count();
                gauge_of(&mut connections, &labels, count)?;
            }
        }
        let mut failures = encoder.encode_descriptor(
            "tinysystems_connect_failures",
            "Connections to another module that could not be opened",
            None,
            MetricType::Counter,
        )?;
        self.each_target(|source, target, it| {
            if target.is_empty() {
                return Ok(());
            }
            let count = it.connect_failures.load(Ordering::Relaxed);
            count_of(&mut failures, &source.to(target, None), count)
        })
    }

    fn within_modules(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut latency = encoder.encode_descriptor(
            "tinysystems_in_module_latency",
            "How long messages took that stayed in their module",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for it in &self.0 {
            histogram_of(&mut latency, &it.alone(None), &it.metrics.local)?;
        }
        type Read = fn(&Metrics) -> u64;
        let counters: [(&str, &str, Read); 3] = [
            (
                "tinysystems_retries",
                "Messages sent again after a failure",
                |it| it.retries.load(Ordering::Relaxed),
            ),
            (
                "tinysystems_handled_errors",
                "Errors that components emitted on their error port",
                |it| it.handled_errors.load(Ordering::Relaxed),
            ),
            (
                "tinysystems_duplicates_answered",
                "Messages answered from memory, by their idempotency key",
                |it| it.duplicates.load(Ordering::Relaxed),
            ),
        ];
        for (name, help, read) in counters {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for it in &self.0 {
                count_of(&mut counter, &it.alone(None), read(&it.metrics))?;
            }
        }
        Ok(())
    }

    fn servers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut requests = encoder.encode_descriptor(
            "tinysystems_requests_in_flight",
            "Requests of other modules in the works",
            None,
            MetricType::Gauge,
        )?;
        for it in &self.0 {
            let count = it.metrics.requests.load(Ordering::Relaxed);
            gauge_of(&mut requests, &it.alone(None), count)?;
        }
        let mut refused = encoder.encode_descriptor(
            "tinysystems_refused",
            "What the module's server refused other modules, by the limit",
            None,
            MetricType::Counter,
        )?;
        for it in self.serving() {
            for what in Refusal::ALL {
                let labels = it.alone(Some(("what", what.as_str())));
                count_of(&mut refused, &labels, it.metrics.ledger.refused(what))?;
            }
        }
        let mut held = encoder.encode_descriptor(
            "tinysystems_held",
            "What the module's server holds for other modules",
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?;
        for it in self.serving() {
            let ledger = &it.metrics.ledger;
            let held_of = [
                ("requests", ledger.request_bytes()),
                ("answers", ledger.answer_bytes()),
            ];
            for (of, bytes) in held_of {
                gauge_of(&mut held, &it.alone(Some(("of", of))), bytes)?;
            }
        }
        let mut phases = encoder.encode_descriptor(
            "tinysystems_server_phase",
            "1 for the phase that the module's server is in",
            None,
            MetricType::Gauge,
        )?;
        for it in self.serving() {
            let now = it.metrics.phase.load(Ordering::Relaxed);
            for (index, phase) in PHASES.iter().enumerate() {
                let labels = it.alone(Some(("phase", *phase)));
                gauge_of(&mut phases, &labels, usize::from(index == usize::from(now)))?;
            }
        }
        Ok(())
    }

    /// The modules that have a server.
    fn serving(&self) -> impl Iterator<Item = &Scraped> {
        let has_server = |it: &&Scraped| it.metrics.phase.load(Ordering::Relaxed) != NO_SERVER;
        self.0.iter().filter(has_server)
    }

    /// The called peers of each module.
    fn peers(&self) -> impl Iterator<Item = (&Scraped, &PeerState)> {
        self.0.iter().flat_map(|it| {
            let called = |peer: &&PeerState| it.targets.contains_key(&peer.module);
            it.peers.iter().filter(called).map(move |peer| (it, peer))
        })
    }

    fn each_target(&self, mut each: impl FnMut(&Scraped, &str, &Target) -> fmt::Result) -> fmt::Result {
        for it in &self.0 {
            for (name, target) in &it.targets {
                each(it, name, target)?;
            }
        }
        Ok(())
    }
}

type Label<'a> = (&'a str, &'a str);

impl Scraped {
    /// The labels of values of one module.
    fn alone<'a>(&'a self, more: Option<Label<'a>>) -> Vec<Label<'a>> {
        let labels = [("module", &*self.module)].into_iter();
        labels.chain(more).chain(self.replica()).collect()
    }

    /// The labels of values of a pair of modules.
    fn to<'a>(&'a self, target: &'a str, more: Option<Label<'a>>) -> Vec<Label<'a>> {
        let labels = [("source_module", &*self.module), ("target_module", target)].into_iter();
        labels.chain(more).chain(self.replica()).collect()
    }

    fn replica(&self) -> Option<Label<'_>> {
        (!self.replica.is_empty()).then_some(("replica", &*self.replica))
    }
}

fn count_of(family: &mut MetricEncoder<'_>, labels: &[Label<'_>], count: u64) -> fmt::Result {
    let mut counter = family.encode_family(&labels)?;
    counter.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

fn gauge_of(family: &mut MetricEncoder<'_>, labels: &[Label<'_>], value: usize) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(&value)
}

fn histogram_of(family: &mut MetricEncoder<'_>, labels: &[Label<'_>], value: &Histogram) -> fmt::Result {
    value.encode(family.encode_family(&labels)?)
}

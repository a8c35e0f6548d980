//! The counters as OpenMetrics text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use squall_platform::Platform;

use super::{CODES, Module};
use crate::State;
use crate::manager::Manager;
use crate::registration::Class;

/// The HTTP content type of [`Manager::metrics_text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The states that are shown: providers that have left are not counted.
const STATES: [State; 3] = [State::Registered, State::Active, State::Draining];

/// The counters of `manager`. Lines come in a fixed order.
pub(crate) fn text<P: Platform>(manager: &Manager<P>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::of(manager)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes any text");
    text
}

/// A manager at one point in time.
#[derive(Debug)]
struct Scrape {
    /// The metrics without labels: name, help, value.
    counters: [(&'static str, &'static str, u64); 4],
    rejections: [u64; Class::ALL.len()],
    modules: BTreeMap<Arc<str>, Arc<Module>>,
    connections: [usize; STATES.len()],
    in_flight: usize,
    pools: Vec<(Arc<str>, usize)>,
}

impl Scrape {
    fn of<P: Platform>(manager: &Manager<P>) -> Self {
        let metrics = manager.metrics();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let registry = manager.lock();
        let states: Vec<_> = registry.table.connections().map(|it| it.state()).collect();
        let pools = registry.table.namespaces();
        let pools: Vec<_> = pools.map(|it| (it.name.clone(), it.pool.len())).collect();
        drop(registry);
        Scrape {
            counters: [
                (
                    "registrations",
                    "Requests whose modules were registered",
                    read(&metrics.registrations),
                ),
                ("heartbeats", "Heartbeats received", read(&metrics.heartbeats)),
                (
                    "unread_messages",
                    "Acknowledgements and reports that were not sent, because the provider reads too slowly",
                    read(&metrics.unread),
                ),
                (
                    "failovers",
                    "Calls that were tried at a second member",
                    read(&metrics.failovers),
                ),
            ],
            rejections: std::array::from_fn(|index| read(&metrics.rejections[index])),
            modules: metrics
                .modules
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            connections: STATES.map(|state| states.iter().filter(|it| **it == state).count()),
            in_flight: manager.in_flight().count(),
            pools,
        }
    }

    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, value) in self.counters {
            let name = format!("constellation_provider_{name}");
            let mut counter = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            counter.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        let mut rejections = encoder.encode_descriptor(
            "constellation_provider_rejections",
            "Requests that were rejected, by the kind of the first reason",
            None,
            MetricType::Counter,
        )?;
        for (class, value) in Class::ALL.iter().zip(self.rejections) {
            count_of(&mut rejections, &[("reason", class.as_str())], value)?;
        }
        Ok(())
    }

    fn providers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut connections = encoder.encode_descriptor(
            "constellation_provider_connections",
            "Providers, by their state",
            None,
            MetricType::Gauge,
        )?;
        for (state, value) in STATES.iter().zip(self.connections) {
            gauge_of(&mut connections, &[("state", state.as_str())], value)?;
        }
        let mut pools = encoder.encode_descriptor(
            "constellation_provider_pool_size",
            "Members of a namespace that take calls",
            None,
            MetricType::Gauge,
        )?;
        for (namespace, size) in &self.pools {
            gauge_of(&mut pools, &[("namespace", namespace)], *size)?;
        }
        Ok(())
    }

    fn calls(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut in_flight = encoder.encode_descriptor(
            "constellation_provider_calls_in_flight",
            "Calls of providers' modules under way",
            None,
            MetricType::Gauge,
        )?;
        in_flight.encode_gauge(&self.in_flight)?;
        let mut calls = encoder.encode_descriptor(
            "constellation_provider_calls",
            "Calls of providers' modules, by how they ended",
            None,
            MetricType::Counter,
        )?;
        for (name, module) in &self.modules {
            for (code, value) in CODES.iter().zip(&module.calls) {
                let labels = [("module", &**name), ("code", code)];
                count_of(&mut calls, &labels, value.load(Ordering::Relaxed))?;
            }
        }
        let mut latency = encoder.encode_descriptor(
            "constellation_provider_call_latency",
            "How long calls of providers' modules took",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (name, module) in &self.modules {
            let labels = [("module", &**name)];
            module.latency.encode(latency.encode_family(&&labels[..])?)?;
        }
        Ok(())
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.requests(&mut encoder)?;
        self.providers(&mut encoder)?;
        self.calls(&mut encoder)
    }
}

type Label<'a> = (&'a str, &'a str);

fn count_of(family: &mut MetricEncoder<'_>, labels: &[Label<'_>], count: u64) -> fmt::Result {
    let mut counter = family.encode_family(&labels)?;
    counter.encode_counter::<NoLabelSet, _, u64>(&count, None)
}

fn gauge_of(family: &mut MetricEncoder<'_>, labels: &[Label<'_>], value: usize) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(&value)
}

//! Records the Prometheus counters of modules in the journal.
//!
//! A process that dies loses its counters: what it counted since the last scrape is lost. Here they are read from its
//! memory at the end of the run, so that they can be compared up to its last instant. So runs do not show what a
//! deployment loses by a death.

use squall_core::run::Recorder;

use super::RouterEvent;
use super::world::Process;
use crate::openmetrics::Sample;

/// Records an entry per process, pair of modules and status, and one for the latency. Called after all processes have
/// ended, when counters no longer change.
pub(super) fn record(processes: &[Process], recorder: &Recorder) {
    for Process { platform, module } in processes {
        // Unreadable counters count as zero, which the oracle reports.
        let sample: Sample = module.metrics().parse().unwrap_or_default();
        for event in lines(&sample, platform.incarnation()) {
            recorder.record_on(platform.host(), event);
        }
    }
}

fn lines(sample: &Sample, incarnation: u32) -> impl Iterator<Item = RouterEvent> {
    sample.pairs.iter().flat_map(move |((source, target), traffic)| {
        let ended = traffic.statuses.iter().filter(|(_, calls)| **calls > 0);
        let ended = ended.map(move |(status, calls)| RouterEvent::CallsCounted {
            incarnation,
            source_module: source.as_str().into(),
            target_module: target.as_str().into(),
            status: status.as_str().into(),
            calls: *calls,
        });
        let took = (traffic.latency.count > 0).then(|| RouterEvent::LatencyCounted {
            incarnation,
            source_module: source.as_str().into(),
            target_module: target.as_str().into(),
            calls: traffic.latency.count,
            took: (traffic.latency.sum * 1e9).round() as u64,
        });
        ended.chain(took)
    })
}

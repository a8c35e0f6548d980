//! What the modules have counted for Prometheus, into the journal.
//!
//! A process that dies takes its counters with it: nobody can scrape them any more, and what it counted since it was
//! last scraped is lost. Here its memory is looked at all the same, at the end of the run, so that what it counted until
//! its last instant can be compared. What a deployment loses by a death is thus not shown by any run.

use super::RouterEvent;
use super::world::Process;
use crate::live::Sample;
use crate::run::Recorder;

/// A line for each pair of modules and each way in which calls ended, and one for how long they took; of every process
/// that there was. Once all processes are gone: then nothing that is counted goes on.
pub(super) fn record(processes: &[Process], recorder: &Recorder) {
    for Process { platform, module } in processes {
        // What cannot be read counts nothing, and the oracle finds what is missing.
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

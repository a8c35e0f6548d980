//! What a module counts for Prometheus is what the journal says that happened. Spec: router H-10 to H-12.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use squall::live::Sample;
use squall::router::{Error, Message, Payload, Scheduler, async_trait};
use squall::{Front, Harness, oracle};
use squall_sim::SimPlatform;

/// Keeps what the module where calls start has counted by the end of the latest call.
struct Counting(Arc<Mutex<String>>);

/// Looks when the call has ended, and also when it is dropped.
struct Look<'a>(&'a Counting, &'a Scheduler<SimPlatform>);

impl Drop for Look<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().expect("no thread has panicked") = self.1.metrics();
    }
}

#[async_trait]
impl Front for Counting {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        let _look = Look(self, scheduler);
        scheduler.handle(message).await
    }
}

/// By source, target and status.
type Counts = BTreeMap<(String, String, String), u64>;

/// What the front has counted in a run, and what the journal says of its hops; and the same of how long they took.
fn counted_and_journalled(scenario: &str) -> ([Counts; 2], [f64; 2]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios")
        .join(scenario);
    let text = Arc::new(Mutex::new(String::new()));
    let harness = Harness::new().front(Counting(Arc::clone(&text)));
    let run = harness.run_file(path, None).expect("a sound scenario");
    let sample: Sample = text
        .lock()
        .expect("no thread has panicked")
        .parse()
        .expect("OpenMetrics");

    let (mut counted, mut journalled) = (Counts::new(), Counts::new());
    let (mut took_counted, mut took_journalled) = (0.0, 0.0);
    for ((source, target), traffic) in &sample.pairs {
        for (status, count) in traffic.statuses.iter().filter(|(_, count)| **count > 0) {
            counted.insert((source.clone(), target.clone(), status.clone()), *count);
        }
        took_counted += traffic.latency.sum;
    }
    let run = oracle::Run::of(&run.plan, &run.journal);
    for (_, hop) in run.calls.hops().filter(|(_, hop)| hop.host == "front") {
        let end = hop.end.expect("every hop has ended");
        let key = (hop.source_module, hop.target_module, end.status);
        let key = (key.0.to_owned(), key.1.to_owned(), key.2.to_owned());
        *journalled.entry(key).or_default() += 1;
        took_journalled += (end.moment.at - hop.started.at) as f64 / 1e9;
    }
    ([counted, journalled], [took_counted, took_journalled])
}

#[test]
fn counters_agree_with_the_journal() {
    for (scenario, failures) in [
        ("callee-killed-and-restarted.toml", "unavailable"),
        ("partition-longer-than-the-deadline.toml", "timeout"),
    ] {
        let ([counted, journalled], [took_counted, took_journalled]) = counted_and_journalled(scenario);
        assert_eq!(counted, journalled, "{scenario}");
        let has = |wanted: &str| counted.keys().any(|(.., status)| status == wanted);
        assert!(has("ok") && has(failures), "{scenario} has both: {counted:?}");
        // Those that were refused at once are not observed, and took no time.
        let differ = (took_counted - took_journalled).abs();
        assert!(
            differ < 1e-6,
            "{scenario}: {took_counted} s and {took_journalled} s"
        );
    }
}

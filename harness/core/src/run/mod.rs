//! From a plan to a journal: one run in the simulator.
//!
//! | file | contents |
//! |---|---|
//! | `links` | sets up the links of a topology |
//! | `workload` | makes the calls |
//! | `nemesis` | injects the faults |
//! | `drains` | shuts down servers that faults drain |
//! | `recorder` | writes the journal |
//! | `panics` | records where code panicked |
//! | `determinism` | runs twice and compares |
//!
//! Hosts and targets belong to systems: see `systems`.

mod determinism;
mod drains;
mod links;
mod nemesis;
mod panics;
mod recorder;
mod workload;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use squall_sim::{Config, LinkSpec, Packet, TracePoint};
use tokio::time::Instant;

pub use squall_sim::Failure;

pub use self::determinism::{Difference, compare};
pub(crate) use self::drains::Drains;
pub use self::nemesis::{End, Scene};
pub use self::panics::PanicSite;
pub use self::recorder::{Recorder, Source};
use crate::custom::Sections;
use crate::file;
use crate::hosting::{Hosting, Start, Systems};
use crate::journal::{Event, Journal};
use crate::lists::Lists;
use crate::oracle::{OwnOracle, Recovers};
use crate::plan::Plan;

/// How long after the end of a scenario calls may end, beyond their timeouts.
const SETTLE: Duration = Duration::from_secs(5);

/// Why a file could not be run.
pub enum RunError {
    /// The file is invalid.
    File(file::Report),
    /// The run did not complete.
    Run(Failure),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::File(report) => f.write_str(&file::render(report, false, 80)),
            RunError::Run(failure) => write!(f, "the run {failure}"),
        }
    }
}

/// As [`Display`](fmt::Display): a test that unwraps it shows the position of the mistake.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for RunError {}

/// A completed run.
pub struct Run {
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Its journal.
    pub journal: Journal,
    /// Virtual duration.
    pub virtual_time: Duration,
    /// Wall-clock duration.
    pub wall_time: Duration,
    /// The digest of the run: a hash over every segment and every journal entry.
    pub digest: u64,
    /// A line per segment, if the harness was `squall::Harness::traced`.
    pub trace: Vec<TracePoint>,
    /// Every delivered segment, if the harness was `squall::Harness::captured`.
    pub packets: Vec<Packet>,
    /// Every host's address, by name.
    pub addresses: Vec<(String, IpAddr)>,
    /// Where code panicked, in the order of the first panic at each place.
    pub panics: Vec<PanicSite>,
    /// The scenario's file, if any.
    pub file: Option<PathBuf>,
    /// Whether vacuous checks fail it.
    pub(crate) deny_vacuous: bool,
    /// Whether incidents fail it.
    pub(crate) deny_incidents: bool,
    /// Whether the `squall` command lacks extensions that it needs.
    pub(crate) is_own: bool,
    /// Oracles and statistics of its systems.
    pub(crate) lists: &'static Lists,
    /// User-defined oracles.
    pub(crate) oracles: Vec<OwnOracle>,
    /// User-defined report sections.
    pub(crate) sections: Sections,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("scenario", &self.plan.scenario)
            .field("seed", &self.plan.seed)
            .field("digest", &format_args!("{:016x}", self.digest))
            .finish_non_exhaustive()
    }
}

/// What is recorded besides the journal, and how the run is judged.
pub struct Options {
    /// A line per segment.
    pub traced: bool,
    /// Every delivered segment.
    pub captured: bool,
    /// Whether vacuous checks fail it.
    pub deny_vacuous: bool,
    /// Whether incidents fail it.
    pub deny_incidents: bool,
    /// Whether the `squall` command lacks extensions that it needs.
    pub is_own: bool,
    /// Oracles and statistics of its systems.
    pub lists: &'static Lists,
    /// User-defined oracles.
    pub oracles: Vec<OwnOracle>,
    /// User-defined report sections.
    pub sections: Sections,
}

/// Runs a plan to completion, on hosts of these systems.
///
/// # Errors
/// If the run does not complete.
pub fn run(plan: Arc<Plan>, systems: Vec<Arc<dyn Hosting>>, options: Options) -> Result<Run, Failure> {
    panics::keep_quiet();
    let sites = panics::Sites::ending_at(options.lists.callers);
    let recorder = Recorder::of(systems.iter().map(|system| system.events()).collect());
    let config = Config {
        seed: plan.seed,
        budget: plan.duration + longest_timeout(&plan) + 2 * SETTLE + quiet_tail(&plan),
        wall_limit: plan.wall_limit,
        interleave: plan.interleave.into(),
        engine: plan.topology.network.engine,
        link: LinkSpec {
            latency: (&plan.topology.network.latency).into(),
            loss: plan.topology.network.loss.into(),
            bandwidth: plan.topology.network.bandwidth.map(Into::into),
        },
        traced: options.traced,
        captured: options.captured,
        observer: Box::new(recorder.clone()),
        dispatch: recorder::subscriber(),
    };
    let director = Director {
        plan: plan.clone(),
        systems,
        recorder: recorder.clone(),
    };
    let seen = sites.clone();
    let finished = squall_sim::run(config, move |sim| {
        seen.listen_on_this_thread();
        director.recorder.listen_on_this_thread();
        director.direct(sim)
    })?;
    if let Some(misfit) = recorder.misfit() {
        return Err(Failure::Panicked(misfit.to_string()));
    }
    let (journal, journal_digest) = recorder.take();
    Ok(Run {
        plan,
        journal,
        virtual_time: finished.virtual_time,
        wall_time: finished.wall_time,
        digest: finished.digest.rotate_left(32) ^ journal_digest,
        trace: finished.trace,
        packets: finished.packets,
        addresses: finished.addresses,
        panics: sites.take(),
        file: None,
        deny_vacuous: options.deny_vacuous,
        deny_incidents: options.deny_incidents,
        is_own: options.is_own,
        lists: options.lists,
        oracles: options.oracles,
        sections: options.sections,
    })
}

/// Drives one run.
struct Director {
    plan: Arc<Plan>,
    systems: Vec<Arc<dyn Hosting>>,
    recorder: Recorder,
}

impl Director {
    async fn direct(self, sim: squall_sim::Sim) {
        let Director {
            plan,
            systems,
            recorder,
        } = self;
        recorder.record(Event::RunStarted {
            scenario: plan.scenario.as_str().into(),
            topology: plan.topology.name.as_str().into(),
            seed: plan.seed,
        });
        let start = Instant::now();
        let drains = Arc::new(Drains::of(&plan));
        let systems = Systems::start(
            &systems,
            &Start {
                sim: &sim,
                plan: &plan,
                drains: &drains,
                recorder: &recorder,
            },
        );
        links::lay(&sim, &plan.topology);
        systems.settled().await;
        let scene = Scene {
            sim: sim.clone(),
            plan: plan.clone(),
            systems: systems.clone(),
            drains,
            recorder: recorder.clone(),
            kept: Arc::default(),
            number: 0,
        };
        nemesis::release(&scene, start);
        let calls = workload::Calls::new(&sim, &plan, start, &systems, &recorder);
        calls.start_all();

        sim.sleep_until(start + plan.duration).await;
        // Time for in-flight calls to end. Calls on a paused host end with their host, below.
        let patience = longest_timeout(&plan) + SETTLE;
        let _ = tokio::time::timeout(patience, calls.all_ended()).await;
        if let Some(quiet) = Recovers::quiet(&plan) {
            recorder.record(Event::QuietStarted);
            sim.sleep_until(start + quiet.settled).await;
            calls.probe(quiet.probes).await;
            let _ = tokio::time::timeout(patience, calls.all_ended()).await;
        }
        for host in plan.topology.all_hosts() {
            if let Some(id) = sim.host(host) {
                sim.resume(id);
                sim.kill(id);
            }
        }
        sim.sleep(Duration::from_millis(1)).await;
        systems.ended(&recorder);
        let left = sim.left_behind();
        recorder.record(Event::RunEnded {
            tasks_left: left.tasks,
            sockets_left: left.sockets,
            timers_left: left.timers,
        });
    }
}

/// How much longer than its plan and its calls a run may take to show recovery.
fn quiet_tail(plan: &Plan) -> Duration {
    Recovers::quiet(plan).map_or(Duration::ZERO, |quiet| {
        quiet.settled.saturating_sub(plan.duration)
            + quiet.probes * workload::BETWEEN_PROBES
            + longest_timeout(plan)
            + SETTLE
    })
}

/// The longest timeout of a call in the plan, or of one that its hosts make.
fn longest_timeout(plan: &Plan) -> Duration {
    let hosts = plan.topology.call_timeouts().map(|(_, timeout)| timeout);
    let workloads = plan.workloads.iter().filter_map(|workload| workload.timeout);
    hosts.chain(workloads).max().unwrap_or_default()
}

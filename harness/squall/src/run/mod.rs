//! From a plan to a journal: one run in the simulator.
//!
//! | file | what it does |
//! |---|---|
//! | `world` | makes a host of every module, with its real scheduler, pool and server |
//! | `stage` | makes their modules, and knows where faults have put what |
//! | `fleet` | makes a host of every manager and provider |
//! | `services` | makes a host of every service of a user's own |
//! | `workload` | makes the calls |
//! | `nemesis` | makes the faults |
//! | `recorder` | makes the journal |
//! | `panics` | knows where code has panicked |
//! | `behalf` | knows on behalf of which call code runs |
//! | `counters` | asks the modules in the end what they have counted |
//! | `determinism` | runs twice and compares |

mod behalf;
mod counters;
mod determinism;
mod fleet;
mod nemesis;
mod panics;
mod recorder;
mod services;
mod stage;
mod workload;
mod world;

use std::fmt;
use std::net::IpAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use squall_router::{Component, Error, Message, Module, Options, Payload, Scheduler, async_trait};
use squall_sim::{Config, LinkSpec, Packet, SimPlatform, TracePoint};
use tokio::time::Instant;

pub use squall_sim::Failure;

pub use self::determinism::{Difference, compare};
pub use self::nemesis::{End, Scene};
pub use self::panics::PanicSite;
use self::recorder::Recorder;
pub(crate) use self::stage::Place;
use self::stage::Stage;
use crate::assembly::{bandwidth, chance, latency};
use crate::components::{Components, Declaration};
use crate::custom::{Custom, CustomExpectation, CustomFault, CustomSchema, ExpectKind};
use crate::faults::Kind;
use crate::file::{self, ComponentNames};
use crate::journal::{Event, Journal};
use crate::live;
use crate::oracle::{Oracle, OwnOracle, Recovers};
use crate::plan::{self, Plan};
use crate::services::{Call, CallError, ServiceCode, Site};

/// How long after the end of a scenario calls may take to end, beyond their timeouts.
const SETTLE: Duration = Duration::from_secs(5);

/// Runs scenarios, with the components that are registered with it.
#[derive(Clone)]
pub struct Harness {
    components: Components,
    services: ServiceCode,
    custom: Custom,
    front: Arc<dyn Front>,
    adjust: stage::Adjust,
    prepare: stage::Prepare,
    traced: bool,
    captured: bool,
    deny_vacuous: bool,
    /// Whether it is more than the `squall` command has.
    is_own: bool,
}

impl Harness {
    /// With the built-in components.
    pub fn new() -> Self {
        Harness {
            components: Components::builtin(),
            services: ServiceCode::builtin(),
            custom: Custom::default(),
            front: Arc::new(Straight),
            adjust: Arc::new(|_, options| options),
            prepare: Arc::new(|_| {}),
            traced: false,
            captured: false,
            deny_vacuous: false,
            is_own: false,
        }
    }

    /// Adds a component of your own, under the name that topologies use. `make` gets the node's settings,
    /// each time that the node's host starts; its error says what is wrong with them.
    #[must_use]
    pub fn component<C, S>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(S) -> Result<C, String> + Send + Sync + 'static,
    ) -> Self
    where
        C: Component,
        S: DeserializeOwned,
    {
        self.components.register(name, make);
        self.is_own = true;
        self
    }

    /// Says which ports and settings the component `name` has, so that files are checked against it: without it any
    /// port is taken for one of its ports.
    ///
    /// # Panics
    /// When no component of this name is there: register it first.
    #[must_use]
    pub fn declare(mut self, name: &str, declaration: Declaration) -> Self {
        assert!(
            self.components.declaration(name).is_some(),
            "no component is called `{name}`: call component(\"{name}\", ..) before declare(..)"
        );
        self.components.declare(name, declaration);
        self
    }

    /// Adds a service of your own, under the name that topologies use: `[service.inventory]` runs `"inventory"`, unless its
    /// `runs` says otherwise. `serve` is called each time that a host of it starts, with the settings of the topology, and
    /// serves until it ends; an error takes its host down.
    ///
    /// What it starts with `tokio::spawn`, as tonic does, is part of its process, and dies and pauses with it.
    ///
    /// ```
    /// use squall::{Harness, NoSettings, Site};
    ///
    /// let harness = Harness::new().service("quiet", |site: Site, NoSettings {}| async move {
    ///     let listener = site.listen(50051).await?;
    ///     // tonic::transport::Server::builder().add_service(..).serve_with_incoming(listener).await
    ///     drop(listener);
    ///     Ok::<(), std::io::Error>(())
    /// });
    /// # drop(harness);
    /// ```
    #[must_use]
    pub fn service<S, F, E>(
        mut self,
        name: impl Into<String>,
        serve: impl Fn(Site, S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.services.service(name, serve);
        self.is_own = true;
        self
    }

    /// Adds a client of your own, under the name that a workload's `client` uses. `call` makes one call, on a host of a
    /// service; the workload says how often, from where, and with what payload. How an error counts, see [`CallError`].
    ///
    /// A call that takes longer than the workload's `timeout` is dropped, and its outcome is unknown.
    #[must_use]
    pub fn client<T, F, R, E>(
        mut self,
        name: impl Into<String>,
        call: impl Fn(Site, Call<T>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        E: Into<CallError>,
    {
        self.services.client(name, call);
        self.is_own = true;
        self
    }

    /// Adds a kind of hosts of your own: `[KEY.*]` in topologies, each with `replicas` and the keys of `S`. It is a
    /// [`service`](Self::service) whose settings are the table itself.
    ///
    /// # Panics
    /// When topologies have a table of that name already.
    #[must_use]
    pub fn hosts<S, F, E>(
        mut self,
        key: &'static str,
        serve: impl Fn(Site, S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        assert!(
            !file::is_key_of_topologies(key),
            "topologies have a table `{key}` already"
        );
        self.custom.kinds.hosts.retain(|known| *known != key);
        self.custom.kinds.hosts.push(key);
        self.custom.kinds.schemas.push(CustomSchema::of_hosts(key));
        self.service(key, serve)
    }

    /// Adds a kind of fault of your own: a key of `[[fault]]`.
    ///
    /// # Panics
    /// When there is a fault of that name already.
    #[must_use]
    pub fn fault<F: CustomFault>(mut self) -> Self {
        let is_known = self.custom.kinds.all_faults().any(|kind| kind.key == F::KEY);
        assert!(!is_known, "there is a fault `{}` already", F::KEY);
        self.custom.kinds.faults.push(Kind::custom::<F>());
        self.custom
            .kinds
            .schemas
            .push(CustomSchema::of::<F>("Fault", F::KEY));
        self.is_own = true;
        self
    }

    /// Adds a kind of expectation of your own: a key of `[[expect]]`.
    ///
    /// # Panics
    /// When `[[expect]]` has a key of that name already.
    #[must_use]
    pub fn expectation<E: CustomExpectation>(mut self) -> Self {
        let known = &self.custom.kinds.expectations;
        let is_known = known.iter().any(|kind| kind.key == E::KEY) || file::is_key_of_expectations(E::KEY);
        assert!(!is_known, "[[expect]] has a key `{}` already", E::KEY);
        self.custom.kinds.expectations.push(ExpectKind::of::<E>());
        self.custom
            .kinds
            .schemas
            .push(CustomSchema::of::<E>("Expect", E::KEY));
        self.is_own = true;
        self
    }

    /// Adds a promise of your own that holds in every run.
    #[must_use]
    pub fn oracle(
        mut self,
        oracle: impl Oracle + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        self.custom.oracles.push(Arc::new(oracle));
        self.is_own = true;
        self
    }

    /// Puts something in front of every scheduler that a workload calls: a retry layer under test, say.
    #[must_use]
    pub fn front(mut self, front: impl Front) -> Self {
        self.front = Arc::new(front);
        self.is_own = true;
        self
    }

    /// Changes the limits of modules: what is given is what the module's file says.
    #[must_use]
    pub fn options(
        mut self,
        adjust: impl Fn(&plan::Module, Options) -> Options + Send + Sync + 'static,
    ) -> Self {
        self.adjust = Arc::new(adjust);
        self.is_own = true;
        self
    }

    /// Does something to every module each time that its process starts, once its nodes are installed and before
    /// it serves: what your own deployment does besides.
    #[must_use]
    pub fn prepare(mut self, prepare: impl Fn(&Module<SimPlatform>) + Send + Sync + 'static) -> Self {
        self.prepare = Arc::new(prepare);
        self.is_own = true;
        self
    }

    /// Keeps a line for every segment, so that two runs can be compared segment by segment.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Keeps every segment that arrives as the packet that it would be; see [`capture`](crate::capture).
    #[must_use]
    pub fn captured(mut self) -> Self {
        self.captured = true;
        self
    }

    /// Lets a run break by what it says nothing about: a scenario without expectations, an expectation in whose
    /// window no call started, a fault that touched nothing. Without it they are notes in the report.
    #[must_use]
    pub fn deny_vacuous(mut self) -> Self {
        self.deny_vacuous = true;
        self
    }

    /// Makes the services of a topology on real sockets of this machine: see [`live::Services`].
    ///
    /// # Errors
    /// When settings are not taken, or `bind` is no loopback address.
    pub fn start_services(
        &self,
        topology: &plan::Topology,
        bind: IpAddr,
    ) -> Result<live::Services, live::ServicesError> {
        live::Services::start(topology, &self.services, bind)
    }

    /// The JSON Schema of one kind of file, for editors: see [`schema`](crate::schema), with what this harness has of its
    /// own.
    pub fn schema(&self, kind: file::Kind) -> serde_json::Value {
        let mut schema = crate::schema::schema(kind, &self.components);
        for own in &self.custom.kinds.schemas {
            crate::schema::add(&mut schema, own);
        }
        schema
    }

    /// The components that topologies can use.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// The same, as files are checked against, with services and clients: their names, ports, and what their settings must
    /// be.
    pub fn component_names(&self) -> ComponentNames {
        ComponentNames::of_all(&self.components, &self.services, &self.custom.kinds)
    }

    /// Loads a scenario and runs it, with its own seed or the one given.
    ///
    /// # Errors
    /// When the file, or its topology, is wrong, or when the run does not come to its end.
    pub fn run_file(&self, path: impl AsRef<Path>, seed: Option<u64>) -> Result<Run, RunError> {
        let scenario = file::load_scenario(path.as_ref(), &self.component_names()).map_err(RunError::File)?;
        let mut run = self.run(scenario.plan(seed)).map_err(RunError::Run)?;
        run.file = Some(path.as_ref().to_owned());
        Ok(run)
    }

    /// Runs a plan to its end.
    ///
    /// # Errors
    /// When the run does not come to its end. That a promise broke is no error: see [`Run`].
    pub fn run(&self, plan: impl Into<Arc<Plan>>) -> Result<Run, Failure> {
        panics::keep_quiet();
        let sites = panics::Sites::default();
        let plan = plan.into();
        let recorder = Recorder::default();
        let config = Config {
            seed: plan.seed,
            budget: plan.duration + longest_timeout(&plan) + 2 * SETTLE + quiet_tail(&plan),
            wall_limit: plan.wall_limit,
            interleave: chance(plan.interleave),
            engine: plan.topology.network.engine,
            link: LinkSpec {
                latency: latency(&plan.topology.network.latency),
                loss: chance(plan.topology.network.loss),
                bandwidth: plan.topology.network.bandwidth.map(bandwidth),
            },
            traced: self.traced,
            captured: self.captured,
            observer: Box::new(recorder.clone()),
            dispatch: recorder::subscriber(),
        };
        let director = Director {
            plan: plan.clone(),
            stage: Arc::new(Stage::of(
                &plan,
                &self.components,
                self.adjust.clone(),
                self.prepare.clone(),
            )),
            services: self.services.clone(),
            front: self.front.clone(),
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
            deny_vacuous: self.deny_vacuous,
            is_own: self.is_own,
            oracles: self.custom.oracles.clone(),
        })
    }
}

impl Default for Harness {
    fn default() -> Self {
        Harness::new()
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness")
            .field("components", &self.components)
            .finish_non_exhaustive()
    }
}

/// Why there is no run of a file.
pub enum RunError {
    /// The file is wrong.
    File(file::Report),
    /// The run did not come to its end.
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

/// As [`Display`](fmt::Display): a test that unwraps it shows where the mistake is.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for RunError {}

/// Stands between a workload and the scheduler of the module where its calls start.
#[async_trait]
pub trait Front: Send + Sync + 'static {
    /// Handles a workload's message, usually by giving it to the scheduler.
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error>;
}

/// Nothing stands between them.
struct Straight;

#[async_trait]
impl Front for Straight {
    async fn handle(
        &self,
        scheduler: &Scheduler<SimPlatform>,
        message: Message,
    ) -> Result<Option<Payload>, Error> {
        scheduler.handle(message).await
    }
}

/// A run that came to its end.
pub struct Run {
    /// What was run.
    pub plan: Arc<Plan>,
    /// What happened.
    pub journal: Journal,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// How much real time it took.
    pub wall_time: Duration,
    /// The proof of the run: a hash over every segment and every journal line.
    pub digest: u64,
    /// A line for every segment, when the harness was [`Harness::traced`].
    pub trace: Vec<TracePoint>,
    /// Every segment that arrived, when the harness was [`Harness::captured`].
    pub packets: Vec<Packet>,
    /// Every host's address, by name.
    pub addresses: Vec<(String, IpAddr)>,
    /// Where code panicked, in the order of the first panic at each place.
    pub panics: Vec<PanicSite>,
    /// The scenario's file, if it was run from one.
    pub file: Option<PathBuf>,
    /// Whether what it says nothing about breaks it.
    pub(crate) deny_vacuous: bool,
    /// Whether the `squall` command could not run it.
    pub(crate) is_own: bool,
    /// Promises of a user's own.
    pub(crate) oracles: Vec<OwnOracle>,
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

/// Conducts one run.
struct Director {
    plan: Arc<Plan>,
    stage: Arc<Stage>,
    services: ServiceCode,
    front: Arc<dyn Front>,
    recorder: Recorder,
}

impl Director {
    async fn direct(self, sim: squall_sim::Sim) {
        let Director {
            plan,
            stage,
            services,
            front,
            recorder,
        } = self;
        recorder.record(Event::RunStarted {
            scenario: plan.scenario.as_str().into(),
            topology: plan.topology.name.as_str().into(),
            seed: plan.seed,
        });
        let start = Instant::now();
        let world = world::build(&sim, &plan, &stage);
        let fleet = fleet::build(&sim, &plan, &stage, &recorder);
        let services = services::build(&sim, &plan, &services);
        world::lay_links(&sim, &plan.topology);
        world.all_up().await;
        fleet.all_up().await;
        services.all_up().await;
        let scene = nemesis::Scene {
            sim: sim.clone(),
            plan: plan.clone(),
            world: world.clone(),
            fleet: fleet.clone(),
            recorder: recorder.clone(),
            kept: Arc::default(),
            number: 0,
        };
        nemesis::release(&scene, start);
        let places = workload::Places {
            world: world.clone(),
            fleet,
            services,
        };
        let calls = workload::Calls::new(&sim, &plan, start, places, front, &recorder);
        calls.start_all();

        sim.sleep_until(start + plan.duration).await;
        // Time for the calls in flight to end. A call that a paused host holds ends with its host, below.
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
        counters::record(&world, &recorder);
        let left = sim.left_behind();
        recorder.record(Event::RunEnded {
            tasks_left: left.tasks,
            sockets_left: left.sockets,
            timers_left: left.timers,
        });
    }
}

/// How much longer than its plan, and than its calls, a run takes at most to see whether all have recovered.
fn quiet_tail(plan: &Plan) -> Duration {
    Recovers::quiet(plan).map_or(Duration::ZERO, |quiet| {
        quiet.settled.saturating_sub(plan.duration)
            + quiet.probes * workload::BETWEEN_PROBES
            + longest_timeout(plan)
            + SETTLE
    })
}

fn longest_timeout(plan: &Plan) -> Duration {
    let topology = &plan.topology;
    let modules = topology.modules.values().map(|module| module.call_timeout);
    let managers = topology.managers.values().map(|manager| manager.call_timeout);
    let usual = |workload: &plan::Workload| {
        let of_client = matches!(workload.target, plan::Target::Client { .. });
        of_client.then_some(plan::Service::CALL_TIMEOUT)
    };
    let workloads = plan
        .workloads
        .iter()
        .filter_map(|workload| workload.timeout.or_else(|| usual(workload)));
    modules.chain(managers).chain(workloads).max().unwrap_or_default()
}

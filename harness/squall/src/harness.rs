//! What runs scenarios: [`Harness`].

use std::fmt;
use std::net::IpAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use squall_router::{Component, Module, Options};
use squall_sim::{Failure, SimPlatform};

use crate::custom::{Custom, CustomExpectation, CustomFault, CustomSchema, ExpectKind, Section, System};
use crate::faults::Kind;
use crate::file::{self, ComponentNames};
use crate::hosting::Hosting;
use crate::live;
use crate::oracle::{self, Oracle};
use crate::plan::{self, Plan};
use crate::registry::Declaration;
use crate::run::{self, Run, RunError};
use crate::systems;
use crate::systems::provider::Providers;
use crate::systems::router::components::Components;
use crate::systems::router::{Front, Router};
use crate::systems::service::{Call, CallError, ServiceCode, Site};

/// Runs scenarios, with the components that are registered with it.
#[derive(Clone)]
pub struct Harness {
    router: Router,
    services: ServiceCode,
    custom: Custom,
    traced: bool,
    captured: bool,
    deny_vacuous: bool,
    deny_incidents: bool,
    /// Whether it is more than the `squall` command has.
    is_own: bool,
}

impl Harness {
    /// With the built-in components.
    pub fn new() -> Self {
        Harness {
            router: Router::builtin(),
            services: ServiceCode::builtin(),
            custom: Custom::default(),
            traced: false,
            captured: false,
            deny_vacuous: false,
            deny_incidents: false,
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
        self.router.components.register(name, make);
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
            self.router.components.declaration(name).is_some(),
            "no component is called `{name}`: call component(\"{name}\", ..) before declare(..)"
        );
        self.router.components.declare(name, declaration);
        self
    }

    /// Adds a service of your own, under the name that topologies use: `[service.inventory]` runs `"inventory"`, unless its
    /// `runs` says otherwise. `serve` is called each time that a host of it starts, with the settings of the topology, and
    /// serves until it ends. Once it returns, with an error or without, or panics, its host is down, until a fault starts it
    /// again: an incident of the report.
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

    /// Adds a kind of target of your own: a key of `[[workload]]`, whose value is what every call carries. It is a
    /// [`client`](Self::client) whose payload is the value of the key.
    ///
    /// # Panics
    /// When `[[workload]]` has a key of that name already.
    #[must_use]
    pub fn target<T, F, R, E>(
        mut self,
        key: &'static str,
        call: impl Fn(Site, Call<T>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        E: Into<CallError>,
    {
        let is_known = self.custom.kinds.targets.contains(&key) || file::is_key_of_workloads(key);
        assert!(!is_known, "[[workload]] has a key `{key}` already");
        self.custom.kinds.targets.push(key);
        self.custom.kinds.schemas.push(CustomSchema::of_target(key));
        self.client(key, call)
    }

    /// Adds a system of your own, with all that belongs to it: see [`System`].
    #[must_use]
    pub fn system(self, system: impl System) -> Self {
        system.add_to(self)
    }

    /// Adds a section to reports: a table that is derived from a run. It is shown when it has rows.
    #[must_use]
    pub fn section(
        mut self,
        section: impl Fn(&oracle::Run<'_>) -> Section + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        self.custom.sections.push(Arc::new(section));
        self.is_own = true;
        self
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
        self.router.front = Arc::new(front);
        self.is_own = true;
        self
    }

    /// Changes the limits of modules: what is given is what the module's file says.
    #[must_use]
    pub fn options(
        mut self,
        adjust: impl Fn(&plan::Module, Options) -> Options + Send + Sync + 'static,
    ) -> Self {
        self.router.adjust = Arc::new(adjust);
        self.is_own = true;
        self
    }

    /// Does something to every module each time that its process starts, once its nodes are installed and before
    /// it serves: what your own deployment does besides.
    #[must_use]
    pub fn prepare(mut self, prepare: impl Fn(&Module<SimPlatform>) + Send + Sync + 'static) -> Self {
        self.router.prepare = Arc::new(prepare);
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

    /// Lets a run break by what nobody asked for: a host that ended by itself, and no fault had it so, a panic, a stray task,
    /// an escape. Without it they are lines of the report, and the run holds.
    #[must_use]
    pub fn deny_incidents(mut self) -> Self {
        self.deny_incidents = true;
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
        let mut schema = crate::schema::schema(kind, &self.router.components);
        for own in &self.custom.kinds.schemas {
            crate::schema::add(&mut schema, own);
        }
        schema
    }

    /// The components that topologies can use.
    pub fn components(&self) -> &Components {
        &self.router.components
    }

    /// The same, as files are checked against, with services and clients: their names, ports, and what their settings must
    /// be.
    pub fn component_names(&self) -> ComponentNames {
        ComponentNames::of_all(&self.router.components, &self.services, &self.custom.kinds)
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
        let options = run::Options {
            traced: self.traced,
            captured: self.captured,
        };
        let systems: [Arc<dyn Hosting>; 3] = [
            Arc::new(self.router.clone()),
            Arc::new(Providers),
            Arc::new(self.services.clone()),
        ];
        let mut run = run::run(plan.into(), systems.into(), options)?;
        run.deny_vacuous = self.deny_vacuous;
        run.deny_incidents = self.deny_incidents;
        run.is_own = self.is_own;
        run.lists = systems::LISTS;
        run.oracles.clone_from(&self.custom.oracles);
        run.sections.clone_from(&self.custom.sections);
        Ok(run)
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
            .field("components", &self.router.components)
            .finish_non_exhaustive()
    }
}

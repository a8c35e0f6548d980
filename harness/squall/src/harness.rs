//! [`Harness`] runs scenarios.

use std::fmt;
use std::net::IpAddr;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use squall_core::custom::{
    CustomExpectation, CustomFault, CustomSchema, ExpectKind, Kinds, Section, Sections,
};
use squall_core::file;
use squall_core::hosting::Hosting;
use squall_core::registry::Declaration;
use squall_core::run::{self, Run, RunError};
use squall_router::{Component, Module, Options};
use squall_sim::{Failure, SimPlatform};
use squall_system_cluster::Cluster;
use squall_system_provider::Providers;
use squall_system_router::components::Components;
use squall_system_router::{Front, Router};
use squall_system_service::{Call, CallError, ServiceCode, Site};

use crate::faults::Kind;
use crate::file::ComponentNames;
use crate::live;
use crate::oracle::{self, Oracle, OwnOracle};
use crate::plan::{self, Plan};
use crate::system::System;
use crate::systems::LISTS;

/// What a harness has beside the built-in systems.
#[derive(Clone)]
struct Custom {
    oracles: Vec<OwnOracle>,
    /// Sections of the report.
    sections: Sections,
    kinds: Kinds,
}

/// Runs scenarios, with the registered components.
#[derive(Clone)]
pub struct Harness {
    router: Router,
    cluster: Cluster,
    services: ServiceCode,
    custom: Custom,
    traced: bool,
    captured: bool,
    deny_vacuous: bool,
    deny_incidents: bool,
    /// Whether it has extensions that the `squall` command lacks.
    is_own: bool,
}

impl Harness {
    /// A harness with the built-in components.
    pub fn new() -> Self {
        Harness {
            router: Router::builtin(),
            cluster: Cluster::builtin(),
            services: ServiceCode::builtin(),
            custom: Custom {
                oracles: Vec::new(),
                sections: Sections::new(),
                kinds: Kinds::of(&LISTS),
            },
            traced: false,
            captured: false,
            deny_vacuous: false,
            deny_incidents: false,
            is_own: false,
        }
    }

    /// Adds a component under the name that topologies use. `make` gets the node's settings at each start of the
    /// node's host, and returns an error if they are invalid.
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

    /// Declares the ports and settings of the component `name`, so that files are checked against them. Without a
    /// declaration any port is accepted.
    ///
    /// # Panics
    /// If no component of this name is registered.
    #[must_use]
    pub fn declare(mut self, name: &str, declaration: Declaration) -> Self {
        assert!(
            self.router.components.declaration(name).is_some(),
            "no component is called `{name}`: call component(\"{name}\", ..) before declare(..)"
        );
        self.router.components.declare(name, declaration);
        self
    }

    /// Adds a service under the name that topologies use: `[service.inventory]` runs `"inventory"`, unless its `runs`
    /// names another. `serve` is called at each start of a host, with the settings of the topology, and runs until it
    /// returns. If it returns, with or without an error, or panics, its host goes down until a fault restarts it. The
    /// report has this as an incident.
    ///
    /// Tasks started with `tokio::spawn`, as tonic does, belong to its process, and are killed and paused with it.
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

    /// Adds a client under the name that a workload's `client` uses. `call` makes one call, on a host of a service; the
    /// workload determines how often, from where, and with what payload. For how errors count, see [`CallError`].
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

    /// Adds a kind of hosts: `[KEY.*]` in topologies, each with `replicas` and the keys of `S`. It is a
    /// [`service`](Self::service) whose settings are the table itself.
    ///
    /// # Panics
    /// If topologies already have a table of that name.
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
            !file::is_key_of_topologies(key, self.custom.kinds.lists),
            "topologies have a table `{key}` already"
        );
        self.custom.kinds.hosts.retain(|known| *known != key);
        self.custom.kinds.hosts.push(key);
        self.custom.kinds.schemas.push(CustomSchema::of_hosts(key));
        self.service(key, serve)
    }

    /// Adds a kind of target: a key of `[[workload]]`, whose value is the payload of every call. It is a
    /// [`client`](Self::client) whose payload is the value of the key.
    ///
    /// # Panics
    /// If `[[workload]]` already has a key of that name.
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
        let is_known = self.custom.kinds.targets.contains(&key)
            || file::is_key_of_workloads(key, self.custom.kinds.lists);
        assert!(!is_known, "[[workload]] has a key `{key}` already");
        self.custom.kinds.targets.push(key);
        self.custom.kinds.schemas.push(CustomSchema::of_target(key));
        self.client(key, call)
    }

    /// Adds all parts of a [`System`].
    #[must_use]
    pub fn system(self, system: impl System) -> Self {
        system.add_to(self)
    }

    /// Adds a section to reports: a table derived from a run. It is shown if it has rows.
    #[must_use]
    pub fn section(
        mut self,
        section: impl Fn(&oracle::Run<'_>) -> Section + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        self.custom.sections.push(Arc::new(section));
        self.is_own = true;
        self
    }

    /// Adds a kind of fault: a key of `[[fault]]`.
    ///
    /// # Panics
    /// If there already is a fault of that name.
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

    /// Adds a kind of expectation: a key of `[[expect]]`.
    ///
    /// # Panics
    /// If `[[expect]]` already has a key of that name.
    #[must_use]
    pub fn expectation<E: CustomExpectation>(mut self) -> Self {
        let known = &self.custom.kinds.expectations;
        let lists = self.custom.kinds.lists;
        let is_known =
            known.iter().any(|kind| kind.key == E::KEY) || file::is_key_of_expectations(E::KEY, lists);
        assert!(!is_known, "[[expect]] has a key `{}` already", E::KEY);
        self.custom.kinds.expectations.push(ExpectKind::of::<E>());
        self.custom
            .kinds
            .schemas
            .push(CustomSchema::of::<E>("Expect", E::KEY));
        self.is_own = true;
        self
    }

    /// Adds an oracle: an invariant that must hold in every run.
    #[must_use]
    pub fn oracle(
        mut self,
        oracle: impl Oracle + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Self {
        self.custom.oracles.push(Arc::new(oracle));
        self.is_own = true;
        self
    }

    /// Wraps every scheduler that a workload calls: in a retry layer under test, for instance.
    #[must_use]
    pub fn front(mut self, front: impl Front) -> Self {
        self.router.front = Arc::new(front);
        self.is_own = true;
        self
    }

    /// Overrides the limits of modules. The closure gets the limits from the module's file.
    #[must_use]
    pub fn options(
        mut self,
        adjust: impl Fn(&plan::Module, Options) -> Options + Send + Sync + 'static,
    ) -> Self {
        self.router.adjust = Arc::new(adjust);
        self.is_own = true;
        self
    }

    /// Runs code for every module at each start of its process, after its nodes are installed and before it serves:
    /// additional steps of your deployment.
    #[must_use]
    pub fn prepare(mut self, prepare: impl Fn(&Module<SimPlatform>) + Send + Sync + 'static) -> Self {
        self.router.prepare = Arc::new(prepare);
        self.is_own = true;
        self
    }

    /// Records a line for every segment, so that two runs can be compared segment by segment.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Records every delivered segment as a packet; see [`capture`](crate::capture).
    #[must_use]
    pub fn captured(mut self) -> Self {
        self.captured = true;
        self
    }

    /// Makes a run fail if a check is vacuous: a scenario without expectations, an expectation in whose window no call
    /// started, a fault that touched nothing. Otherwise these are notes in the report.
    #[must_use]
    pub fn deny_vacuous(mut self) -> Self {
        self.deny_vacuous = true;
        self
    }

    /// Makes a run fail on incidents that no fault caused: a host that ended by itself, a panic, a stray task, an escape.
    /// Otherwise these are lines of the report, and the run passes.
    #[must_use]
    pub fn deny_incidents(mut self) -> Self {
        self.deny_incidents = true;
        self
    }

    /// Runs the services of a topology on real sockets of this machine: see [`live::Services`].
    ///
    /// # Errors
    /// If settings are invalid, or `bind` is no loopback address.
    pub fn start_services(
        &self,
        topology: &plan::Topology,
        bind: IpAddr,
    ) -> Result<live::Services, live::ServicesError> {
        live::Services::start(topology, &self.services, bind)
    }

    /// The JSON Schema of one kind of file, for editors: see [`schema`](crate::schema). Includes this harness's
    /// extensions.
    pub fn schema(&self, kind: file::Kind) -> serde_json::Value {
        let mut schema = crate::schema::schema(kind, &self.router.components);
        for own in &self.custom.kinds.schemas {
            squall_core::schema::add(&mut schema, own);
        }
        schema
    }

    /// The components for topologies.
    pub fn components(&self) -> &Components {
        &self.router.components
    }

    /// The components, services and clients that files are checked against: names, ports and valid settings.
    pub fn component_names(&self) -> ComponentNames {
        ComponentNames::of_all(&self.router.components, &self.services, &self.custom.kinds)
    }

    /// Loads a scenario and runs it, with its own seed or `seed`.
    ///
    /// # Errors
    /// If the file or its topology is invalid, or if the run does not complete.
    pub fn run_file(&self, path: impl AsRef<Path>, seed: Option<u64>) -> Result<Run, RunError> {
        let scenario = file::load_scenario(path.as_ref(), &self.component_names()).map_err(RunError::File)?;
        let mut run = self.run(scenario.plan(seed)).map_err(RunError::Run)?;
        run.file = Some(path.as_ref().to_owned());
        Ok(run)
    }

    /// Runs a plan to completion.
    ///
    /// # Errors
    /// If the run does not complete. A violation is not an error: see [`Run`].
    pub fn run(&self, plan: impl Into<Arc<Plan>>) -> Result<Run, Failure> {
        let options = run::Options {
            traced: self.traced,
            captured: self.captured,
            deny_vacuous: self.deny_vacuous,
            deny_incidents: self.deny_incidents,
            is_own: self.is_own,
            lists: self.custom.kinds.lists,
            oracles: self.custom.oracles.clone(),
            sections: self.custom.sections.clone(),
        };
        let systems: [Arc<dyn Hosting>; 4] = [
            Arc::new(self.router.clone()),
            Arc::new(Providers),
            Arc::new(self.cluster.clone()),
            Arc::new(self.services.clone()),
        ];
        run::run(plan.into(), systems.into(), options)
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

//! Registration: the request, its checks, and the response. Spec: provider 2.2 to 2.6.
//!
//! | subject | file |
//! |---|---|
//! | the request and its response | here |
//! | counting its contents before it is decoded | `declares` |
//! | decoding it, and its schemas, in small steps | `reading` |
//! | every check, in its order | `validation` |
//! | the reasons for a rejection | `rejection` |

mod declares;
mod reading;
mod rejection;
mod validation;

use std::sync::Arc;
use std::time::Duration;

use squall_grpc::within;
use squall_platform::Platform;
use squall_proto::provider::{ModuleRegistrationResult, RegisterRequest, RegisterResponse};
use tonic::Status;

use crate::manager::Manager;
use crate::table::{Bytes, Declared, Identity, Table};
use crate::turns::drop_modules;
use crate::{Config, events, identifiers};
use declares::Declares;
pub(crate) use reading::{deregistration, registration};
pub(crate) use rejection::{Class, Rejection};
use validation::{Ground, Owner, Verdicts};

/// The protocol version of this server.
const VERSION: i32 = 1;

/// The time that a namespace's owner has to be found dead, when another provider with the same executor address wants
/// to register: long enough for a round trip, and short enough that the provider gets its response in time.
const GHOST_WAIT: Duration = Duration::from_secs(1);
impl<P: Platform> Manager<P> {
    /// Registers all modules of a request, or none: a provider cannot use a part of them. A rejected request has no
    /// effect. Spec: provider section 5, rows 8 and 9.
    ///
    /// A provider that is refused because of an owner with the same executor address may be that owner after a
    /// restart. So the old connection is probed. If it is found dead, the request is checked again. A live owner is
    /// never displaced, nor is a silent one.
    ///
    /// # Errors
    /// When the request is rejected, and has no modules that could carry the reason, or too many.
    pub(crate) async fn register(
        &self,
        mut request: RegisterRequest,
        declares: Declares,
    ) -> Result<RegisterResponse, Status> {
        let connection = identifiers::connection(self.platform());
        // First, because values that are too long must not be copied, nor looked up.
        let bytes = Bytes {
            founds: declares.bytes,
            joins: joins(&request),
        };
        let verdicts = match validation::check_alone(&request, declares, self.config()) {
            Ok(()) => self.register_as(&mut request, bytes, &connection).await,
            Err(verdicts) => Err(verdicts),
        };
        if let Err(verdicts) = &verdicts {
            let first = verdicts.iter().flatten().next();
            self.metrics().rejected(first);
            events::rejected(&request, first);
            self.log().rejected(&request, first);
            if let Some(reason) = first.filter(|_| !validation::has_results(&request, self.config())) {
                return Err(refusal(reason));
            }
        }
        Ok(RegisterResponse {
            success: verdicts.is_ok(),
            results: results(&request, verdicts.err()),
            protocol_version: VERSION,
            connection_id: connection,
        })
    }

    async fn register_as(
        &self,
        request: &mut RegisterRequest,
        bytes: Bytes,
        connection: &str,
    ) -> Result<(), Verdicts> {
        let identity = Arc::new(Identity {
            connection: connection.into(),
            namespace: request.namespace.as_str().into(),
            group: (!request.group_id.is_empty()).then(|| request.group_id.as_str().into()),
            executor: request.executor_url.as_str().into(),
        });
        let ghosts = self.ask_ghosts(request);
        // Nothing is read for a request that exceeds a limit.
        self.check_room(request, bytes)?;
        // Schemas are read and dropped without the lock, because they may be large.
        let mut schemas = self.schemas(request).await;
        let mut entered = self.enter(request, &identity, bytes, &mut schemas);
        if entered.as_ref().is_err_and(are_about_the_owner) && self.are_gone(&ghosts).await {
            entered = self.enter(request, &identity, bytes, &mut schemas);
        }
        drop_modules(schemas.into_iter().flatten()).await;
        entered
    }

    fn check_room(&self, request: &RegisterRequest, bytes: Bytes) -> Result<(), Verdicts> {
        let nothing_exists = |_: &str| false;
        let checked = (self.config(), &nothing_exists as Exists<'_>);
        validation::check_request(request, &ground(&self.lock().table, request, bytes, checked))
    }

    /// Registers the provider with its modules, if all checks pass. Otherwise the modules stay in the request.
    fn enter(
        &self,
        request: &RegisterRequest,
        identity: &Arc<Identity>,
        bytes: Bytes,
        schemas: &mut Vec<Result<Declared, Rejection>>,
    ) -> Result<(), Verdicts> {
        let exists = |qualified: &str| self.engine().module(qualified).is_some();
        let checked = (self.config(), &exists as Exists<'_>);
        self.change(|registry, now| {
            let table = &mut registry.table;
            let ground = ground(table, request, bytes, checked);
            let modules = validation::validate(request, schemas, &ground)?;
            let version = request.protocol_version.min(VERSION);
            table.register(identity.clone(), version, modules, bytes, now);
            Ok(())
        })
    }

    /// Sends something to owners of this namespace with the same executor address. A dead process cannot receive it,
    /// and its machine, or the new one at that address, resets the connection. Calls to that address use a new
    /// connection from now on.
    fn ask_ghosts(&self, request: &RegisterRequest) -> Vec<Arc<str>> {
        let mut registry = self.lock();
        let ghosts: Vec<Arc<Identity>> = registry
            .table
            .at(&request.namespace, &request.executor_url)
            .map(|it| it.identity.clone())
            .collect();
        let (mut unused, mut reports) = (vec![], vec![]);
        for ghost in &ghosts {
            reports.extend(registry.report(&ghost.connection));
            unused.extend(registry.channels.remove(&ghost.executor));
        }
        drop(registry);
        // Without the lock, because connections end here.
        drop(unused);
        for report in reports {
            report.send();
        }
        ghosts.iter().map(|it| it.connection.clone()).collect()
    }

    /// Waits until all of these have left; false when they have not, or registration is closed.
    async fn are_gone(&self, connections: &[Arc<str>]) -> bool {
        let gone = async {
            loop {
                let departures = self.departures().notified();
                if connections.iter().all(|it| self.lock().table.get(it).is_none()) {
                    return;
                }
                departures.await;
            }
        };
        tokio::select! {
            biased;
            () = self.stopped() => false,
            gone = within(GHOST_WAIT, gone) => gone.is_some() && !connections.is_empty(),
        }
    }
}

/// Whether there is a module of this qualified name in the engine.
type Exists<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// The current state that a request is checked against.
fn ground<'a>(
    table: &'a Table,
    request: &RegisterRequest,
    bytes: Bytes,
    (config, exists): (&'a Config, Exists<'a>),
) -> Ground<'a> {
    let namespace = table.namespace(&request.namespace);
    Ground {
        config,
        owner: Owner::of(namespace),
        connections: table.len(),
        registered: table.bytes(),
        bytes: if namespace.is_some() {
            bytes.joins
        } else {
            bytes.founds
        },
        exists,
    }
}

/// The size of a group member's own part, in bytes, without the common part of the group.
fn joins(request: &RegisterRequest) -> usize {
    let names = request.modules.iter().map(|it| it.name.len());
    request.executor_url.len() + request.namespace.len() + request.group_id.len() + names.sum::<usize>()
}

fn refusal(reason: &Rejection) -> Status {
    let text = reason.to_string();
    match reason {
        Rejection::TooManyConnections { .. } | Rejection::TooMuch { .. } => Status::resource_exhausted(text),
        _ => Status::invalid_argument(text),
    }
}

/// Whether the verdicts might differ if the namespace had another owner.
fn are_about_the_owner(verdicts: &Verdicts) -> bool {
    verdicts
        .iter()
        .flatten()
        .any(|it| matches!(it.class(), Class::Ownership | Class::Group))
}

/// One for each module, in the order of the request.
fn results(request: &RegisterRequest, verdicts: Option<Verdicts>) -> Vec<ModuleRegistrationResult> {
    let verdicts = verdicts.unwrap_or_default();
    let accepted = request.modules.iter().map(|module| ModuleRegistrationResult {
        module_name: module.name.clone(),
        accepted: true,
        rejection_reason: String::new(),
    });
    let mut results: Vec<_> = accepted.collect();
    for (result, verdict) in results.iter_mut().zip(verdicts) {
        result.accepted = false;
        result.rejection_reason = verdict.unwrap_or(Rejection::WithOthers).to_string();
    }
    results
}

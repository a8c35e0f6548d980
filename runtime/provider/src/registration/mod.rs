//! Registration: what is asked for, whether it may be had, and the answer. Spec: provider 2.2 to 2.6.
//!
//! | subject | file |
//! |---|---|
//! | the request and its answer | here |
//! | every check, in its order | `validation` |
//! | why a module is not accepted | `rejection` |

mod rejection;
mod validation;

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use squall_grpc::within;
use squall_platform::Platform;
use squall_proto::provider::{ModuleRegistrationResult, RegisterRequest, RegisterResponse};
use tonic::Status;

use crate::manager::Manager;
use crate::table::{Bytes, Identity};
use crate::{events, identifiers};
pub(crate) use rejection::{Class, Rejection};
use validation::{Ground, Owner, Verdicts};

/// The protocol version of this server.
const VERSION: i32 = 1;

/// How long a namespace's owner is given to show that it is dead, when somebody wants to register who executes where it
/// does: long enough for a round trip, and for a provider to be told in time.
const GHOST_WAIT: Duration = Duration::from_secs(1);

impl<P: Platform> Manager<P> {
    /// Registers all modules of a request, or none: a provider cannot use a part of what it asked for. Of a request
    /// that is rejected nothing is kept. Spec: provider section 5, rows 8 and 9.
    ///
    /// Who is refused for an owner that executes at the same address may be that owner, come back: nobody but itself
    /// can be in its way. So the old connection is asked, and if that shows that it is dead, the request is looked at
    /// again. An owner that lives is never displaced, and neither is one of which nothing is heard.
    ///
    /// # Errors
    /// When the request is rejected, and has no modules that could get the reason, or too many.
    pub(crate) async fn register(&self, request: &RegisterRequest) -> Result<RegisterResponse, Status> {
        let identity = Arc::new(Identity {
            connection: identifiers::connection(self.platform()).into(),
            namespace: request.namespace.as_str().into(),
            group: (!request.group_id.is_empty()).then(|| request.group_id.as_str().into()),
            executor: request.executor_url.as_str().into(),
        });
        let ghosts = self.ask_ghosts(request);
        let mut verdicts = self.try_register(request, &identity);
        if verdicts.as_ref().is_err_and(are_about_the_owner) && self.are_gone(&ghosts).await {
            verdicts = self.try_register(request, &identity);
        }
        if let Err(verdicts) = &verdicts {
            let first = verdicts.iter().flatten().next();
            self.metrics().rejected(first);
            events::rejected(request, first);
            self.log().rejected(request, first);
            if let Some(reason) = first.filter(|_| !validation::has_results(request, self.config())) {
                return Err(refusal(reason));
            }
        }
        Ok(RegisterResponse {
            success: verdicts.is_ok(),
            results: results(request, verdicts.err()),
            protocol_version: VERSION,
            connection_id: identity.connection.to_string(),
        })
    }

    fn try_register(&self, request: &RegisterRequest, identity: &Arc<Identity>) -> Result<(), Verdicts> {
        let config = self.config();
        // Schemas are read before the lock is taken: they may be large.
        let schemas = validation::schemas(request, config);
        let (founds, joins) = (request.encoded_len(), joins(request));
        self.change(|registry, now| {
            let table = &mut registry.table;
            let ground = Ground {
                config,
                owner: Owner::of(table.namespace(&request.namespace)),
                connections: table.len(),
                registered: table.bytes(),
                bytes: if table.namespace(&request.namespace).is_some() {
                    joins
                } else {
                    founds
                },
                exists: &|qualified| self.engine().module(qualified).is_some(),
            };
            let verdicts = validation::validate(request, schemas, &ground)?;
            let version = request.protocol_version.min(VERSION);
            let bytes = Bytes { founds, joins };
            table.register(identity.clone(), version, verdicts, bytes, now);
            Ok(())
        })
    }

    /// Says something to those that have registered for this namespace before and execute at the same address: to a
    /// process that is gone nothing can be said, and its machine, or the one that has its address now, will tell. Calls
    /// go there by a new connection from now on.
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
        // Not under the lock: connections end with them.
        drop(unused);
        for report in reports {
            report.send();
        }
        ghosts.iter().map(|it| it.connection.clone()).collect()
    }

    /// Waits until these have all left; false when they have not, or nobody may register any more.
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

/// What a member of a group has for itself, in bytes, beside what the group has in common.
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

/// Whether they would be others, or none, if the namespace had another owner.
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

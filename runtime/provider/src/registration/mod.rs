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

use squall_platform::Platform;
use squall_proto::provider::{ModuleRegistrationResult, RegisterRequest, RegisterResponse};

use crate::manager::Manager;
use crate::table::Identity;
use crate::{events, identifiers};
pub(crate) use rejection::{Class, Rejection};
use validation::{Ground, Owner, Verdicts};

/// The protocol version of this server.
const VERSION: i32 = 1;

impl<P: Platform> Manager<P> {
    /// Registers all modules of a request, or none: a provider cannot use a part of what it asked for. Of a request
    /// that is rejected nothing is kept. Spec: provider section 5, rows 8 and 9.
    pub(crate) fn register(&self, request: &RegisterRequest) -> RegisterResponse {
        let config = self.config();
        // Schemas are read before the lock is taken: they may be large.
        let schemas = validation::schemas(request, config);
        let identity = Arc::new(Identity {
            connection: identifiers::connection(self.platform()).into(),
            namespace: request.namespace.as_str().into(),
            group: (!request.group_id.is_empty()).then(|| request.group_id.as_str().into()),
            executor: request.executor_url.as_str().into(),
        });
        let verdicts: Result<(), Verdicts> = self.change(|registry, now| {
            let table = &mut registry.table;
            let ground = Ground {
                config,
                owner: Owner::of(table.namespace(&request.namespace)),
                connections: table.len(),
                exists: &|qualified| self.engine().module(qualified).is_some(),
            };
            let verdicts = validation::validate(request, schemas, &ground)?;
            let version = request.protocol_version.min(VERSION);
            table.register(identity.clone(), version, verdicts, now);
            Ok(())
        });
        if let Err(verdicts) = &verdicts {
            let first = verdicts.iter().flatten().next();
            self.metrics().rejected(first);
            events::rejected(request, first);
        }
        RegisterResponse {
            success: verdicts.is_ok(),
            results: results(request, verdicts.err()),
            protocol_version: VERSION,
            connection_id: identity.connection.to_string(),
        }
    }
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

//! Departure: what is removed with a connection, and what stays for the others of its group. Spec: provider 2.8, 2.9.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use squall_proto::provider::{DeregisterRequest, DeregisterResponse, ModuleDeregistrationResult};

use super::{Cause, Change, Event, Moment, Table};

const NOT_FOUND: &str = "not found";
const WRONG_OWNER: &str = "wrong namespace owner";
/// **ours**
const NO_ID: &str = "connection_id is empty: send the one that the registration was answered with";

impl Table {
    /// Deregisters a connection, at its request or not. No effect if it has left already.
    pub(crate) fn leave(&mut self, connection: &str, cause: Cause, now: Moment) {
        self.happens_to(connection, Event::Left(cause), now.instant);
    }

    /// Deregisters all connections.
    pub(crate) fn leave_all(&mut self, cause: &Cause, now: Moment) {
        // Pools are cleared first: otherwise each member would be searched among all the others of its group.
        for namespace in self.namespaces.values_mut() {
            namespace.pool.clear();
        }
        let all: Vec<_> = self.serials.keys().cloned().collect();
        for connection in all {
            self.leave(&connection, cause.clone(), now);
        }
    }

    /// Removes modules of a connection, and the connection with the last of them. Other members of its group keep
    /// theirs. After the connection has left, the response says so and there is no effect. Spec: provider section 5,
    /// rows 12 and 13.
    ///
    /// Requires the connection's id. In upstream, a request without one applies to the first connection of the
    /// namespace. All SDKs send it; otherwise any peer that reaches the port could remove modules.
    pub(crate) fn deregister(&mut self, request: &DeregisterRequest, now: Moment) -> DeregisterResponse {
        let asked = request.connection_id.as_str();
        let is_owned = self.namespaces.contains_key(request.namespace.as_str());
        let is_in_namespace = |serial: &u64| {
            let connection = self.connections.get(serial);
            connection.is_some_and(|it| *it.identity.namespace == *request.namespace)
        };
        let member = self.serials.get(asked).copied().filter(is_in_namespace);
        let Some(serial) = member else {
            let error = match (is_owned, asked.is_empty()) {
                (false, _) => NOT_FOUND,
                (true, true) => NO_ID,
                (true, false) => WRONG_OWNER,
            };
            let results = request.module_names.iter().map(|name| result(name, error));
            return DeregisterResponse {
                success: request.module_names.is_empty() && !asked.is_empty(),
                results: results.collect(),
            };
        };
        let mut gone = BTreeSet::new();
        let mut results = vec![];
        let mut leaver = None;
        if let Some(connection) = self.connections.get_mut(&serial) {
            for name in &request.module_names {
                let taken = Arc::make_mut(&mut connection.modules).take(name.as_str());
                results.push(result(name, if taken.is_some() { "" } else { NOT_FOUND }));
                gone.extend(taken);
            }
            if connection.modules.is_empty() {
                leaver = Some(connection.identity.connection.clone());
            }
        }
        self.forget(&request.namespace, &gone);
        if let Some(connection) = leaver {
            self.leave(&connection, Cause::Deregistered, now);
        }
        DeregisterResponse {
            success: results.iter().all(|it| it.removed),
            results,
        }
    }

    /// Removes a connection from the table, and from its namespace.
    pub(super) fn remove(&mut self, serial: u64) {
        let Some(connection) = self.connections.remove(&serial) else {
            return;
        };
        let identity = &connection.identity;
        self.bytes -= connection.bytes;
        self.serials.remove(&identity.connection);
        if let Entry::Occupied(mut users) = self.executors.entry(identity.executor.clone()) {
            *users.get_mut() -= 1;
            if *users.get() == 0 {
                users.remove();
            }
        }
        let Some(namespace) = self.namespaces.get_mut(&identity.namespace) else {
            return;
        };
        if !namespace.members.remove(&serial) {
            return;
        }
        namespace.pool.remove(&identity.connection);
        if namespace.members.is_empty() {
            let namespace = identity.namespace.clone();
            if let Some(gone) = self.namespaces.remove(&namespace) {
                self.bytes -= gone.bytes;
                self.waste.extend(gone.modules.into_values());
            }
            self.changes.push(Change::Released { namespace });
        } else {
            self.forget(&identity.namespace, &connection.modules);
        }
    }

    /// Drops those of the modules that no member has any more.
    fn forget(&mut self, namespace: &str, modules: &BTreeSet<Arc<str>>) {
        let Some(namespace) = self.namespaces.get_mut(namespace) else {
            return;
        };
        for name in modules {
            let has = |serial| {
                self.connections
                    .get(serial)
                    .is_some_and(|it| it.modules.contains(name))
            };
            if !namespace.members.iter().any(has) {
                self.waste.extend(namespace.modules.remove(name));
            }
        }
    }
}

fn result(name: &str, error: &str) -> ModuleDeregistrationResult {
    ModuleDeregistrationResult {
        module_name: name.to_owned(),
        removed: error.is_empty(),
        error: error.to_owned(),
    }
}

//! The host tables of topologies: each is a type of its system, and an entry in its list.

use schemars::JsonSchema;

use super::key::{Given, Key};
use super::names::Names;
use super::raw::custom::CustomHosts;
use super::read::{At, Named, Read};
use super::report::Problems;
use crate::plan::Topology;

/// One host table: `[module.orders]`.
pub trait HostShape: Read + JsonSchema + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The key of the topology: `module`.
    const KEY: &'static str;
    /// Its description in the schema.
    const ABOUT: &'static str;
    /// Whether a topology may consist of these tables only.
    const IS_ENOUGH: bool;

    /// The number of hosts; `None` is one.
    fn replicas(&self) -> Option<&At<u64>>;
}

/// A host table, as registered for files.
pub struct HostTable {
    /// Its key.
    pub key: Key,
    /// See [`HostShape::IS_ENOUGH`].
    pub(crate) is_enough: bool,
    hosts: for<'g> fn(&'g Given) -> Vec<NameAndReplicas<'g>>,
}

type NameAndReplicas<'g> = (&'g At<String>, Option<&'g At<u64>>);

impl HostTable {
    /// The table of `S`.
    pub const fn of<S: HostShape>() -> Self {
        HostTable {
            key: Key::of::<Named<S>>(S::KEY, S::ABOUT),
            is_enough: S::IS_ENOUGH,
            hosts: |given| {
                let entries = entries::<S>(given).iter();
                entries.map(|(name, said)| (name, said.replicas())).collect()
            },
        }
    }

    /// The names in a file, with the number of hosts of each.
    pub(crate) fn hosts<'g>(&self, given: &'g Given) -> Vec<NameAndReplicas<'g>> {
        (self.hosts)(given)
    }
}

/// The tables of one system. They are checked together: providers refer to managers, and nodes of all modules to one
/// another.
pub struct HostTables {
    /// In the order of messages and of the schema.
    pub tables: &'static [HostTable],
    /// Checks references between the tables, before any is converted.
    pub check: fn(&SaidHosts<'_>, &mut Problems),
    /// Adds the groups of hosts to the topology. `None` if it is too broken to continue.
    pub resolve: fn(&SaidHosts<'_>, &mut Topology, &mut Problems) -> Option<()>,
}

/// All host tables of a file.
pub struct SaidHosts<'f> {
    /// The tables of the systems.
    pub given: &'f Given,
    /// User-defined tables.
    pub custom: &'f [CustomHosts],
    /// The names of user code.
    pub names: &'f Names,
}

impl<'f> SaidHosts<'f> {
    /// The tables of one kind, in file order.
    pub fn of<S: HostShape>(&self) -> &'f [(At<String>, At<S>)] {
        entries(self.given)
    }
}

fn entries<S: HostShape>(given: &Given) -> &[(At<String>, At<S>)] {
    let named = given.get::<Named<S>>(S::KEY);
    named.map_or(&[], |named| &named.0)
}

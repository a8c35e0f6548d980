//! The tables of hosts that topologies may have: each is a type of its system, and a line in its list.

use schemars::JsonSchema;

use super::key::{Given, Key};
use super::names::ComponentNames;
use super::raw::custom::CustomHosts;
use super::read::{At, Named, Read};
use super::report::Problems;
use crate::plan::Topology;

/// What one table of hosts says: `[module.orders]`.
pub(crate) trait HostShape:
    Read + JsonSchema + Clone + std::fmt::Debug + Send + Sync + 'static
{
    /// The key of the topology: `module`.
    const KEY: &'static str;
    /// What it is, in the schema.
    const ABOUT: &'static str;
    /// Whether a topology may have nothing else.
    const IS_ENOUGH: bool;

    /// How many hosts run it; one when absent.
    fn replicas(&self) -> Option<&At<u64>>;
}

/// A table of hosts, as files meet it.
pub(crate) struct HostTable {
    pub(crate) key: Key,
    /// See [`HostShape::IS_ENOUGH`].
    pub(crate) is_enough: bool,
    hosts: for<'g> fn(&'g Given) -> Vec<NameAndReplicas<'g>>,
}

type NameAndReplicas<'g> = (&'g At<String>, Option<&'g At<u64>>);

impl HostTable {
    pub(crate) const fn of<S: HostShape>() -> Self {
        HostTable {
            key: Key::of::<Named<S>>(S::KEY, S::ABOUT),
            is_enough: S::IS_ENOUGH,
            hosts: |given| {
                let entries = entries::<S>(given).iter();
                entries.map(|(name, said)| (name, said.replicas())).collect()
            },
        }
    }

    /// The names in a file, and how many hosts there are of each.
    pub(crate) fn hosts<'g>(&self, given: &'g Given) -> Vec<NameAndReplicas<'g>> {
        (self.hosts)(given)
    }
}

/// The tables of one system. What they mean is known of all of them together: providers name managers, and nodes of all
/// modules send to one another.
pub(crate) struct HostTables {
    /// In the order of messages and of the schema.
    pub(crate) tables: &'static [HostTable],
    /// Adds what is wrong between them, before anything is made of any table.
    pub(crate) check: fn(&SaidHosts<'_>, &mut Problems),
    /// Adds the groups of hosts to the topology. Nothing where it would make no sense to go on.
    pub(crate) resolve: fn(&SaidHosts<'_>, &mut Topology, &mut Problems) -> Option<()>,
}

/// What a file says of hosts, in all of its tables.
pub(crate) struct SaidHosts<'f> {
    pub(crate) given: &'f Given,
    /// Tables of a user's own.
    pub(crate) custom: &'f [CustomHosts],
    pub(crate) names: &'f ComponentNames,
}

impl<'f> SaidHosts<'f> {
    /// Those of one kind, in file order.
    pub(crate) fn of<S: HostShape>(&self) -> &'f [(At<String>, At<S>)] {
        entries(self.given)
    }
}

fn entries<S: HostShape>(given: &Given) -> &[(At<String>, At<S>)] {
    let named = given.get::<Named<S>>(S::KEY);
    named.map_or(&[], |named| &named.0)
}

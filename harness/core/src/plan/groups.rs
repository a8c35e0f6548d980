//! The host groups of a topology, by table of its file. Each kind is a type of its system.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

/// One table of a topology, `[module.orders]` for instance: one host, or one per replica.
pub trait HostGroup: Any + Debug + Clone + PartialEq + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The table's name: `module`.
    const TABLE: &'static str;

    /// Whether faults on its hosts are certain to be visible in calls. Other groups, such as managers, show them in
    /// states.
    const SHOWS_IN_CALLS: bool;

    /// Its name in the file: `orders`.
    fn name(&self) -> &str;

    /// Its hosts: `orders` alone, or `orders-0`, `orders-1`, ...
    fn hosts(&self) -> &[String];

    /// The default timeout of calls that start on its hosts. `None`: no call can start there.
    fn call_timeout(&self) -> Option<Duration>;

    /// The namespace that it serves, if callers address a namespace and not a host: `ml` of `ml.Analyze`.
    fn namespace(&self) -> Option<&str>;

    /// How calls to it recover after the last fault.
    fn recovery(&self) -> Recovery;

    /// An empty table, for topologies without this kind.
    fn none() -> &'static IndexMap<String, Self>;
}

/// How calls to a group of hosts recover after the last fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// They succeed again within this time after their connections are restored.
    Within(Duration),
    /// Some may fail permanently: the group fails on purpose.
    Unknown,
}

/// The tables of a topology, in registration order. Clones share them, copy-on-write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(Vec<Arc<dyn Table>>);

/// One group of any kind.
#[derive(Debug, Clone, Copy)]
pub struct Group<'t> {
    /// The name of its table: `module`.
    pub table: &'static str,
    /// Its name.
    pub name: &'t str,
    /// Its hosts.
    pub hosts: &'t [String],
    /// See [`HostGroup::SHOWS_IN_CALLS`].
    pub shows_in_calls: bool,
    /// See [`HostGroup::call_timeout`].
    pub call_timeout: Option<Duration>,
    /// See [`HostGroup::namespace`].
    pub namespace: Option<&'t str>,
    /// See [`HostGroup::recovery`].
    pub recovery: Recovery,
}

/// The groups of one kind, type-erased.
trait Table: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn groups(&self) -> Box<dyn Iterator<Item = Group<'_>> + '_>;
    fn is_empty(&self) -> bool;
    fn is_equal(&self, other: &dyn Table) -> bool;
}

impl<G: HostGroup> Table for IndexMap<String, G> {
    fn groups(&self) -> Box<dyn Iterator<Item = Group<'_>> + '_> {
        let groups = self.values().map(|group| Group {
            table: G::TABLE,
            name: group.name(),
            hosts: group.hosts(),
            shows_in_calls: G::SHOWS_IN_CALLS,
            call_timeout: group.call_timeout(),
            namespace: group.namespace(),
            recovery: group.recovery(),
        });
        Box::new(groups)
    }

    fn is_empty(&self) -> bool {
        IndexMap::is_empty(self)
    }

    fn is_equal(&self, other: &dyn Table) -> bool {
        (other as &dyn Any).downcast_ref::<Self>() == Some(self)
    }
}

fn downcast<G: HostGroup>(table: &dyn Table) -> Option<&IndexMap<String, G>> {
    (table as &dyn Any).downcast_ref()
}

impl Groups {
    /// The groups of one kind, by name, in file order.
    pub(crate) fn of<G: HostGroup>(&self) -> &IndexMap<String, G> {
        let mut tables = self.0.iter();
        let found = tables.find_map(|table| downcast(&**table));
        found.unwrap_or_else(|| G::none())
    }

    /// The same, mutable.
    pub(crate) fn of_mut<G: HostGroup>(&mut self) -> &mut IndexMap<String, G> {
        let is_its = |table: &Arc<dyn Table>| downcast::<G>(&**table).is_some();
        let place = self.0.iter().position(is_its).unwrap_or_else(|| {
            self.0.push(Arc::new(IndexMap::<String, G>::new()));
            self.0.len() - 1
        });
        if Arc::get_mut(&mut self.0[place]).is_none() {
            let own: IndexMap<String, G> = self.of::<G>().clone();
            self.0[place] = Arc::new(own);
        }
        let table = Arc::get_mut(&mut self.0[place]).expect("it is shared with nobody");
        let table: &mut dyn Any = table;
        table.downcast_mut().expect("it is of this kind")
    }

    /// The groups of all kinds.
    pub(crate) fn all(&self) -> impl Iterator<Item = Group<'_>> {
        self.0.iter().flat_map(|table| table.groups())
    }
}

/// Tables without entries count as absent.
impl PartialEq for Groups {
    fn eq(&self, other: &Self) -> bool {
        let filled = |groups: &Self| -> Vec<Arc<dyn Table>> {
            let tables = groups.0.iter().filter(|table| !table.is_empty());
            tables.cloned().collect()
        };
        let (own, others) = (filled(self), filled(other));
        let mut pairs = own.iter().zip(&others);
        own.len() == others.len() && pairs.all(|(one, other)| one.is_equal(&**other))
    }
}

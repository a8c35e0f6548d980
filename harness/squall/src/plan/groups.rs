//! What runs on the hosts of a topology, table by table of its file. Each kind is a type of the system that it belongs to.

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

/// What one table of a topology, `[module.orders]` say, describes: one host, or one per replica.
pub trait HostGroup: Any + Debug + Clone + PartialEq + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The table's name: `module`.
    const TABLE: &'static str;

    /// Whether what a fault does to its hosts is sure to be seen in calls. Of others, such as managers, states tell.
    const SHOWS_IN_CALLS: bool;

    /// Its name in the file: `orders`.
    fn name(&self) -> &str;

    /// Its hosts: `orders` alone, or `orders-0`, `orders-1`, ...
    fn hosts(&self) -> &[String];

    /// How long a call may take that starts on one of its hosts and does not say so itself. `None`: no call can start there.
    fn call_timeout(&self) -> Option<Duration>;

    /// The namespace of what it serves, where callers name what they want and not who serves it: `ml` of `ml.Analyze`.
    fn namespace(&self) -> Option<&str>;

    /// How calls to it behave once the last fault is over.
    fn recovery(&self) -> Recovery;

    /// The empty table: what topologies have that do not have one of this kind.
    fn none() -> &'static IndexMap<String, Self>;
}

/// How calls to a group of hosts behave once the last fault is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// They succeed again, at the latest so long after their connections are back.
    Within(Duration),
    /// Some may fail for good: what runs there fails on purpose.
    Unknown,
}

/// The tables of a topology, in the order in which their kinds came. Clones share them until one is changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(Vec<Arc<dyn Table>>);

/// One group, whatever its kind.
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

/// The groups of one kind, whichever it is.
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
    /// Those of one kind, by name, in file order.
    pub(crate) fn of<G: HostGroup>(&self) -> &IndexMap<String, G> {
        let mut tables = self.0.iter();
        let found = tables.find_map(|table| downcast(&**table));
        found.unwrap_or_else(|| G::none())
    }

    /// The same, to change them.
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

    /// All of them.
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

//! Faults of modules and their nodes: one file each, as in [`squall_core::faults`].

mod announce;
mod close;
mod moved;
mod remove;

use std::time::Duration;

use squall_core::draw::Ranged;
use squall_core::faults::Kind;
use squall_core::file::names::unknown;
use squall_core::file::read::{At, tables};
use squall_core::file::report::Problems;
use squall_core::plan::Topology;
use squall_core::time;

pub use self::announce::Announce;
pub use self::close::Close;
pub use self::moved::Move;
pub use self::remove::Remove;
use crate::plan::Module;

/// In the order of messages and of the schema.
pub const ALL: &[Kind] = &[
    Kind::of::<Remove>(),
    Kind::of::<Move>(),
    Kind::of::<Close>(),
    Kind::of::<Announce>(),
];

tables! {
    /// Which node
    pub OneNode("the fault") {
        /// Its name
        node: At<String>,
    }
}

/// The maximum propagation delay of a discovery update; zero by default.
fn lateness(late: Option<&At<Ranged<Duration>>>) -> Ranged<Duration> {
    late.map_or_else(|| Ranged::exactly(Duration::ZERO), |late| late.value)
}

/// The same as text; empty if there is no delay.
fn lateness_text(late: Duration) -> String {
    match late.is_zero() {
        true => String::new(),
        false => format!(", up to {} late", time::exact(time::nanos(late))),
    }
}

/// The node with this name. Adds a problem if there is none.
fn node(name: &At<String>, topology: &Topology, problems: &mut Problems) -> Option<String> {
    if Module::owning(topology, name).is_none() {
        let nodes = topology
            .all::<Module>()
            .values()
            .flat_map(|module| module.nodes.keys());
        unknown("node", name, &name.span, nodes.map(String::as_str), problems);
        return None;
    }
    Some(name.value.clone())
}

/// The module with this name. Adds a problem if there is none.
fn module<'t>(name: &At<String>, topology: &'t Topology, problems: &mut Problems) -> Option<&'t Module> {
    let module = topology.all::<Module>().get(&name.value);
    if module.is_none() {
        let modules = topology.all::<Module>().keys().map(String::as_str);
        unknown("module", name, &name.span, modules, problems);
    }
    module
}

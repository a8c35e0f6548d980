//! What the harness's tests share.

use squall::file::{ComponentNames, topology_from_str};
use squall::plan::Topology;

/// A topology written in a test, of components that are known by these names.
pub(crate) fn topology_with(text: &str, components: &ComponentNames) -> Topology {
    match topology_from_str("test.toml", text, components) {
        Ok(topology) => topology,
        Err(report) => panic!("{}", squall::file::render(&report, false, 100)),
    }
}

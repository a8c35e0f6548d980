//! What the harness's tests share.

use squall::file::{ComponentNames, topology_from_str};
use squall::plan::Topology;

/// A topology written in a test.
pub(crate) fn topology(text: &str) -> Topology {
    match topology_from_str("test.toml", text, &ComponentNames::built_in()) {
        Ok(topology) => topology,
        Err(report) => panic!("{}", squall::file::render(&report, false, 100)),
    }
}

//! Where a module learns who owns a node, and where another module runs, when nobody has told it.

use std::sync::Arc;

use squall_platform::Authority;

/// A source of owners and endpoints, asked when a look-up finds nothing. Spec: router S-14, S-16.
///
/// What [`Module::set_node`](crate::Module::set_node) and [`Module::register`](crate::Module::register) were
/// told wins. Both answers must come at once: a source that has to ask somebody keeps a copy.
pub trait Discovery: Send + Sync + 'static {
    /// The module that owns `node`.
    fn owner(&self, node: &str) -> Option<Arc<str>>;

    /// Where `module` runs. Kept by the pool from then on.
    fn endpoints(&self, module: &str) -> Option<Vec<Authority>>;
}

/// Nothing is known but what was told.
pub(crate) struct Nothing;

impl Discovery for Nothing {
    fn owner(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn endpoints(&self, _: &str) -> Option<Vec<Authority>> {
        None
    }
}

//! Where a module learns who owns a node, and where another module runs, when nobody has told it.
//!
//! | source | where its knowledge is from |
//! |---|---|
//! | [`Registry`] | changes with a version each, in any order: what a watch of resources brings |
//! | [`Dns`] | the names that another source gives, resolved again and again |
//!
//! A source keeps a copy of all that it knows, and answers from it at once. When that changes it tells its
//! [`Listener`]s, and the pool follows: connections to endpoints that stay are kept.

mod dns;
mod events;
mod listeners;
mod registry;
mod sources;

use std::sync::{Arc, Weak};

use squall_platform::Authority;

pub use dns::{Dns, DnsOptions};
pub use listeners::Listeners;
pub use registry::{Fact, Registry};
pub(crate) use sources::Sources;

/// A source of owners and endpoints, asked when a look-up finds nothing. Spec: router S-14, S-16.
///
/// What [`Module::set_node`](crate::Module::set_node) and [`Module::register`](crate::Module::register) were
/// told wins. Both answers must come at once, and neither may call the module that asks: a source that has to
/// ask somebody keeps a copy.
pub trait Discovery: Send + Sync + 'static {
    /// The module that owns `node`.
    fn owner(&self, node: &str) -> Option<Arc<str>>;

    /// Where `module` runs. The pool keeps the answer until it is told that it has changed. No endpoints are
    /// the same as no answer: the module is not discovered. Spec: router W-13.
    fn endpoints(&self, module: &str) -> Option<Vec<Authority>>;

    /// Tells `listener`, for as long as it lives, whenever the answer of [`Discovery::endpoints`] for some
    /// module has changed. A source that never changes need not do anything. Owners are asked for at every
    /// call, so nobody has to be told of them.
    fn listen(&self, listener: Weak<dyn Listener>) {
        drop(listener);
    }
}

/// Is told that a source's answers have changed.
pub trait Listener: Send + Sync + 'static {
    /// [`Discovery::endpoints`] has another answer for `module` now. May be said once too often. The source
    /// holds no lock while it says so.
    fn changed(&self, module: &str);
}

/// Nothing is known but what was told.
struct Nothing;

impl Discovery for Nothing {
    fn owner(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn endpoints(&self, _: &str) -> Option<Vec<Authority>> {
        None
    }
}

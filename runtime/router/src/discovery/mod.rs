//! How a module learns the owners of nodes and the endpoints of modules that are not configured.
//!
//! | source | origin of its data |
//! |---|---|
//! | [`Registry`] | versioned changes in any order, such as those of a watch on resources |
//! | [`Dns`] | the names of another source, resolved periodically |
//!
//! A source keeps a copy of its data and answers from it at once. When the data changes it notifies its
//! [`Listener`]s, and the pool follows: connections to unchanged endpoints are kept.

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

/// A source of owners and endpoints, queried when the configuration has no entry. Spec: router S-14, S-16.
///
/// Entries of [`Module::set_node`](crate::Module::set_node) and [`Module::register`](crate::Module::register) take
/// precedence. Both answers must come at once, and neither may call the module that asks. A source that depends on a
/// remote service keeps a copy.
pub trait Discovery: Send + Sync + 'static {
    /// The module that owns `node`.
    fn owner(&self, node: &str) -> Option<Arc<str>>;

    /// The endpoints of `module`. The pool keeps the answer until it is notified of a change. No endpoints are the
    /// same as no answer: the module is not discovered. Spec: router W-13.
    fn endpoints(&self, module: &str) -> Option<Vec<Authority>>;

    /// Notifies `listener`, while it lives, whenever the answer of [`Discovery::endpoints`] for some module has
    /// changed. A source that never changes need not do anything. Owners are looked up at every call, so they need no
    /// notification.
    fn listen(&self, listener: Weak<dyn Listener>) {
        drop(listener);
    }
}

/// Receives notifications of changes in a source's answers.
pub trait Listener: Send + Sync + 'static {
    /// [`Discovery::endpoints`] has a new answer for `module`. Spurious notifications are allowed. The source holds
    /// no lock during the call.
    fn changed(&self, module: &str);
}

/// An empty source: only the configuration is known.
struct Nothing;

impl Discovery for Nothing {
    fn owner(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn endpoints(&self, _: &str) -> Option<Vec<Authority>> {
        None
    }
}

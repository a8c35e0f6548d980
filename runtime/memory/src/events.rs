//! Collects the events of a crate, for each test those of its own thread.
//!
//! There is one subscriber for the process, installed before any event: with one per thread, tracing may cache that
//! an event has no subscriber.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The fields of an event, by name.
pub type Fields = BTreeMap<&'static str, String>;

thread_local! {
    static LIST: RefCell<Vec<(&'static str, Fields)>> = const { RefCell::new(Vec::new()) };
}

/// The events of this thread since it began to collect.
pub struct Events;

impl Events {
    /// Collects from now on the events with this target on this thread. All tests of a binary use the same target.
    ///
    /// # Panics
    /// When the process has another subscriber.
    pub fn collect(target: &'static str) -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let installed = tracing::subscriber::set_global_default(Collector { target });
            installed.expect("a binary that collects events has no other subscriber");
        });
        LIST.with_borrow_mut(Vec::clear);
        Events
    }

    /// The fields of all events with this name, in order.
    pub fn named(&self, name: &str) -> Vec<Fields> {
        LIST.with_borrow(|list| {
            list.iter()
                .filter(|(it, _)| *it == name)
                .map(|(_, fields)| fields.clone())
                .collect()
        })
    }
}

struct Collector {
    target: &'static str,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == self.target
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Collected(Fields::new());
        event.record(&mut fields);
        LIST.with_borrow_mut(|list| list.push((event.metadata().name(), fields.0)));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Collected(Fields);

impl Visit for Collected {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

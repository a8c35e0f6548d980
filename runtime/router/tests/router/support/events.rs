//! Collects the router's events of the current thread.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<&'static str, String>;

/// While it lives, collects what is emitted on this thread.
pub(crate) struct Events {
    list: Arc<Mutex<Vec<(&'static str, Fields)>>>,
    _guard: DefaultGuard,
}

impl Events {
    pub(crate) fn collect() -> Self {
        let list = Arc::default();
        let guard = tracing::subscriber::set_default(Collector(Arc::clone(&list)));
        Events { list, _guard: guard }
    }

    /// The fields of all events with this name, in order.
    pub(crate) fn named(&self, name: &str) -> Vec<Fields> {
        let list = self.list.lock().unwrap();
        list.iter()
            .filter(|(it, _)| *it == name)
            .map(|(_, fields)| fields.clone())
            .collect()
    }
}

struct Collector(Arc<Mutex<Vec<(&'static str, Fields)>>>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "squall::router"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Collected(Fields::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push((event.metadata().name(), fields.0));
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

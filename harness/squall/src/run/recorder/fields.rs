//! The fields of an event of the runtime, as `tracing` gives them.

use std::fmt;
use std::sync::Arc;

use tracing::field::{Field, Visit};

use super::Inner;
use crate::journal::{Handling, Id, Outcome};

/// How many numbers an event of the runtime has at most.
const NUMBERS_MAX: usize = 12;

/// The fields of one event of the runtime.
pub(super) struct Fields<'i> {
    inner: &'i mut Inner,
    numbers: [(&'static str, u64); NUMBERS_MAX],
    number_count: usize,
    texts: [Option<(&'static str, Arc<str>)>; 6],
    text_count: usize,
}

impl<'i> Fields<'i> {
    pub(super) fn new(inner: &'i mut Inner) -> Self {
        Fields {
            inner,
            numbers: [("", 0); NUMBERS_MAX],
            number_count: 0,
            texts: Default::default(),
            text_count: 0,
        }
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.numbers[..self.number_count]
            .iter()
            .find(|(field, _)| *field == name)
            .map_or(0, |(_, value)| *value)
    }

    pub(super) fn id(&self, name: &str) -> Id {
        Id(self.number(name))
    }

    pub(super) fn text(&mut self, name: &str) -> Arc<str> {
        let found = self.texts[..self.text_count]
            .iter_mut()
            .flatten()
            .find(|(field, _)| *field == name);
        match found {
            Some((_, text)) => text.clone(),
            None => self.inner.name(""),
        }
    }

    /// The qualified name of a module.
    pub(super) fn qualified(&mut self) -> Arc<str> {
        let (namespace, name) = (self.text("namespace"), self.text("module"));
        self.inner.name(&format!("{namespace}.{name}"))
    }

    /// The class of an error whose code is its status.
    pub(super) fn class(&mut self) -> Arc<str> {
        let status = self.text("status").to_ascii_lowercase();
        self.inner.name(&status)
    }

    /// How an execution ended.
    pub(super) fn handling(&mut self) -> Handling {
        match &*self.text("how") {
            "ok" => Handling::Ok,
            "error" => Handling::Error,
            "panic" => Handling::Panic,
            _ => Handling::Dropped,
        }
    }

    pub(super) fn outcome(&mut self) -> Outcome {
        match &*self.text("outcome") {
            "ok" => Outcome::Ok,
            "failed" => Outcome::Failed,
            _ => Outcome::Unknown,
        }
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(slot) = self.numbers.get_mut(self.number_count) {
            *slot = (field.name(), value);
            self.number_count += 1;
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_u64(field, u64::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.inner.name(value);
        if let Some(slot) = self.texts.get_mut(self.text_count) {
            *slot = Some((field.name(), text));
            self.text_count += 1;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

//! Reads an event back from `tracing`.

use std::cell::Cell;
use std::fmt;

use thiserror::Error;
use tracing::Event;
use tracing::field::{Field, Visit};

/// The maximum number of fields of an event.
const FIELDS_MAX: usize = 20;
/// `tracing`'s name for the text of a log line.
const LINE: &str = "message";

/// The fields of one event, as received. `T` is the type of stored texts.
#[derive(Debug)]
pub struct Fields<T> {
    slots: [Option<(&'static str, Value<T>)>; FIELDS_MAX],
    count: usize,
    /// The first field beyond the maximum.
    surplus: Option<&'static str>,
    has_line: bool,
}

#[derive(Debug)]
pub(crate) enum Value<T> {
    Number(u64),
    Flag(bool),
    Text(T),
    /// A field that no event has.
    Other,
}

/// An event that does not match its definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the event `{event}` {problem}: its definition is in squall-events")]
pub struct Misfit {
    /// Its name.
    pub event: &'static str,
    /// The mismatch.
    pub problem: Problem,
}

/// The mismatch of an event. Fields are identified by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Problem {
    /// A field is missing.
    #[error("has no field `{0}`")]
    Missing(&'static str),
    /// A field is of another kind.
    #[error("has a field `{0}` that is no {1}")]
    Kind(&'static str, &'static str),
    /// A field is not defined.
    #[error("has a field `{0}`, which is not one of its own")]
    Unknown(&'static str),
    /// A field has a text that is not one of its values.
    #[error("has a field `{0}` with a value that it cannot have")]
    Value(&'static str),
    /// There is no event of this name.
    #[error("is not defined")]
    Undefined,
}

impl<T> Fields<T> {
    /// Takes the fields of an event; `keep` converts texts.
    pub fn collect(event: &Event<'_>, keep: impl FnMut(&str) -> T) -> Self {
        let mut collector = Collector {
            fields: Fields {
                slots: [const { None }; FIELDS_MAX],
                count: 0,
                surplus: None,
                has_line: false,
            },
            keep,
        };
        event.record(&mut collector);
        collector.fields
    }

    fn push(&mut self, name: &'static str, value: Value<T>) {
        match self.slots.get_mut(self.count) {
            Some(slot) => {
                *slot = Some((name, value));
                self.count += 1;
            }
            None => {
                self.surplus.get_or_insert(name);
            }
        }
    }

    /// Begins to read the fields as those of the event of this name.
    pub(crate) fn of(&self, event: &'static str) -> Reading<'_, T> {
        Reading {
            event,
            fields: self,
            next: Cell::new(0),
        }
    }
}

struct Collector<T, K> {
    fields: Fields<T>,
    keep: K,
}

impl<T, K: FnMut(&str) -> T> Visit for Collector<T, K> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push(field.name(), Value::Number(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push(field.name(), Value::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = Value::Text((self.keep)(value));
        self.fields.push(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        match field.name() {
            LINE => self.fields.has_line = true,
            name => self.fields.push(name, Value::Other),
        }
    }
}

/// Fields that are read as those of one event.
#[derive(Debug)]
pub struct Reading<'f, T> {
    event: &'static str,
    fields: &'f Fields<T>,
    /// The expected position of the next field: fields mostly come in the order of their definition.
    next: Cell<usize>,
}

impl<T> Reading<'_, T> {
    /// The value of a field, if `of_kind` accepts it as this kind.
    pub(crate) fn value<V>(
        &self,
        name: &'static str,
        kind: &'static str,
        of_kind: impl FnOnce(&Value<T>) -> Option<V>,
    ) -> Result<V, Misfit> {
        of_kind(self.find(name)?).ok_or_else(|| self.misfit(Problem::Kind(name, kind)))
    }

    fn find(&self, name: &'static str) -> Result<&Value<T>, Misfit> {
        let expected = self.next.get();
        if let Some(Some((found, value))) = self.fields.slots.get(expected)
            && *found == name
        {
            self.next.set(expected + 1);
            return Ok(value);
        }
        let mut slots = self.fields.slots.iter().flatten();
        let found = slots.find(|(found, _)| *found == name);
        let (_, value) = found.ok_or_else(|| self.misfit(Problem::Missing(name)))?;
        Ok(value)
    }

    /// Checks that there are no other fields, after all of these were found.
    pub(crate) fn no_others(&self, own: &[&str], has_line: bool) -> Result<(), Misfit> {
        if self.fields.count == own.len() && self.fields.surplus.is_none() && self.fields.has_line == has_line
        {
            return Ok(());
        }
        let names = self.fields.slots.iter().flatten().map(|(name, _)| *name);
        let mut names = names.chain(self.fields.surplus);
        Err(self.misfit(match names.find(|name| !own.contains(name)) {
            Some(name) => Problem::Unknown(name),
            None if has_line => Problem::Missing(LINE),
            None => Problem::Unknown(LINE),
        }))
    }

    fn misfit(&self, problem: Problem) -> Misfit {
        Misfit {
            event: self.event,
            problem,
        }
    }
}

impl Misfit {
    pub(crate) fn unknown_event(event: &'static str) -> Self {
        Misfit {
            event,
            problem: Problem::Undefined,
        }
    }
}

//! `[[expect]]`, with registered lists of subjects and checks.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schema;
use crate::custom::Extended;
use crate::file::key::{Given, Key, add_keys, add_properties, without_properties};
use crate::file::read::{At, Keyed, Read, Table, Value, key, tables};
use crate::file::report::Problems;
use crate::file::scenario::span;
use crate::file::value::Exact;
use crate::lists::Lists;

/// What must hold.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    /// The subject. There should be one.
    pub(crate) subject: Given,
    pub(crate) when: When,
    pub(crate) wanted: Given,
}

tables! {
    /// What must hold: for the calls of a workload that start within a window (for all of them without one), for the
    /// state of a provider within a window, or for the end of a canary
    pub(crate) When("[[expect]]") {
        /// Calls that start while this fault lasts
        during: Option<At<String>>,
        /// Calls that start after this fault ended, or after this time
        after: Option<At<String>>,
        /// With `after`: so much later
        settle: Option<At<Exact<Duration>>>,
        /// Calls that start before this fault strikes, or before this time
        before: Option<At<String>>,
        /// Calls that start at this time or later
        from: Option<At<Exact<Duration>>>,
        /// Calls that start before this time
        until: Option<At<Exact<Duration>>>,
    }
}

impl When {
    /// Its keys, with the positions of present values.
    pub(crate) fn places(&self) -> [(&'static str, Option<&Range<usize>>); 6] {
        [
            ("during", span(&self.during)),
            ("after", span(&self.after)),
            ("settle", span(&self.settle)),
            ("before", span(&self.before)),
            ("from", span(&self.from)),
            ("until", span(&self.until)),
        ]
    }
}

fn subjects(lists: &Lists) -> impl Iterator<Item = &'static Key> + use<> {
    lists.subjects().map(|subject| &subject.key)
}

/// The built-in keys of `[[expect]]`.
pub(crate) fn keys(lists: &Lists) -> impl Iterator<Item = &'static str> + use<> {
    let when = When::KEYS.iter().copied().map(key);
    let subjects = subjects(lists).map(|key| key.name);
    subjects.chain(when).chain(lists.wanted().map(|key| key.name))
}

impl Read for Expect {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let lists = problems.kinds().lists;
        let keys: Vec<&str> = keys(lists).collect();
        let table = Table::open("[[expect]]", &keys, value, problems)?;
        let subject = Given::take(subjects(lists), &table, problems);
        let when = When::take(&table, problems);
        let wanted = Given::take(lists.wanted(), &table, problems);
        Some(Expect {
            subject: subject?,
            when: when?,
            wanted: wanted?,
        })
    }
}

impl JsonSchema for Expect {
    fn schema_name() -> Cow<'static, str> {
        "Expect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let lists = schema::lists();
        let when = When::json_schema(generator);
        let mut schema = without_properties(when.clone());
        add_keys(&mut schema, subjects(lists), generator);
        add_properties(&mut schema, &when);
        add_keys(&mut schema, lists.wanted(), generator);
        schema
    }
}

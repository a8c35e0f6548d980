//! `[[workload]]`, with a registered list of targets.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schema;
use crate::custom::Extended;
use crate::draw::Ranged;
use crate::file::key::{Given, Key, add_key, add_keys, add_properties};
use crate::file::read::{At, Keyed, Read, Table, Value, key, tables};
use crate::file::report::Problems;
use crate::file::value::{Count, Hosts};
use crate::lists::Lists;
use crate::units::Rate;

/// A stream of calls.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) source: Source,
    /// The target. There should be one.
    pub(crate) target: Given,
    pub(crate) stream: Stream,
    pub(crate) carried: Given,
}

tables! {
    /// A stream of calls: open loop with `rate`, closed loop with `clients`
    pub(crate) Source("[[workload]]") {
        /// Unique in the scenario
        name: At<String>,
        /// The hosts where the calls start, taken in turn
        from: At<Hosts>,
    }

    /// When they start, and how long they may take
    pub(crate) Stream("[[workload]]") {
        /// Open loop: calls per time, however long they take
        rate: Option<At<Ranged<Rate>>>,
        /// Closed loop: so many clients, each with one call at a time. 1 to 100000
        clients: Option<At<Count>>,
        /// How long a client waits after an answer before its next call. 0s when absent
        think: Option<At<Ranged<Duration>>>,
        /// When the first call starts. 0s when absent
        start: Option<At<Ranged<Duration>>>,
        /// When calls cease to start. The end of the run when absent, or when it lies behind that
        end: Option<At<Ranged<Duration>>>,
        /// Instead of `end`: for how long calls start
        r#for: Option<At<Ranged<Duration>>>,
        /// At most so many calls
        limit: Option<At<Count>>,
        /// How long one call may take. The calling module's, or manager's, call_timeout when absent; 30s with `client`
        timeout: Option<At<Ranged<Duration>>>,
    }
}

fn targets(lists: &Lists) -> impl Iterator<Item = &'static Key> + use<> {
    lists.all_targets().map(|kind| &kind.key)
}

/// The built-in keys of `[[workload]]`.
pub(crate) fn keys(lists: &Lists) -> impl Iterator<Item = &'static str> + use<> {
    let source = Source::KEYS.iter().copied().map(key);
    let stream = Stream::KEYS.iter().copied().map(key);
    let source = source.chain(targets(lists).map(|key| key.name));
    source
        .chain(stream)
        .chain(lists.carried.iter().map(|key| key.name))
}

impl Read for Workload {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let lists = problems.kinds().lists;
        let keys: Vec<&str> = keys(lists).collect();
        let table = Table::open("[[workload]]", &keys, value, problems)?;
        let source = Source::take(&table, problems);
        let target = Given::take(targets(lists), &table, problems);
        let stream = Stream::take(&table, problems);
        let carried = Given::take(lists.carried.iter().copied(), &table, problems);
        Some(Workload {
            source: source?,
            target: target?,
            stream: stream?,
            carried: carried?,
        })
    }
}

impl JsonSchema for Workload {
    fn schema_name() -> Cow<'static, str> {
        "Workload".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let lists = schema::lists();
        let mut schema = Source::json_schema(generator);
        add_keys(&mut schema, targets(lists), generator);
        add_properties(&mut schema, &Stream::json_schema(generator));
        for key in lists.carried {
            let by = lists.all_targets();
            let by = by.filter(|kind| kind.carries.name == key.name);
            let by: Vec<String> = by.map(|kind| format!("`{}`", kind.key.name)).collect();
            let about = format!("With {}: {}", by.join(" and "), key.about);
            add_key(&mut schema, key, &about, generator);
        }
        schema
    }
}

//! A topology file.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::latency::Latency;
use super::schema;
use crate::custom::Extended;
use crate::file::key::{Given, Key, add_keys};
use crate::file::read::{At, Keyed, Read, Table, Value, key, tables};
use crate::file::report::Problems;
use crate::file::value::{Engine, Exact, Hosts};
use crate::lists::Lists;
use crate::plan::{Bandwidth, Ratio};

/// A topology, with a registered list of host tables.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub(crate) common: Common,
    /// The present tables of hosts.
    pub(crate) hosts: Given,
}

tables! {
    /// A system of modules, managers, providers and services: who they are, what they run, and the network between them
    pub(crate) Common("the topology") {
        /// What reports call it
        name: At<String>,
        /// What it is for
        description: Option<At<String>>,
        /// What every link has unless a [[link]] says otherwise
        network: Option<At<Network>>,
        /// Exceptions to [network]: the last one that matches a pair of hosts wins, key by key
        link: Option<Vec<At<Link>>>,
    }

    /// What every link has unless a [[link]] says otherwise
    pub(crate) Network("[network]") {
        /// One-way delay. 1ms when absent
        latency: Option<At<Latency<Exact<Duration>>>>,
        /// How many segments are lost, each way. None when absent
        loss: Option<At<Exact<Ratio>>>,
        /// How much crosses, each way. Any amount at once when absent
        bandwidth: Option<At<Exact<Bandwidth>>>,
        /// What carries the bytes: "flow", which is fast, or "turmoil", packet by packet. "flow" when absent
        engine: Option<At<Engine>>,
    }

    /// An exception for some pairs of hosts: between two, both ways, or from one to another
    pub(crate) Link("[[link]]") {
        /// Two hosts, modules or globs. Both ways
        between: Option<At<Hosts>>,
        /// With `to`: the sending hosts, of one direction
        from: Option<At<Hosts>>,
        /// With `from`: the receiving hosts, of one direction
        to: Option<At<Hosts>>,
        /// One-way delay
        latency: Option<At<Latency<Exact<Duration>>>>,
        /// How many segments are lost, each way
        loss: Option<At<Exact<Ratio>>>,
        /// How much crosses, each way
        bandwidth: Option<At<Exact<Bandwidth>>>,
    }
}

/// The tables of hosts, in the order of messages and of the schema.
fn tables(lists: &Lists) -> impl Iterator<Item = &'static Key> + use<> {
    lists.tables().map(|table| &table.key)
}

/// The tables of which at least one is required.
pub(crate) fn enough(lists: &Lists) -> impl Iterator<Item = &'static str> + use<> {
    let tables = lists.tables();
    tables.filter(|table| table.is_enough).map(|table| table.key.name)
}

/// The built-in keys of a topology.
pub(crate) fn keys(lists: &Lists) -> impl Iterator<Item = &'static str> + use<> {
    let common = Common::KEYS.iter().copied().map(key);
    common.chain(tables(lists).map(|table| table.name))
}

impl Read for Topology {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let lists = problems.kinds().lists;
        let table = Table::open("the topology", &keys(lists).collect::<Vec<_>>(), value, problems)?;
        let common = Common::take(&table, problems);
        let hosts = Given::take(tables(lists), &table, problems);
        Some(Topology {
            common: common?,
            hosts: hosts?,
        })
    }
}

impl JsonSchema for Topology {
    fn schema_name() -> Cow<'static, str> {
        "Topology".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Common::json_schema(generator);
        add_keys(&mut schema, tables(schema::lists()), generator);
        schema
    }
}

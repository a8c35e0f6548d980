//! User-defined parts of files: keys of `[[expect]]` and `[[workload]]`, and tables of a topology.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::expect::Expect;
use super::topology::Topology;
use super::workload::Workload;
use crate::custom::{Extended, SaidExpect, SaidTarget};
use crate::file::read::{At, Named, Read, Value, in_file_order};
use crate::file::report::Problems;
use crate::file::value::JsonData;

/// A table, with its user-defined keys.
#[derive(Debug, Clone)]
pub(crate) struct WithCustom<T, C> {
    pub(crate) table: T,
    /// In registration order.
    pub(crate) custom: Vec<C>,
}

impl<T, C> Deref for WithCustom<T, C> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.table
    }
}

impl Read for WithCustom<Expect, SaidExpect> {
    const EXPECTED: &'static str = Expect::EXPECTED;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let table = Expect::read(value, problems);
        let kinds = problems.kinds();
        let given = kinds.expectations.iter().filter_map(|kind| {
            let own = value.get_ref().as_table()?.get(kind.key)?;
            Some((kind.read)(own, problems))
        });
        let given: Vec<Option<SaidExpect>> = given.collect();
        Some(WithCustom {
            table: table?,
            custom: given.into_iter().collect::<Option<_>>()?,
        })
    }
}

impl Read for WithCustom<Workload, SaidTarget> {
    const EXPECTED: &'static str = Workload::EXPECTED;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let table = Workload::read(value, problems);
        let kinds = problems.kinds();
        let given = kinds.targets.iter().filter_map(|key| {
            let own = value.get_ref().as_table()?.get(*key)?;
            Some(SaidTarget::read(key, own, problems))
        });
        let given: Vec<Option<SaidTarget>> = given.collect();
        Some(WithCustom {
            table: table?,
            custom: given.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// Tables of one kind of hosts: `[database.*]`.
#[derive(Debug, Clone)]
pub struct CustomHosts {
    pub kind: &'static str,
    pub hosts: Named<CustomHost>,
}

/// One table: the common keys, and the settings of its kind.
#[derive(Debug, Clone)]
pub struct CustomHost {
    pub replicas: Option<At<u64>>,
    pub settings: JsonData,
}

impl Read for CustomHost {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let replicas = value.get_ref().as_table().and_then(|table| table.get("replicas"));
        let replicas = replicas.map(|replicas| At::read(replicas, problems));
        let settings = JsonData::of_table::<Self>(value, problems);
        Some(CustomHost {
            replicas: match replicas {
                Some(replicas) => Some(replicas?),
                None => None,
            },
            settings: settings?.without("replicas"),
        })
    }
}

impl Read for WithCustom<Topology, CustomHosts> {
    const EXPECTED: &'static str = Topology::EXPECTED;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let table = Topology::read(value, problems);
        let kinds = problems.kinds();
        let tables = value.get_ref().as_table().map(in_file_order).unwrap_or_default();
        let given = tables.into_iter().filter_map(|(key, own)| {
            let kind = kinds.hosts.iter().find(|kind| **kind == key.get_ref().as_ref())?;
            let hosts = Named::read(own, problems);
            Some(hosts.map(|hosts| CustomHosts { kind, hosts }))
        });
        let given: Vec<Option<CustomHosts>> = given.collect();
        Some(WithCustom {
            table: table?,
            custom: given.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// User-defined keys are added to the schema afterwards: see [`crate::schema`].
impl<T: JsonSchema, C> JsonSchema for WithCustom<T, C> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

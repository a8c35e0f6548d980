//! User-defined extensions of a harness: faults, expectations, oracles and kinds of hosts.
//!
//! A custom kind is read with serde, and its JSON Schema is derived. Files are checked against both, with messages of the
//! same quality as for built-in kinds.

mod expectation;
mod fault;
mod read;
mod section;
mod target;

use std::any::Any;
use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::{Value, json};

pub use self::expectation::CustomExpect;
pub use self::expectation::{CustomExpectation, Finding};
pub use self::expectation::{ExpectKind, SaidExpect};
pub use self::fault::{CustomFault, HostNames};
pub use self::section::Section;
pub use self::section::Sections;
pub use self::target::SaidTarget;
use crate::faults::Kind;
use crate::file::extra::Extra;
use crate::file::names::Names;
use crate::file::report::Problems;
use crate::lists::Lists;
use crate::registry::Declaration;

/// Keys and tables that extend the built-in ones.
#[derive(Clone, Default)]
pub struct Kinds {
    /// The built-in ones.
    pub lists: &'static Lists,
    /// Keys of `[[fault]]`.
    pub faults: Vec<Kind>,
    /// Keys of `[[expect]]`.
    pub expectations: Vec<ExpectKind>,
    /// Tables of a topology.
    pub hosts: Vec<&'static str>,
    /// Keys of `[[workload]]`, and client names.
    pub targets: Vec<&'static str>,
    /// Their JSON Schemas.
    pub schemas: Vec<CustomSchema>,
}

/// The JSON Schema of one key.
#[derive(Clone)]
pub struct CustomSchema {
    /// The definition in the file's schema that gets it; `None` is the root.
    pub(crate) of: Option<&'static str>,
    pub(crate) key: &'static str,
    pub(crate) schema: Value,
}

impl CustomSchema {
    /// The schema of a key that is read as a `T`.
    pub fn of<T: JsonSchema>(definition: &'static str, key: &'static str) -> Self {
        let declaration = Declaration::of::<T>();
        let mut schema = declaration
            .settings_schema()
            .cloned()
            .unwrap_or_else(|| json!({}));
        if !declaration.doc().is_empty() {
            schema["description"] = declaration.doc().into();
        }
        CustomSchema {
            of: Some(definition),
            key,
            schema,
        }
    }

    /// The schema of a target, whose payload type is unknown here.
    pub fn of_target(key: &'static str) -> Self {
        CustomSchema {
            of: Some("Workload"),
            key,
            schema: json!({ "description": format!("Instead of `to`: what each call of `{key}` carries") }),
        }
    }

    /// The schema of a table of hosts, whose settings are unknown here.
    pub fn of_hosts(key: &'static str) -> Self {
        let host = json!({
            "type": "object",
            "properties": { "replicas": { "type": "integer", "minimum": 1, "maximum": 1000 } },
        });
        CustomSchema {
            of: None,
            key,
            schema: json!({ "type": "object", "additionalProperties": host }),
        }
    }
}

impl Kinds {
    /// Only the built-in ones.
    pub fn of(lists: &'static Lists) -> Self {
        Kinds {
            lists,
            ..Kinds::default()
        }
    }

    /// All kinds of faults, in the order of messages and of the schema.
    pub fn all_faults(&self) -> impl Iterator<Item = &Kind> {
        self.lists.faults.iter().copied().flatten().chain(&self.faults)
    }
}

impl Extra for Kinds {
    fn keys_of(&self, table: &str) -> Vec<&'static str> {
        match table {
            EXPECT => self.expectations.iter().map(|kind| kind.key).collect(),
            TOPOLOGY => self.hosts.clone(),
            WORKLOAD => self.targets.clone(),
            _ => Vec::new(),
        }
    }
}

/// What was given the kinds of a harness as its additional keys.
pub(crate) trait Extended {
    /// The kinds; none if it was given others, or nothing.
    fn kinds(&self) -> Arc<Kinds>;
}

impl Extended for Problems {
    fn kinds(&self) -> Arc<Kinds> {
        kinds(self.extra())
    }
}

impl Extended for Names {
    fn kinds(&self) -> Arc<Kinds> {
        kinds(self.extra())
    }
}

fn kinds(extra: &Arc<dyn Extra>) -> Arc<Kinds> {
    let extra: Arc<dyn Any + Send + Sync> = extra.clone();
    extra.downcast().unwrap_or_default()
}

/// The table names, for messages.
pub(crate) const EXPECT: &str = "[[expect]]";
pub(crate) const TOPOLOGY: &str = "the topology";
pub(crate) const WORKLOAD: &str = "[[workload]]";

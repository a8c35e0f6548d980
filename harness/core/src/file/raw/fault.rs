//! `[[fault]]`, with a registered list of kinds.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schema;
use crate::custom::Extended;
use crate::draw::Ranged;
use crate::faults::Said;
use crate::file::read::{At, Read, Table, Value};
use crate::file::report::Problems;

/// What every fault says, of whichever kind.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: `Fault` reads it")]
struct Common {
    /// Unique in the scenario. "#3" for the third fault when absent
    name: Option<At<String>>,
    /// When it strikes
    at: At<Ranged<Duration>>,
    /// How long it lasts. Until the end of the run when absent. Not for `restart`, `reset`, `drain_provider` and
    /// `canary`
    r#for: Option<At<Ranged<Duration>>>,
}

/// A fault.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: Option<At<String>>,
    pub(crate) at: At<Ranged<Duration>>,
    pub(crate) r#for: Option<At<Ranged<Duration>>>,
    /// The present kinds, in the order of the list, then user-defined ones. There should be one.
    pub(crate) kinds: Vec<Arc<dyn Said>>,
}

impl Read for Fault {
    const EXPECTED: &'static str = "a table";

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let kinds = problems.kinds();
        let own = kinds.all_faults().map(|kind| kind.key);
        let keys: Vec<&str> = ["name", "at", "for"].into_iter().chain(own).collect();
        let table = Table::open("[[fault]]", &keys, value, problems)?;
        let name = table.take("name", problems);
        let at = table.take("at", problems);
        let length = table.take("for", problems);
        let given = kinds.all_faults().filter_map(|kind| {
            let value = table.value(kind.key)?;
            Some((kind.read)(value, problems))
        });
        let given: Vec<Option<Arc<dyn Said>>> = given.collect();
        Some(Fault {
            name: name?,
            at: at?,
            r#for: length?,
            kinds: given.into_iter().collect::<Option<_>>()?,
        })
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Common::json_schema(generator);
        schema.insert("description".to_owned(), "One thing that goes wrong".into());
        for kind in schema::lists().faults.iter().copied().flatten() {
            let mut own = (kind.schema)(generator);
            own.insert("description".to_owned(), kind.about.into());
            let properties = schema.ensure_object().get_mut("properties");
            if let Some(properties) = properties.and_then(|it| it.as_object_mut()) {
                properties.insert(kind.key.to_owned(), own.to_value());
            }
        }
        schema
    }
}

//! JSON Schemas of the files, for editors that complete and check them.
//!
//! They are generated from the structs that files are read into, so the keys always agree.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use crate::custom::CustomSchema;
use crate::file::{self, Kind, ScenarioFile, TopologyFile};
use crate::lists::Lists;

/// The JSON Schema of one kind of file, with the keys of these systems. Draft 7: the newest that the TOML extensions of
/// common editors support.
pub fn schema(kind: Kind, lists: &'static Lists) -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = file::schema::with(lists, || match kind {
        Kind::Topology => generator.into_root_schema_for::<TopologyFile>(),
        Kind::Scenario => generator.into_root_schema_for::<ScenarioFile>(),
    });
    for_toml(schema)
}

/// Adds a user-defined key. Does nothing if the file has no such table.
pub fn add(schema: &mut Value, own: &CustomSchema) {
    let place = match own.of {
        Some(definition) => schema["definitions"].get_mut(definition),
        // A scenario has no hosts.
        None => Some(schema).filter(|schema| schema["properties"].get("module").is_some()),
    };
    if let Some(place) = place {
        place["properties"][own.key] = own.schema.clone();
    }
}

/// Adapts a schema to TOML.
pub(crate) fn for_toml(mut schema: Schema) -> Value {
    RecursiveTransform(without_null).transform(&mut schema);
    schema.to_value()
}

/// schemars makes optional keys nullable. TOML has no null: the key is absent.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| *one != json!("null"));
        if let [one] = &types[..] {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [choice] = &choices[..] {
            // Draft 7 ignores siblings of a `$ref`, including descriptions.
            let choice = choice.clone();
            object.remove("anyOf");
            object.insert("allOf".to_owned(), json!([choice]));
        }
    }
}

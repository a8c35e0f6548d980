//! JSON Schemas of the files, for editors that complete and check them.
//!
//! They are generated from the structs that files are read into, so the keys always agree.

use serde_json::{Value, json};
use squall_core::file::Kind;
use squall_system_router::components::Components;

use crate::systems::LISTS;

/// The JSON Schema of one kind of file, with the settings of these components. Draft 7: the newest that the TOML
/// extensions of common editors support.
pub fn schema(kind: Kind, components: &Components) -> Value {
    let mut schema = squall_core::schema::schema(kind, &LISTS);
    if kind == Kind::Topology {
        add_components(&mut schema, components);
    }
    schema
}

/// Adds components and their settings. Unknown components are no error here: another program may have them.
fn add_components(schema: &mut Value, components: &Components) {
    let node = &mut schema["definitions"]["Node"];
    node["properties"]["component"]["examples"] = components.names().collect();
    let of_one = |name: &str| {
        let settings = components.declaration(name)?.settings_schema()?;
        Some(json!({
            "if": { "properties": { "component": { "const": name } } },
            "then": { "properties": { "settings": settings } },
        }))
    };
    let all: Vec<Value> = components.names().filter_map(of_one).collect();
    if !all.is_empty() {
        node["allOf"] = all.into();
    }
}

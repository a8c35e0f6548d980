//! The schemas that editors get say what the parser takes, no more and no less.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeSet;

use serde_json::Value;
use squall::components::Components;
use squall::file::{self, ComponentNames, Kind};
use squall::{Call, CallError, Harness, NoSettings, Site};

fn schema(kind: Kind) -> Value {
    squall::schema::schema(kind, &Components::builtin())
}

const TOPOLOGY: &str = include_str!("../every_key/topology.toml");
const SCENARIO: &str = include_str!("../every_key/scenario.toml");
/// What only a harness takes that has such a client.
const CLIENT: &str = "[[workload]]\nname = \"own\"\nfrom = \"desk\"\nclient = \"ask\"\nrate = \"1/s\"\n";

/// Follows a document through its schema.
struct Walk<'a> {
    schema: &'a Value,
    /// (table, key) of every known key in the document.
    seen: BTreeSet<(String, String)>,
    /// Places in the document that the schema forbids.
    wrong: Vec<String>,
}

impl<'a> Walk<'a> {
    fn of(schema: &'a Value, text: &str) -> Self {
        let document: toml::Table = text.parse().unwrap();
        let mut walk = Self {
            schema,
            seen: BTreeSet::new(),
            wrong: Vec::new(),
        };
        walk.value(&serde_json::to_value(document).unwrap(), "root", schema, "");
        walk
    }

    fn value(&mut self, value: &Value, name: &str, schema: &'a Value, path: &str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/definitions/").unwrap();
            return self.value(value, name, &self.schema["definitions"][name], path);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.value(value, name, part, path);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let fitting = choices.iter().find(|choice| self.fits(value, choice));
            let Some(choice) = fitting else {
                return self.wrong.push(path.to_owned());
            };
            return self.value(value, name, choice, path);
        }
        if !self.fits(value, schema) {
            self.wrong.push(path.to_owned());
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            match (&schema["properties"][key], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => self.wrong.push(path),
                (Value::Null, Value::Null) => {}
                (Value::Null, named) => self.value(value, key, named, &path),
                (known, _) => {
                    self.seen.insert((name.to_owned(), key.clone()));
                    self.value(value, &format!("{name}.{key}"), known, &path);
                }
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.value(item, name, &schema["items"], &format!("{path}[{index}]"));
        }
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.fits(
                value,
                &self.schema["definitions"][reference.strip_prefix("#/definitions/").unwrap()],
            );
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().all(|part| self.fits(value, part));
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().any(|choice| self.fits(value, choice));
        }
        match schema["type"].as_str() {
            None => true,
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_u64(),
            Some("number") => value.is_number(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(other) => panic!("the schema has the type {other}"),
        }
    }
}

/// (table, key) of every key in the schema.
fn known(schema: &Value) -> BTreeSet<(String, String)> {
    let named = schema["definitions"].as_object().unwrap().iter();
    let tables = named
        .map(|(name, table)| (name.as_str(), table))
        .chain([("root", schema)]);
    let keys = tables.flat_map(|(name, table)| {
        let keys = table["properties"]
            .as_object()
            .into_iter()
            .flat_map(|keys| keys.keys());
        keys.map(move |key| (name.to_owned(), key.clone()))
    });
    keys.collect()
}

#[test]
fn the_topology_that_has_every_key_is_taken_by_parser_and_schema() {
    file::topology_from_str("topology", TOPOLOGY, &ComponentNames::built_in())
        .unwrap_or_else(|report| panic!("{report}"));
    let schema = schema(Kind::Topology);
    let walk = Walk::of(&schema, TOPOLOGY);
    assert!(walk.wrong.is_empty(), "the schema forbids {:?}", walk.wrong);
    assert_eq!(walk.seen, known(&schema), "the file has every key of the schema");
}

#[test]
fn the_scenario_that_has_every_key_is_taken_by_parser_and_schema() {
    // It has a seed above what `toml::Table` holds.
    let text = format!("{SCENARIO}\n{CLIENT}");
    let topology = file::topology_from_str("topology", TOPOLOGY, &ComponentNames::built_in()).unwrap();
    let harness = Harness::new().client("ask", |_: Site, _: Call<NoSettings>| async {
        Ok::<(), CallError>(())
    });
    file::scenario_from_str_with("scenario", &text, topology.into(), &harness.component_names())
        .unwrap_or_else(|report| panic!("{report}"));
    let schema = schema(Kind::Scenario);
    let walk = Walk::of(&schema, &text.replace("18446744073709551615", "7"));
    assert!(walk.wrong.is_empty(), "the schema forbids {:?}", walk.wrong);
    assert_eq!(walk.seen, known(&schema), "the file has every key of the schema");
}

#[test]
fn every_table_of_the_schemas_forbids_other_keys_and_every_key_is_described() {
    for kind in [Kind::Topology, Kind::Scenario] {
        let schema = schema(kind);
        let tables = schema["definitions"]
            .as_object()
            .unwrap()
            .values()
            .chain([&schema]);
        for table in tables.filter(|table| table["properties"].is_object()) {
            assert_eq!(table["additionalProperties"], Value::Bool(false), "{table:#}");
            for (key, value) in table["properties"].as_object().unwrap() {
                assert!(value["description"].is_string(), "{key} of {table:#}");
            }
        }
        assert!(!schema.to_string().contains("null"), "TOML has no null");
    }
}

#[test]
fn the_schemas_are_what_their_snapshots_say() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("schema_topology", format!("{:#}", schema(Kind::Topology)));
        insta::assert_snapshot!("schema_scenario", format!("{:#}", schema(Kind::Scenario)));
    });
}

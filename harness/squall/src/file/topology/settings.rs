//! The component of a node, and its settings: that there is one of that name, and that it takes them.

use std::ops::Range;

use serde_json::Value;

use crate::components::{Fault, SettingsError, Step, way};
use crate::file::names::{ComponentNames, Known, remedy, unknown};
use crate::file::raw::topology as raw;
use crate::file::report::{Problem, Problems};

pub(super) fn check(node: &raw::Node, components: &ComponentNames, problems: &mut Problems) {
    let component = &node.component;
    let Some(known) = components.get(component) else {
        let names = components.iter();
        unknown("component", component, &component.span, names, problems);
        return;
    };
    if let (Some(keys), Some(settings)) = (known.keys, &node.settings) {
        let unknown = settings.keys.iter().find(|key| !keys.contains(&key.as_str()));
        if let Some(key) = unknown {
            problems.add(unknown_key(component, key, keys).at(&key.span, "not known"));
            return;
        }
    }
    let none = serde_json::json!({});
    let settings = node
        .settings
        .as_ref()
        .map_or(&none, |settings| &settings.value.value);
    if let Err(error) = components.check_settings(component, settings) {
        problems.add(problem(node, known, settings, &error));
    }
}

fn unknown_key(component: &str, key: &str, keys: &[&str]) -> Problem {
    let help = remedy(key, keys.iter().copied()).unwrap_or_else(|| "it has none".to_owned());
    Problem::new(format!("the component `{component}` has no setting `{key}`")).help(help)
}

/// What is wrong, at the one that is wrong.
fn problem(node: &raw::Node, known: &Known, settings: &Value, error: &SettingsError) -> Problem {
    let (component, name) = (&node.component.value, way(&error.path));
    let span = place(node, &error.path);
    let whose = format!("the setting `{name}` of the component `{component}`");
    let found = found(settings, &error.path);
    match &error.fault {
        Fault::Type(wanted) => {
            let found = found.map_or("something else", kind);
            Problem::new(format!("{whose} has to be {wanted}, found {found}"))
                .at(&span, format!("this is {found}"))
        }
        Fault::Range(wanted) => {
            Problem::new(format!("{whose} cannot be this")).at(&span, format!("expected {wanted}"))
        }
        Fault::Word(word, words) => {
            let problem = Problem::new(format!("{whose} cannot be `{word}`")).at(&span, "not known");
            let help = remedy(word, words.iter().copied()).unwrap_or_default();
            problem.help(match help.starts_with("did") {
                true => format!("{help} there is {}", words.join(", ")),
                false => help,
            })
        }
        Fault::Missing(key) => {
            let settings = known.declaration.settings();
            let about = settings.iter().find(|it| it.name == *key);
            let problem = Problem::new(format!("the component `{component}` lacks the setting `{key}`"));
            let label = match (&node.settings, error.path.is_empty()) {
                (None, _) => "it has no settings here",
                (Some(_), true) => "not among these",
                (Some(_), false) => "not in here",
            };
            problem.at(&span, label).help(match about {
                Some(it) => format!("add `{key}`, {}: {}", with_article(&it.shape), it.about),
                None => format!("add `{key}`"),
            })
        }
        Fault::UnknownKey(key, keys) => unknown_key(component, key, keys).at(&span, "it is in here"),
        Fault::Said(why) if error.path.is_empty() => {
            let message = format!("the component `{component}` does not take these settings");
            Problem::new(message).at(&span, why)
        }
        Fault::Said(why) => Problem::new(format!("{whose} cannot be this")).at(&span, why),
    }
}

/// Where the value stands: the deepest of it that has a place.
fn place(node: &raw::Node, path: &[Step]) -> Range<usize> {
    let Some(settings) = &node.settings else {
        return node.component.span.clone();
    };
    let places = settings.places.iter();
    let around = places.filter(|(way, _)| path.starts_with(way));
    let deepest = around.max_by_key(|(way, _)| way.len());
    deepest.map_or_else(|| settings.span.clone(), |(_, span)| span.clone())
}

fn found<'v>(settings: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(settings, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Item(index) => value.get(index),
    })
}

/// What it is in TOML.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn with_article(shape: &str) -> String {
    match shape.chars().next() {
        Some('"') | None => shape.to_owned(),
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("an {shape}"),
        Some(_) => format!("a {shape}"),
    }
}

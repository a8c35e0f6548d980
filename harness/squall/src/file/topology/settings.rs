//! The component of a node, and settings: that there is one of that name, and that it takes them. Services and clients have
//! settings of the same kind.

use std::ops::Range;

use serde_json::Value;

use crate::file::names::{Catalogue, ComponentNames, Known, remedy, unknown};
use crate::file::raw::topology as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::value::JsonData;
use crate::registry::{Declaration, Fault, SettingsError, Step, way};

/// What has settings.
pub(crate) struct Of<'a> {
    pub(crate) sort: Sort,
    /// The name under which its code is known.
    pub(crate) name: &'a At<String>,
    /// What the file gives it.
    pub(crate) settings: Option<&'a JsonData>,
}

/// What it is that has settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Component,
    Service,
    /// What it has is the payload of a workload.
    Client,
    /// The same, of a key of workloads.
    Target,
    Fault,
    Expectation,
}

impl Of<'_> {
    /// "component `echo`"
    fn owner(&self) -> String {
        let sort = match self.sort {
            Sort::Component => "component",
            Sort::Service => "service",
            Sort::Client => "client",
            Sort::Target => "target",
            Sort::Fault => "fault",
            Sort::Expectation => "expectation",
        };
        format!("{sort} `{}`", self.name.value)
    }

    /// One of what it has, and all of that.
    fn part(&self) -> (&'static str, &'static str) {
        match self.sort {
            Sort::Component | Sort::Service => ("setting", "these settings"),
            Sort::Client => ("payload key", "this payload"),
            Sort::Target | Sort::Fault | Sort::Expectation => ("key", "this"),
        }
    }
}

pub(super) fn check(node: &raw::Node, components: &ComponentNames, problems: &mut Problems) {
    let component = &node.component;
    let Some(known) = components.get(component) else {
        let names = components.iter();
        unknown("component", component, &component.span, names, problems);
        return;
    };
    let of = Of {
        sort: Sort::Component,
        name: component,
        settings: node.settings.as_ref().map(|settings| &settings.0),
    };
    check_known(&of, known, components.components(), problems);
}

/// The settings of what is known.
pub(crate) fn check_known(of: &Of<'_>, known: &Known, catalogue: &Catalogue, problems: &mut Problems) {
    if has_unknown_key(of, known.keys, problems) {
        return;
    }
    let none = serde_json::json!({});
    let settings = of.settings.map_or(&none, |settings| &settings.value);
    if let Err(error) = catalogue.check_settings(of.name, settings) {
        problems.add(problem(of, &known.declaration, settings, &error));
    }
}

/// Whether a key is none of these; then a problem says so. Without `keys` it may be any.
pub(crate) fn has_unknown_key(
    of: &Of<'_>,
    keys: Option<&'static [&'static str]>,
    problems: &mut Problems,
) -> bool {
    let (Some(keys), Some(settings)) = (keys, of.settings) else {
        return false;
    };
    let unknown = settings.keys.iter().find(|key| !keys.contains(&key.as_str()));
    if let Some(key) = unknown {
        problems.add(unknown_key(of, key, keys).at(&key.span, "not known"));
    }
    unknown.is_some()
}

fn unknown_key(of: &Of<'_>, key: &str, keys: &[&str]) -> Problem {
    let help = remedy(key, keys.iter().copied()).unwrap_or_else(|| "it has none".to_owned());
    let (owner, (part, _)) = (of.owner(), of.part());
    Problem::new(format!("the {owner} has no {part} `{key}`")).help(help)
}

/// What is wrong, at the one that is wrong.
pub(crate) fn problem(
    of: &Of<'_>,
    declaration: &Declaration,
    settings: &Value,
    error: &SettingsError,
) -> Problem {
    let (owner, (part, all), name) = (of.owner(), of.part(), way(&error.path));
    let span = place(of, &error.path);
    let whose = format!("the {part} `{name}` of the {owner}");
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
            let settings = declaration.settings();
            let about = settings.iter().find(|it| it.name == *key);
            let problem = Problem::new(format!("the {owner} lacks the {part} `{key}`"));
            let label = match (of.settings, error.path.is_empty()) {
                (None, _) if of.sort == Sort::Client => "its calls have no payload here",
                (None, _) => "it has no settings here",
                (Some(_), true) => "not among these",
                (Some(_), false) => "not in here",
            };
            problem.at(&span, label).help(match about {
                Some(it) => format!("add `{key}`, {}: {}", with_article(&it.shape), it.about),
                None => format!("add `{key}`"),
            })
        }
        Fault::UnknownKey(key, keys) => unknown_key(of, key, keys).at(&span, "it is in here"),
        Fault::Said(why) if error.path.is_empty() => {
            let message = format!("the {owner} does not take {all}");
            Problem::new(message).at(&span, why)
        }
        Fault::Said(why) => Problem::new(format!("{whose} cannot be this")).at(&span, why),
    }
}

/// Where the value stands: the deepest of it that has a place.
fn place(of: &Of<'_>, path: &[Step]) -> Range<usize> {
    let Some(settings) = of.settings else {
        return of.name.span.clone();
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

//! Checks settings. Systems define where files have settings, and what declares them.

use std::ops::Range;

use serde_json::Value;

use crate::file::names::{Catalogue, Known, remedy};
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::value::JsonData;
use crate::registry::{Declaration, Fault, SettingsError, Step, way};

/// An item with settings.
pub struct Of<'a> {
    /// What has the settings.
    pub sort: Sort,
    /// The name of its code.
    pub name: &'a At<String>,
    /// The settings in the file.
    pub settings: Option<&'a JsonData>,
}

/// The sort of an item, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// "component"
    pub name: &'static str,
    /// One of its settings: "setting".
    pub part: &'static str,
    /// All of them: "these settings".
    pub all: &'static str,
    /// That it has none: "it has no settings here".
    pub absent: &'static str,
}

impl Sort {
    /// Items with a key for settings.
    pub const fn with_settings(name: &'static str) -> Self {
        Sort {
            name,
            part: "setting",
            all: "these settings",
            absent: "it has no settings here",
        }
    }

    /// Items whose settings are the table's own keys.
    pub const fn with_keys(name: &'static str) -> Self {
        Sort {
            name,
            part: "key",
            all: "this",
            absent: "it has no settings here",
        }
    }
}

impl Of<'_> {
    /// "component `echo`"
    fn owner(&self) -> String {
        format!("{} `{}`", self.sort.name, self.name.value)
    }
}

/// Checks the settings of a known item.
pub fn check_known(of: &Of<'_>, known: &Known, catalogue: &Catalogue, problems: &mut Problems) {
    if has_unknown_key(of, known.keys, problems) {
        return;
    }
    let none = serde_json::json!({});
    let settings = of.settings.map_or(&none, |settings| &settings.value);
    if let Err(error) = catalogue.check_settings(of.name, settings) {
        problems.add(problem(of, &known.declaration, settings, &error));
    }
}

/// Whether a key is unknown; a problem is then added. Without `keys` any is valid.
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
    let (owner, part) = (of.owner(), of.sort.part);
    Problem::new(format!("the {owner} has no {part} `{key}`")).help(help)
}

/// Adds an error, at the invalid setting.
pub(crate) fn problem(
    of: &Of<'_>,
    declaration: &Declaration,
    settings: &Value,
    error: &SettingsError,
) -> Problem {
    let Sort {
        part, all, absent, ..
    } = of.sort;
    let (owner, name) = (of.owner(), way(&error.path));
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
                (None, _) => absent,
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

/// The position of the value: of its innermost part that has one.
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

/// Its TOML type.
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

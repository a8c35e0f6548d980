//! Converts TOML data to a value of a type.

use std::sync::Arc;

use squall_core::file::data::{Data, Datum};
use squall_core::file::names::{nearest, unknown};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_value::{CType, CValue, Fields};

use super::written;

/// The value of this type in `data`. An integer is also a float; optional parts may be absent.
pub(crate) fn value(data: &Data, ctype: &CType, problems: &mut Problems) -> Option<CValue> {
    Some(match (ctype, &data.datum) {
        (CType::String, Datum::Text(text)) => CValue::string(text.as_str()),
        (CType::Int, Datum::Integer(number)) => CValue::Int(*number),
        (CType::Float, Datum::Float(number)) => CValue::Float(*number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "whoever writes a float without a point means the nearest"
        )]
        (CType::Float, Datum::Integer(number)) => CValue::Float(*number as f64),
        (CType::Boolean, Datum::Boolean(boolean)) => CValue::Boolean(*boolean),
        (CType::Product(fields), Datum::Table(_)) => return record(data, fields, problems),
        (CType::List(element), Datum::List(items)) => CValue::List {
            value: all(items.iter().map(|item| value(item, element, problems)))?,
            subtype: element.clone(),
        },
        (CType::Map(keys, values), Datum::Table(entries)) if **keys == CType::String => {
            let entry = |(key, data): &(At<String>, Data)| {
                Some((CValue::string(key.as_str()), value(data, values, problems)?))
            };
            CValue::Map {
                value: all(entries.iter().map(entry))?,
                keys: keys.clone(),
                values: values.clone(),
            }
        }
        (CType::Map(keys, values), Datum::List(pairs)) => CValue::Map {
            value: all(pairs.iter().map(|pair| entry(pair, keys, values, problems)))?,
            keys: keys.clone(),
            values: values.clone(),
        },
        (CType::Optional(inner), _) => CValue::Some {
            value: Box::new(value(data, inner, problems)?),
            inner: inner.clone(),
        },
        _ => return wrong(data, ctype, problems),
    })
}

/// The record with these fields in the table `data`.
pub(crate) fn record(data: &Data, fields: &Arc<Fields<CType>>, problems: &mut Problems) -> Option<CValue> {
    let Datum::Table(entries) = &data.datum else {
        return wrong(data, &CType::Product(fields.clone()), problems);
    };
    let names = || fields.keys().map(|name| &**name);
    let mut misspelt = Vec::new();
    for (name, _) in entries {
        if !fields.contains_key(name.as_str()) {
            unknown("field", name, &name.span, names(), problems);
            misspelt.extend(nearest(name, names()));
        }
    }
    let field = |(name, ctype): (&Arc<str>, &CType)| {
        let given = entries.iter().find(|(other, _)| other.as_str() == &**name);
        let value = match (given, ctype) {
            (Some((_, data)), ctype) => value(data, ctype, problems)?,
            (None, CType::Optional(inner)) => CValue::None { inner: inner.clone() },
            (None, _) if misspelt.contains(&&**name) => return None,
            (None, ctype) => {
                let problem = Problem::new(format!("the field `{name}` is missing")).at(
                    &data.span,
                    format!("expected `{name}` of type {}", written(ctype)),
                );
                problems
                    .add_missing(problem.help(format!("add `{name}`, or declare it as \"Optional<..>\"")));
                return None;
            }
        };
        Some((name.clone(), value))
    };
    let value = all::<_, Vec<_>>(fields.iter().map(field))?;
    Some(CValue::Product {
        value: value.into_iter().collect(),
        structure: fields.clone(),
    })
}

/// A pair `[key, value]`.
fn entry(pair: &Data, keys: &CType, values: &CType, problems: &mut Problems) -> Option<(CValue, CValue)> {
    match &pair.datum {
        Datum::List(pair) if pair.len() == 2 => {
            let (key, value) = (value(&pair[0], keys, problems), value(&pair[1], values, problems));
            Some((key?, value?))
        }
        other => {
            let problem = Problem::new(format!("expected an entry of a map, found {}", other.kind()))
                .at(&pair.span, "this is no pair");
            problems.add(problem.help("entries whose keys are no strings are lists of two: [key, value]"));
            None
        }
    }
}

/// All values, or `None`. Each is converted even after a failure, to report all problems.
fn all<T, C: FromIterator<T>>(values: impl Iterator<Item = Option<T>>) -> Option<C> {
    let values: Vec<Option<T>> = values.collect();
    values.into_iter().collect()
}

fn wrong<T>(data: &Data, ctype: &CType, problems: &mut Problems) -> Option<T> {
    let found = data.datum.kind();
    let problem = Problem::new(format!(
        "expected a value of type {}, found {found}",
        written(ctype)
    ));
    problems.add(problem.at(&data.span, format!("this is {found}")));
    None
}

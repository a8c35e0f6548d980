//! What holds for all values, all types, and all JSON.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use squall_value::{CType, CValue, DecodeProblem, Limits};

use crate::support::json;

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]", "b[0-9]{1,2}", "\\PC{0,3}"]
}

/// Variants by position, as they come from schemas. With other names beside them, they would mean other positions than
/// they have.
fn by_position(variants: Vec<CType>) -> CType {
    let names = (0..).map(|position| format!("variant{position}"));
    CType::union(names.zip(variants))
}

fn types() -> impl Strategy<Value = CType> {
    let leaf = prop_oneof![
        Just(CType::String),
        Just(CType::Int),
        Just(CType::Float),
        Just(CType::Boolean)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            btree_map(name(), inner.clone(), 0..4).prop_map(CType::product),
            btree_map(name(), inner.clone(), 1..4).prop_map(CType::union),
            vec(inner.clone(), 1..4).prop_map(by_position),
            inner.clone().prop_map(CType::list),
            (inner.clone(), inner.clone()).prop_map(|(keys, values)| CType::map(keys, values)),
            inner.prop_map(CType::optional),
        ]
    })
}

/// Values of this type. Floats are finite: others are not equal to themselves, or not after a journey.
fn values_of(declared: &CType) -> BoxedStrategy<CValue> {
    match declared {
        CType::String => "\\PC{0,8}|[\\x00-\\x7f]{0,8}".prop_map(CValue::string).boxed(),
        CType::Int => any::<i64>().prop_map(CValue::Int).boxed(),
        CType::Float => proptest::num::f64::NORMAL.prop_map(CValue::Float).boxed(),
        CType::Boolean => any::<bool>().prop_map(CValue::Boolean).boxed(),
        CType::Product(fields) => {
            let structure = fields.clone();
            let start = Just(vec![]).boxed();
            let all = fields.iter().fold(start, |so_far, (name, field)| {
                let name = name.clone();
                (so_far, values_of(field))
                    .prop_map(move |(mut fields, value)| {
                        fields.push((name.clone(), value));
                        fields
                    })
                    .boxed()
            });
            all.prop_map(move |fields| CValue::Product {
                value: fields.into_iter().collect(),
                structure: structure.clone(),
            })
            .boxed()
        }
        CType::List(element) => {
            let subtype = element.clone();
            vec(values_of(element), 0..3)
                .prop_map(move |value| CValue::List {
                    value,
                    subtype: subtype.clone(),
                })
                .boxed()
        }
        CType::Map(keys, values) => {
            let types = (keys.clone(), values.clone());
            vec((values_of(keys), values_of(values)), 0..3)
                .prop_map(move |value| CValue::Map {
                    value,
                    keys: types.0.clone(),
                    values: types.1.clone(),
                })
                .boxed()
        }
        CType::Union(variants) => {
            let variants_of = variants.clone();
            let all = variants.iter().map(|(tag, variant)| {
                let (tag, structure) = (tag.clone(), variants_of.clone());
                values_of(variant)
                    .prop_map(move |value| CValue::Union {
                        value: Box::new(value),
                        structure: structure.clone(),
                        tag: tag.clone(),
                    })
                    .boxed()
            });
            proptest::strategy::Union::new(all).boxed()
        }
        CType::Optional(inner) => {
            let (none, some) = (inner.clone(), inner.clone());
            let present = values_of(inner).prop_map(move |value| CValue::Some {
                value: Box::new(value),
                inner: some.clone(),
            });
            prop_oneof![Just(CValue::None { inner: none }), present].boxed()
        }
    }
}

fn values() -> impl Strategy<Value = (CType, CValue)> {
    types().prop_flat_map(|declared| (Just(declared.clone()), values_of(&declared)))
}

/// JSON that is a bit like that of values, and often is one.
fn almost() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9.]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 4, |inner| {
        let tag = prop::sample::select(vec![
            "CString",
            "CInt",
            "CFloat",
            "CBoolean",
            "CList",
            "CSeq",
            "CMap",
            "CProduct",
            "CUnion",
            "CSome",
            "CNone",
            "COptional",
            "?",
        ]);
        let names = prop::sample::select(vec![
            "value",
            "subtype",
            "keysType",
            "valuesType",
            "structure",
            "unionTag",
            "innerType",
            "key",
            "a",
        ]);
        let members = btree_map(names, inner.clone(), 0..5);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            (tag, members).prop_map(|(tag, members)| {
                let mut object = json!(members);
                object["tag"] = json!(tag);
                object
            }),
        ]
    })
}

/// Whether a value is of a type, said once more and plainly. (Tags of a provider's own are not generated.)
fn is_of(value: &CValue, declared: &CType) -> bool {
    match (value, declared) {
        (CValue::Product { value, .. }, CType::Product(fields)) => {
            value.len() == fields.len()
                && value
                    .iter()
                    .all(|(name, it)| fields.get(name).is_some_and(|field| is_of(it, field)))
        }
        (CValue::List { value, .. }, CType::List(element)) => value.iter().all(|it| is_of(it, element)),
        (CValue::Map { value, .. }, CType::Map(keys, values)) => value
            .iter()
            .all(|(key, value)| is_of(key, keys) && is_of(value, values)),
        (CValue::Union { value, tag, .. }, CType::Union(variants)) => match variants.get(tag) {
            Some(variant) => is_of(value, variant),
            None => variants.values().any(|variant| is_of(value, variant)),
        },
        (CValue::Some { value, .. }, CType::Optional(inner)) => is_of(value, inner),
        (CValue::None { .. }, CType::Optional(_)) => true,
        (value, declared) => {
            let is_scalar = matches!(
                value,
                CValue::String(_) | CValue::Int(_) | CValue::Float(_) | CValue::Boolean(_)
            );
            is_scalar && value.ctype() == *declared
        }
    }
}

/// A type without names of variants, as it comes back from the wire.
fn without_names(it: &CType) -> CType {
    match it {
        CType::Product(fields) => {
            CType::product(fields.iter().map(|(name, it)| (name.clone(), without_names(it))))
        }
        CType::Union(_) => {
            let variants = it.variants_in_order().into_iter().enumerate();
            CType::union(
                variants.map(|(position, (_, it))| (format!("variant{position}"), without_names(it))),
            )
        }
        CType::List(element) => CType::list(without_names(element)),
        CType::Map(keys, values) => CType::map(without_names(keys), without_names(values)),
        CType::Optional(inner) => CType::optional(without_names(inner)),
        it => it.clone(),
    }
}

fn from_json(json: &[u8]) -> Result<CValue, squall_value::DecodeError> {
    CValue::from_json(json, &Limits::default())
}

proptest! {
    #[test]
    fn a_value_comes_back_from_its_json((_, value) in values()) {
        prop_assert_eq!(from_json(&value.to_json()), Ok(value));
    }

    #[test]
    fn so_it_does_when_its_members_are_in_another_order_and_with_white_space((_, value) in values()) {
        fn reversed(it: serde_json::Value) -> serde_json::Value {
            match it {
                serde_json::Value::Object(members) => {
                    members.into_iter().rev().map(|(name, it)| (name, reversed(it))).collect()
                }
                serde_json::Value::Array(items) => items.into_iter().map(reversed).collect(),
                it => it,
            }
        }
        let parsed: serde_json::Value = serde_json::from_slice(&value.to_json()).unwrap();
        // It rounds some floats: in both.
        let expected = from_json(&serde_json::to_vec(&parsed).unwrap());
        let text = serde_json::to_vec_pretty(&reversed(parsed)).unwrap();
        prop_assert_eq!(from_json(&text), expected);
    }

    #[test]
    fn the_json_of_a_value_is_what_serde_json_reads_and_writes((_, value) in values()) {
        let json = json(&value);
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(parsed["tag"].as_str().map(|tag| tag.starts_with('C')), Some(true));
    }

    #[test]
    fn a_type_comes_back_from_its_json(declared in types()) {
        let read = CType::from_json(&declared.to_json(), &Limits::default());
        prop_assert_eq!(read, Ok(declared));
    }

    #[test]
    fn a_type_comes_back_from_its_schema_but_for_names_of_variants(declared in types()) {
        let back = CType::from_schema(&declared.to_schema(), &Limits::default()).unwrap();
        prop_assert_eq!(&back, &without_names(&declared));
        prop_assert_eq!(declared.check_same_structure(&back), Ok(()));
        let again = CType::from_schema(&back.to_schema(), &Limits::default());
        prop_assert_eq!(again, Ok(back));
    }

    #[test]
    fn types_are_alike_just_when_they_are_equal_without_names(one in types(), other in types()) {
        let are_alike = one.check_same_structure(&other).is_ok();
        prop_assert_eq!(are_alike, without_names(&one) == without_names(&other));
    }

    #[test]
    fn a_value_is_of_its_type_and_conforms_as_it_is((declared, value) in values()) {
        prop_assert_eq!(value.check(&declared), Ok(()));
        prop_assert_eq!(value.clone().conformed(&declared), Ok(value.clone()));
        prop_assert_eq!(value.ctype(), declared);
    }

    #[test]
    fn a_value_conforms_to_the_schema_of_its_type_and_says_so((declared, value) in values()) {
        let on_the_wire = without_names(&declared);
        let told = value.conformed(&on_the_wire).unwrap();
        prop_assert_eq!(told.ctype(), on_the_wire);
    }

    #[test]
    fn the_check_says_what_the_rule_says((_, value) in values(), declared in types()) {
        prop_assert_eq!(value.check(&declared).is_ok(), is_of(&value, &declared));
    }

    #[test]
    fn arbitrary_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..64)) {
        if let Err(error) = from_json(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = CType::from_json(&bytes, &Limits::default());
    }

    #[test]
    fn arbitrary_json_is_a_value_or_an_error_that_is_no_syntax_error(json in almost()) {
        let text = serde_json::to_vec(&json).unwrap();
        match from_json(&text) {
            Ok(value) => {
                let again = value.to_json();
                prop_assert_eq!(from_json(&again).unwrap().to_json(), again);
            }
            Err(error) => {
                let is_syntax = matches!(error.problem, DecodeProblem::Syntax { .. });
                prop_assert!(!is_syntax, "{}", error);
            }
        }
    }

    #[test]
    fn json_that_is_cut_or_has_a_byte_changed_is_never_a_panic(
        (_, value) in values(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut json = value.to_json();
        let at = at.index(json.len());
        prop_assert!(from_json(&json[..at]).is_err());
        json[at] = byte;
        let _ = from_json(&json);
    }

    #[test]
    fn what_the_reader_takes_for_json_is_what_serde_json_takes_for_it(text in "[\\[\\]{}\",:0-9eE.tfn\\\\u+-]{0,12}") {
        // Around it is a value, whose reader ignores it and must yet see where it ends.
        let whole = format!(r#"{{"tag":"CInt","value":1,"other":{text}}}"#);
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&whole).is_ok();
        if from_json(whole.as_bytes()).is_ok() {
            prop_assert!(is_json, "{}", whole);
        } else if is_json {
            // Only a member that comes twice is JSON and no value: the text can close and go on.
            prop_assert!(text.contains('"'), "{}", whole);
        }
    }

    #[test]
    fn a_value_comes_back_from_plain_json((declared, value) in values()) {
        let plain = value.to_plain();
        // What plain JSON cannot say: equal keys, and a none in a some.
        let said = CValue::from_plain(&plain, &declared).unwrap();
        prop_assert_eq!(said.check(&declared), Ok(()));
        prop_assert_eq!(said.to_plain(), plain);
    }

    #[test]
    fn plain_json_of_any_kind_is_a_value_or_an_error(plain in almost(), declared in types()) {
        if let Ok(value) = CValue::from_plain(&plain, &declared) {
            prop_assert_eq!(value.check(&declared), Ok(()));
            prop_assert_eq!(value.ctype(), declared);
        }
    }
}

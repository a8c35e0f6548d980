//! What holds for all values, all types, and all JSON.

use proptest::collection::vec;
use proptest::prelude::*;
use squall_value::{CType, CValue, DecodeProblem, Limits};

use crate::value::arbitrary::{almost, types, values};
use crate::value::support::json;

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

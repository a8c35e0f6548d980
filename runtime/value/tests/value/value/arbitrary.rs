//! Arbitrary types, values of them, and JSON.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use squall_value::{CType, CValue};

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]", "b[0-9]{1,2}", "\\PC{0,3}"]
}

/// Variants by position, as they come from schemas. With other names beside them, they would mean other positions than
/// they have.
fn by_position(variants: Vec<CType>) -> CType {
    let names = (0..).map(|position| format!("variant{position}"));
    CType::union(names.zip(variants))
}

pub(crate) fn types() -> impl Strategy<Value = CType> {
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

pub(crate) fn values() -> impl Strategy<Value = (CType, CValue)> {
    types().prop_flat_map(|declared| (Just(declared.clone()), values_of(&declared)))
}

/// JSON that is a bit like that of values, and often is one.
pub(crate) fn almost() -> impl Strategy<Value = serde_json::Value> {
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

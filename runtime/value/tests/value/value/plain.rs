//! Values as plain JSON, without tags and types.

use serde_json::json;
use squall_value::{CType, CValue};

fn read(plain: &serde_json::Value, declared: &CType) -> Result<CValue, String> {
    CValue::from_plain(plain, declared).map_err(|error| error.to_string())
}

#[test]
fn plain_json_is_a_value_of_its_type_and_the_value_is_that_json() {
    let record = CType::product([("text", CType::String), ("n", CType::optional(CType::Int))]);
    let union = || [("a", CType::Int), ("b", CType::product::<&str>([]))];
    let by_number = CType::map(CType::Int, CType::String);
    for (plain, declared, expected) in [
        (json!("x"), CType::String, CValue::string("x")),
        (json!(i64::MIN), CType::Int, CValue::Int(i64::MIN)),
        (json!(2.5), CType::Float, CValue::Float(2.5)),
        (json!(true), CType::Boolean, CValue::Boolean(true)),
        (
            json!({"text": "hello", "n": 1}),
            record.clone(),
            CValue::product([
                ("text", CValue::string("hello")),
                ("n", CValue::some(CValue::Int(1))),
            ]),
        ),
        (
            json!([1, 2]),
            CType::list(CType::Int),
            CValue::list(CType::Int, [CValue::Int(1), CValue::Int(2)]),
        ),
        (
            json!({"a": 1}),
            CType::map(CType::String, CType::Int),
            CValue::map(
                CType::String,
                CType::Int,
                vec![(CValue::string("a"), CValue::Int(1))],
            ),
        ),
        (
            json!([[5, "five"]]),
            by_number,
            CValue::map(
                CType::Int,
                CType::String,
                vec![(CValue::Int(5), CValue::string("five"))],
            ),
        ),
        (
            json!({"a": 3}),
            CType::union(union()),
            CValue::union("a", CValue::Int(3), union()),
        ),
        (
            json!({"b": {}}),
            CType::union(union()),
            CValue::union("b", CValue::product::<&str>([]), union()),
        ),
        (json!(null), CType::optional(record.clone()), CValue::none(record)),
    ] {
        assert_eq!(read(&plain, &declared), Ok(expected.clone()), "{plain}");
        assert_eq!(expected.to_plain(), plain);
    }
}

#[test]
fn a_missing_optional_member_is_no_value() {
    let record = CType::product([("text", CType::String), ("n", CType::optional(CType::Int))]);
    let expected = CValue::product([("text", CValue::string("x")), ("n", CValue::none(CType::Int))]);
    assert_eq!(read(&json!({"text": "x"}), &record), Ok(expected.clone()));
    assert_eq!(expected.to_plain(), json!({"text": "x", "n": null}));
}

#[test]
fn numbers_may_be_written_in_other_ways() {
    assert_eq!(read(&json!(10.0), &CType::Int), Ok(CValue::Int(10)));
    assert_eq!(read(&json!(1), &CType::Float), Ok(CValue::Float(1.0)));
    let nan = read(&json!(null), &CType::Float);
    assert!(matches!(nan, Ok(CValue::Float(float)) if float.is_nan()));
    assert_eq!(CValue::Float(f64::NAN).to_plain(), json!(null));
}

#[test]
fn a_variant_without_fields_may_be_written_as_its_name() {
    let union = || [("a", CType::Int), ("b", CType::product::<&str>([]))];
    let expected = CValue::union("b", CValue::product::<&str>([]), union());
    assert_eq!(read(&json!("b"), &CType::union(union())), Ok(expected));
}

#[test]
fn what_is_not_of_the_type_says_what_and_where() {
    let record = CType::product([("text", CType::String), ("items", CType::list(CType::Int))]);
    let union = CType::union([("a", CType::Int)]);
    let pairs = CType::map(CType::Int, CType::Int);
    for (plain, declared, expected) in [
        (json!(1), &CType::String, "expected String, found Int"),
        (json!("1"), &CType::Int, "expected Int, found String"),
        (json!(1.5), &CType::Int, "expected a whole number"),
        (json!(u64::MAX), &CType::Int, "expected a number of 64 bits"),
        (json!(1e19), &CType::Int, "expected a number of 64 bits"),
        (json!(null), &CType::Int, "expected Int, found null"),
        (json!({"text": "x"}), &record, "items: the field is missing"),
        (
            json!({"text": "x", "items": [1, true]}),
            &record,
            "items[1]: expected Int, found Boolean",
        ),
        (
            json!({"text": "x", "items": [], "more": 1}),
            &record,
            "more: there is no such field",
        ),
        (json!([1]), &record, "expected a record, found List"),
        (json!({"a": "x"}), &union, "a: expected Int, found String"),
        (json!({"c": 1}), &union, r#"there is no variant "c""#),
        (json!({}), &union, "expected one member, named like a variant"),
        (
            json!({"a": 1, "b": 1}),
            &union,
            "expected one member, named like a variant",
        ),
        (json!([[1, 2], [3]]), &pairs, "[1]: expected a key and a value"),
        (json!([[1, 2, 3]]), &pairs, "[0]: expected a key and a value"),
        (json!([7]), &pairs, "[0]: expected a key and a value"),
        (json!([[1, "x"]]), &pairs, "[0].value: expected Int, found String"),
        (json!({"1": 2}), &pairs, "[0].key: expected Int, found String"),
    ] {
        assert_eq!(read(&plain, declared), Err(expected.into()), "{plain}");
    }
}

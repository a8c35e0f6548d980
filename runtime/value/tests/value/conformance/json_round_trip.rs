//! Lines 102, 104, 105, 108 and 109: what is written, and read back.

use squall_value::{CType, CValue};

use crate::conformance::fixtures::{self, ctype, structure, value};

fn round_trip(it: &CValue) {
    let json = String::from_utf8(it.to_json()).unwrap();
    assert_eq!(value(&json).as_ref(), Ok(it), "{json}");
}

#[test]
fn line_102_string_int_float_bool_list_record_map_and_empty_ones_round_trip() {
    let record = CValue::product([("name", CValue::string("Ann")), ("age", CValue::Int(30))]);
    let map = CValue::Map {
        value: vec![
            (CValue::string("a"), CValue::Float(0.5)),
            (CValue::string("b"), CValue::Float(-2.0)),
        ],
        keys: CType::String.into(),
        values: CType::Float.into(),
    };
    for it in [
        CValue::string("hello, \"world\" \u{1F600}\n"),
        CValue::Int(i64::MIN),
        CValue::Float(-2.5e-7),
        CValue::Boolean(false),
        CValue::list(record.ctype(), [record.clone(), record.clone()]),
        record,
        map,
        CValue::list(CType::Int, []),
        CValue::product::<&str>([]),
    ] {
        round_trip(&it);
    }
}

#[test]
fn line_104_each_type_is_written_as_its_json_read_from_it_and_comes_back() {
    for (it, json) in fixtures::types() {
        assert_eq!(String::from_utf8(it.to_json()).unwrap(), json);
        assert_eq!(ctype(json).as_ref(), Ok(&it), "{json}");
        assert_eq!(ctype(std::str::from_utf8(&it.to_json()).unwrap()), Ok(it));
    }
}

#[test]
fn line_105_each_value_is_written_as_its_json_read_from_it_and_comes_back() {
    for (it, json) in fixtures::values() {
        assert_eq!(String::from_utf8(it.to_json()).unwrap(), json);
        assert_eq!(value(json).as_ref(), Ok(&it), "{json}");
        round_trip(&it);
    }
}

#[test]
fn line_108_a_round_trip_over_bytes_which_are_json_in_utf_8() {
    for (it, _) in fixtures::values() {
        let bytes = it.to_json();
        std::str::from_utf8(&bytes).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert!(json["tag"].is_string(), "{json}");
        round_trip(&it);
    }
    let text = CValue::string("žluťoučký kůň 🐎");
    assert!(std::str::from_utf8(&text.to_json()).unwrap().contains("kůň 🐎"));
    round_trip(&text);
}

#[test]
fn line_109_json_as_scala_writes_it_is_understood() {
    let text = || CValue::string("hello");
    let person = CValue::Product {
        value: [("name".into(), text())].into(),
        structure: structure([("name", CType::String)]),
    };
    let scores = CValue::Map {
        value: vec![(text(), CValue::Float(1e10))],
        keys: CType::String.into(),
        values: CType::Float.into(),
    };
    let union = CValue::Union {
        value: CValue::Int(7).into(),
        structure: structure([("Left", CType::String), ("Right", CType::Int)]),
        tag: "Right".into(),
    };
    let some = CValue::Some {
        value: text().into(),
        inner: CType::String.into(),
    };
    let none = CValue::None {
        inner: CType::Int.into(),
    };
    for (json, expected) in [
        (r#"{"value":"hello","tag":"CString"}"#, text()),
        (r#"{"value":42,"tag":"CInt"}"#, CValue::Int(42)),
        (r#"{"value":1.0E10,"tag":"CFloat"}"#, CValue::Float(1e10)),
        (r#"{"value":true,"tag":"CBoolean"}"#, CValue::Boolean(true)),
        (
            r#"{"value":{"name":{"value":"hello","tag":"CString"}},"structure":{"name":{"tag":"CString"}},"tag":"CProduct"}"#,
            person,
        ),
        (
            r#"{"value":[{"key":{"value":"hello","tag":"CString"},"value":{"value":1.0E10,"tag":"CFloat"}}],"keysType":{"tag":"CString"},"valuesType":{"tag":"CFloat"},"tag":"CMap"}"#,
            scores,
        ),
        (
            r#"{"value":{"value":7,"tag":"CInt"},"structure":{"Left":{"tag":"CString"},"Right":{"tag":"CInt"}},"unionTag":"Right","tag":"CUnion"}"#,
            union,
        ),
        (
            r#"{"value":{"value":"hello","tag":"CString"},"innerType":{"tag":"CString"},"tag":"CSome"}"#,
            some,
        ),
        (r#"{"innerType":{"tag":"CInt"},"tag":"CNone"}"#, none),
    ] {
        assert_eq!(value(json), Ok(expected), "{json}");
    }
}

//! Lines 103, 106 and 107: what is no value, and no type.

use crate::conformance::fixtures::{ctype, value};

#[test]
fn line_103_what_is_not_json_is_an_error_and_so_are_bytes_that_are_not_text() {
    assert_eq!(
        value("this is not JSON"),
        Err("not JSON: expected a value at byte 0".into())
    );
    assert_eq!(
        value("\u{0}\u{1}\u{2}\u{3}"),
        Err("not JSON: expected a value at byte 0".into())
    );
    assert_eq!(value(""), Err("not JSON: expected a value at byte 0".into()));
}

#[test]
fn line_106_what_is_no_type_says_why() {
    for (json, expected) in [
        ("{}", r#"Invalid CType JSON: expected object with "tag" field"#),
        ("null", r#"Invalid CType JSON: expected object with "tag" field"#),
        (r#"{"tag":"CBanana"}"#, "Unknown CType tag: CBanana"),
        (r#"{"tag":"CList"}"#, r#"CList missing "valuesType" field"#),
        (
            r#"{"tag":"CMap","valuesType":{"tag":"CInt"}}"#,
            r#"CMap missing "keysType" field"#,
        ),
        (
            r#"{"tag":"CMap","keysType":{"tag":"CInt"}}"#,
            r#"CMap missing "valuesType" field"#,
        ),
        (r#"{"tag":"CProduct"}"#, r#"CProduct missing "structure" field"#),
        (r#"{"tag":"CUnion"}"#, r#"CUnion missing "structure" field"#),
        (r#"{"tag":"COptional"}"#, r#"COptional missing "innerType" field"#),
    ] {
        assert_eq!(ctype(json), Err(expected.into()), "{json}");
    }
}

#[test]
fn line_107_what_is_no_value_says_why() {
    for (json, expected) in [
        ("{}", r#"Invalid CValue JSON: expected object with "tag" field"#),
        ("null", r#"Invalid CValue JSON: expected object with "tag" field"#),
        (r#"{"tag":"CBanana"}"#, "Unknown CValue tag: CBanana"),
        (
            r#"{"tag":"CString","value":42}"#,
            r#"CString "value" must be a string"#,
        ),
        (
            r#"{"tag":"CInt","value":"twelve"}"#,
            r#"CInt "value" must be a number"#,
        ),
        (
            r#"{"tag":"CFloat","value":"much"}"#,
            r#"CFloat "value" must be a number"#,
        ),
        (
            r#"{"tag":"CBoolean","value":"true"}"#,
            r#"CBoolean "value" must be a boolean"#,
        ),
        (
            r#"{"tag":"CList","value":{},"subtype":{"tag":"CInt"}}"#,
            r#"CList "value" must be an array"#,
        ),
        (
            r#"{"tag":"CList","value":[]}"#,
            r#"CList missing "subtype" field"#,
        ),
        (
            r#"{"tag":"CMap","value":{},"keysType":{"tag":"CInt"},"valuesType":{"tag":"CInt"}}"#,
            r#"CMap "value" must be an array"#,
        ),
        (
            r#"{"tag":"CProduct","structure":{}}"#,
            r#"CProduct missing "value" field"#,
        ),
        (
            r#"{"tag":"CProduct","value":{}}"#,
            r#"CProduct missing "structure" field"#,
        ),
        (
            r#"{"tag":"CUnion","value":{"tag":"CInt","value":1},"unionTag":"variant0"}"#,
            r#"CUnion missing "structure" field"#,
        ),
        (
            r#"{"tag":"CUnion","value":{"tag":"CInt","value":1},"structure":{"variant0":{"tag":"CInt"}}}"#,
            r#"CUnion missing "unionTag" field"#,
        ),
        (
            r#"{"tag":"CSome","value":{"tag":"CInt","value":1}}"#,
            r#"CSome missing "innerType" field"#,
        ),
        (r#"{"tag":"CNone"}"#, r#"CNone missing "innerType" field"#),
    ] {
        assert_eq!(value(json), Err(expected.into()), "{json}");
    }
}

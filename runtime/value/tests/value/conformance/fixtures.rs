//! JSON as it is on the wire, and what it means. Written by hand from the specification's tables (2.14, 2.15): nothing
//! here is made by what it is compared with.

use squall_value::{CType, CValue, Limits};

/// Ten types, each with its JSON.
pub(crate) fn types() -> Vec<(CType, &'static str)> {
    vec![
        (CType::String, r#"{"tag":"CString"}"#),
        (CType::Int, r#"{"tag":"CInt"}"#),
        (CType::Float, r#"{"tag":"CFloat"}"#),
        (CType::Boolean, r#"{"tag":"CBoolean"}"#),
        (
            CType::list(CType::String),
            r#"{"tag":"CList","valuesType":{"tag":"CString"}}"#,
        ),
        (
            CType::map(CType::Int, CType::String),
            r#"{"tag":"CMap","keysType":{"tag":"CInt"},"valuesType":{"tag":"CString"}}"#,
        ),
        (
            CType::product([("age", CType::Int), ("name", CType::String)]),
            r#"{"tag":"CProduct","structure":{"age":{"tag":"CInt"},"name":{"tag":"CString"}}}"#,
        ),
        (
            CType::union([("variant0", CType::String), ("variant1", CType::Int)]),
            r#"{"tag":"CUnion","structure":{"variant0":{"tag":"CString"},"variant1":{"tag":"CInt"}}}"#,
        ),
        (
            CType::optional(CType::String),
            r#"{"tag":"COptional","innerType":{"tag":"CString"}}"#,
        ),
        (CType::product::<&str>([]), r#"{"tag":"CProduct","structure":{}}"#),
    ]
}

/// Thirteen values, each with its JSON.
pub(crate) fn values() -> Vec<(CValue, &'static str)> {
    let strings = || CType::String.into();
    let ints = || CType::Int.into();
    vec![
        (CValue::string("hello"), r#"{"tag":"CString","value":"hello"}"#),
        (CValue::Int(42), r#"{"tag":"CInt","value":42}"#),
        (CValue::Float(3.25), r#"{"tag":"CFloat","value":3.25}"#),
        (CValue::Boolean(true), r#"{"tag":"CBoolean","value":true}"#),
        (
            CValue::list(CType::Int, [CValue::Int(1), CValue::Int(2)]),
            r#"{"tag":"CList","value":[{"tag":"CInt","value":1},{"tag":"CInt","value":2}],"subtype":{"tag":"CInt"}}"#,
        ),
        (
            CValue::list(CType::String, []),
            r#"{"tag":"CList","value":[],"subtype":{"tag":"CString"}}"#,
        ),
        (
            CValue::Map {
                value: vec![(CValue::Int(5), CValue::string("five"))],
                keys: ints(),
                values: strings(),
            },
            r#"{"tag":"CMap","value":[{"key":{"tag":"CInt","value":5},"value":{"tag":"CString","value":"five"}}],"keysType":{"tag":"CInt"},"valuesType":{"tag":"CString"}}"#,
        ),
        (
            CValue::Map {
                value: vec![],
                keys: strings(),
                values: ints(),
            },
            r#"{"tag":"CMap","value":[],"keysType":{"tag":"CString"},"valuesType":{"tag":"CInt"}}"#,
        ),
        (
            CValue::product([("text", CValue::string("x"))]),
            r#"{"tag":"CProduct","value":{"text":{"tag":"CString","value":"x"}},"structure":{"text":{"tag":"CString"}}}"#,
        ),
        (
            CValue::product::<&str>([]),
            r#"{"tag":"CProduct","value":{},"structure":{}}"#,
        ),
        (
            CValue::Union {
                value: CValue::Int(3).into(),
                structure: structure([("variant0", CType::String), ("variant1", CType::Int)]),
                tag: "variant1".into(),
            },
            r#"{"tag":"CUnion","value":{"tag":"CInt","value":3},"structure":{"variant0":{"tag":"CString"},"variant1":{"tag":"CInt"}},"unionTag":"variant1"}"#,
        ),
        (
            CValue::Some {
                value: CValue::string("x").into(),
                inner: strings(),
            },
            r#"{"tag":"CSome","value":{"tag":"CString","value":"x"},"innerType":{"tag":"CString"}}"#,
        ),
        (
            CValue::None { inner: strings() },
            r#"{"tag":"CNone","innerType":{"tag":"CString"}}"#,
        ),
    ]
}

/// What a record or a union says of itself.
pub(crate) fn structure<const N: usize>(
    fields: [(&str, CType); N],
) -> std::sync::Arc<squall_value::Fields<CType>> {
    std::sync::Arc::new(fields.map(|(name, it)| (name.into(), it)).into())
}

/// The value that JSON is of, or the text of the error.
pub(crate) fn value(json: &str) -> Result<CValue, String> {
    CValue::from_json(json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

/// The type that JSON is of, or the text of the error.
pub(crate) fn ctype(json: &str) -> Result<CType, String> {
    CType::from_json(json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

//! What the tests have in common.

use std::sync::Arc;

use squall_value::{CType, CValue, Fields, Limits};

/// The value that JSON is of, or the text of the error.
pub(crate) fn value(json: impl AsRef<[u8]>) -> Result<CValue, String> {
    CValue::from_json(json.as_ref(), &Limits::default()).map_err(|error| error.to_string())
}

/// The type that JSON is of, or the text of the error.
pub(crate) fn ctype(json: &str) -> Result<CType, String> {
    CType::from_json(json.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

/// The JSON of a value, as text.
pub(crate) fn json(value: &CValue) -> String {
    String::from_utf8(value.to_json()).unwrap()
}

/// What a record or a union says of itself.
pub(crate) fn structure<const N: usize>(fields: [(&str, CType); N]) -> Arc<Fields<CType>> {
    Arc::new(fields.map(|(name, it)| (name.into(), it)).into())
}

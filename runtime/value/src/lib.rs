//! Values and types of Constellation modules: their JSON, and their schemas on the wire. Spec: provider 2.14, 2.15.
//!
//! | subject | file |
//! |---|---|
//! | values and types | `types`, `value` |
//! | human-readable types | `notation` |
//! | JSON of values and types, with their tags | `json` |
//! | types as schemas, and back | `schema` |
//! | checks of values and types | `check`, `mismatch` |
//! | values as plain data: JSON without tags, TOML, structs | `plain` |
//! | limits for received data, and sizes | `limits`, `size` |
//! | places in a value | `path` |
//!
//! ```
//! use squall_value::{CType, CValue, Limits};
//!
//! let declared = CType::product([("text", CType::String), ("n", CType::optional(CType::Int))]);
//! assert_eq!(declared.to_string(), "{n: Optional<Int>, text: String}");
//!
//! let value = CValue::from_plain(&serde_json::json!({"text": "hello"}), &declared)?;
//! assert_eq!(value.field("n"), Some(&CValue::none(CType::Int)));
//! let received = CValue::from_json(&value.to_json(), &Limits::default())?;
//! assert_eq!(received, value);
//!
//! let wrong = CValue::product([("text", CValue::Int(1)), ("n", CValue::none(CType::Int))]);
//! let error = wrong.check(&declared).unwrap_err();
//! assert_eq!(error.to_string(), "text: expected String, found Int");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Received data may be anything: it becomes a value, or an error with the mistake and its place, within [`Limits`].
//! Values created by this process are trusted to be no deeper than stacks allow.

mod check;
mod json;
mod limits;
mod mismatch;
mod notation;
mod path;
mod plain;
mod schema;
mod size;
mod types;
mod value;

pub use json::{DecodeError, DecodeProblem};
pub use limits::Limits;
pub use mismatch::{Kind, Mismatch, MismatchProblem};
pub use path::Path;
pub use schema::{FIELD_NAME_BYTES_MAX, SchemaError};
pub use types::{CType, Fields};
pub use value::CValue;

//! Values and types of Constellation modules: their JSON, and their schemas on the wire. Spec: provider 2.14, 2.15.
//!
//! | subject | file |
//! |---|---|
//! | what a value can be, and of which type | `types`, `value` |
//! | types as people read them | `notation` |
//! | JSON of values and types, with their tags | `json` |
//! | types as schemas, and back | `schema` |
//! | is a value of a type, are two types alike? | `check`, `mismatch` |
//! | values as plain data: JSON without tags, TOML, structs | `plain` |
//! | how much is read from others, and how much that is | `limits`, `size` |
//! | where in a value something is | `path` |
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
//! What others send may be anything: it becomes a value, or an error that says what is wrong and where, within
//! [`Limits`]. Values that this process makes itself are trusted to be no deeper than stacks are.

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

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
//! | how much is read from others | `limits` |
//! | where in a value something is | `path` |
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
mod types;
mod value;

pub use json::{DecodeError, DecodeProblem};
pub use limits::Limits;
pub use mismatch::{Kind, Mismatch, MismatchProblem};
pub use path::Path;
pub use schema::SchemaError;
pub use types::{CType, Fields};
pub use value::CValue;

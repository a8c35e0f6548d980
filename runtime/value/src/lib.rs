//! Values and types of Constellation modules: their JSON, and their schemas on the wire. Spec: provider 2.14, 2.15.
//!
//! | subject | file |
//! |---|---|
//! | what a value can be, and of which type | `types`, `value` |
//! | JSON of values and types, with their tags | `json` |
//! | types as schemas, and back | `schema` |
//! | how much is read from others | `limits` |
//! | where in a value something is | `path` |

mod json;
mod limits;
mod path;
mod schema;
mod types;
mod value;

pub use json::{DecodeError, DecodeProblem};
pub use limits::Limits;
pub use path::Path;
pub use schema::SchemaError;
pub use types::{CType, Fields};
pub use value::CValue;

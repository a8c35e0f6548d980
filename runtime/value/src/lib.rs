//! Values and types of Constellation modules: their JSON, and their schemas on the wire. Spec: provider 2.14, 2.15.
//!
//! | subject | file |
//! |---|---|
//! | what a value can be, and of which type | `types`, `value` |

mod types;
mod value;

pub use types::{CType, Fields};
pub use value::CValue;

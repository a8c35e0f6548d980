//! Values as plain data, without tags and types: human-written JSON, TOML, and Rust types through serde.
//!
//! | type | plain |
//! |---|---|
//! | `String`, `Int`, `Boolean` | a string, a number, true or false; a whole number may be written as `1.0` |
//! | `Float` | a number, or `null` for NaN |
//! | record | an object, or a struct. A missing member is none if it is optional |
//! | `List` | an array, a `Vec`, a tuple |
//! | `Map` | a map; in JSON an object when its keys are strings, and an array of pairs `[key, value]` else |
//! | union | an object of one member, named after the variant; an enum. A variant without fields may be its name |
//! | `Optional` | `null`, or the value; an `Option` |
//!
//! Through serde to Rust types nothing is lost: 64-bit integers and NaN stay exact. In JSON, NaN and infinities are
//! `null`, `Some(None)` is the same as `None`, and for duplicate keys of an object the last one counts.

mod parts;
mod read;
mod write;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::mismatch::Mismatch;
use crate::{CType, CValue};

impl CValue {
    /// Converts plain JSON to a value of this type.
    ///
    /// # Errors
    /// The author is at fault: it does not have the type. Undeclared members of records are errors too.
    pub fn from_plain(plain: &serde_json::Value, declared: &CType) -> Result<Self, Mismatch> {
        CValue::from_serialize(plain, declared)
    }

    /// Converts this value to plain JSON, without tags and types.
    pub fn to_plain(&self) -> serde_json::Value {
        // Every value can be written as JSON: `Value` accepts everything.
        serde_json::Value::deserialize(read::Reader(self)).unwrap_or_default()
    }

    /// Converts `from` to a value of this type: anything that serde can serialize, such as a struct or a table of
    /// TOML.
    ///
    /// # Errors
    /// It does not have the type, or cannot be serialized.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T, declared: &CType) -> Result<Self, Mismatch> {
        from.serialize(write::Writer::new(declared))
    }

    /// Converts this value to a user's type.
    ///
    /// # Errors
    /// That type cannot read it.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Mismatch> {
        T::deserialize(read::Reader(self))
    }
}

//! Values as plain data, without tags and types: JSON as people write it, TOML, and Rust's own types through serde.
//!
//! | type | plain |
//! |---|---|
//! | `String`, `Int`, `Boolean` | a string, a number, true or false; a whole number may be written as `1.0` |
//! | `Float` | a number, or `null` for NaN |
//! | record | an object, or a struct. A missing member is no value where that is optional |
//! | `List` | an array, a `Vec`, a tuple |
//! | `Map` | a map; in JSON an object when its keys are strings, and an array of pairs `[key, value]` else |
//! | union | an object of one member, named after the variant; an enum. A variant without fields may be its name |
//! | `Optional` | `null`, or the value; an `Option` |
//!
//! Through serde into one's own types nothing is lost: integers of 64 bits and NaN stay what they are. In JSON, NaN and
//! infinities are `null`, `Some(None)` is the same as `None`, and of an object's equal keys the last one counts.

mod parts;
mod read;
mod write;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::mismatch::Mismatch;
use crate::{CType, CValue};

impl CValue {
    /// The value of this type that plain JSON stands for.
    ///
    /// # Errors
    /// Who wrote it is at fault: it is not of the type. Members of records that are not declared are errors too.
    pub fn from_plain(plain: &serde_json::Value, declared: &CType) -> Result<Self, Mismatch> {
        CValue::from_serialize(plain, declared)
    }

    /// This value as plain JSON: without tags and types.
    pub fn to_plain(&self) -> serde_json::Value {
        // Into JSON anything goes: there is nothing that `Value` refuses.
        serde_json::Value::deserialize(read::Reader(self)).unwrap_or_default()
    }

    /// The value of this type that is in `from`: anything that serde can write, such as a struct or a table of TOML.
    ///
    /// # Errors
    /// It is not of the type, or fails to be written.
    pub fn from_serialize<T: Serialize + ?Sized>(from: &T, declared: &CType) -> Result<Self, Mismatch> {
        from.serialize(write::Writer::new(declared))
    }

    /// This value as a type of the user's own.
    ///
    /// # Errors
    /// It is not what that type reads.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Mismatch> {
        T::deserialize(read::Reader(self))
    }
}

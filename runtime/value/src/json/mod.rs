//! The JSON format on the wire. Spec: provider 2.15.
//!
//! | subject | file |
//! |---|---|
//! | encoding: strict | `encode` |
//! | decoding: lenient | `decode` |
//! | the tags, and their members | `tags` |
//! | tokens, strings and numbers | `reader`, `scan`, `number` |
//! | recently decoded items, which may be repeated | `recent` |
//! | errors | `error` |
//!
//! The decoder is our own and not serde_json's, because the protocol has features that serde_json does not support:
//! numbers beyond a double, integers written as `1e3`, members in any order without a copy of those before the tag,
//! invalid UTF-8, and errors with places.

mod decode;
mod encode;
mod error;
mod number;
mod reader;
mod recent;
mod scan;
mod tags;

use std::sync::Arc;

pub use error::{DecodeError, DecodeProblem};

use crate::{CType, CValue, Limits};

impl CValue {
    /// The value as JSON, in UTF-8. NaN and infinities are `null`, which providers in TypeScript refuse to read.
    /// Spec: provider 2.15.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = vec![];
        encode::value(self, &mut out);
        out
    }

    /// Decodes a value from JSON, as leniently as the Scala server does: see the table of 2.15. Invalid UTF-8 is
    /// replaced, unknown members are ignored, a `CSeq` is a list, and a value is not checked against its own type
    /// information ([`CValue::check`] does that). It is strict only where decoders would differ: a duplicate member
    /// or field is an error.
    ///
    /// # Errors
    /// The sender is at fault: it is not JSON, not a value, or beyond a limit.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        decode::whole(json, limits, |decoder| decoder.value(0))
    }
}

impl CType {
    /// The type as JSON, in UTF-8. Spec: provider 2.15.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = vec![];
        encode::ctype(self, &mut out);
        out
    }

    /// Decodes a type from JSON. A `CSeq` is a list.
    ///
    /// # Errors
    /// The sender is at fault: it is not JSON, not a type, or beyond a limit.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        decode::whole(json, limits, |decoder| decoder.ctype(0)).map(Arc::unwrap_or_clone)
    }
}

//! JSON, as it is on the wire. Spec: provider 2.15.
//!
//! | subject | file |
//! |---|---|
//! | out: strict | `encode` |
//! | in: lenient | `decode` |
//! | which tags there are, with which members | `tags` |
//! | tokens, strings and numbers | `reader`, `scan`, `number` |
//! | what was decoded lately, and may come again | `recent` |
//! | why it cannot be read | `error` |
//!
//! The reader is our own and not serde_json's for what the protocol wants and serde_json does not do: numbers
//! beyond a double, integers written as `1e3`, members in any order without a copy of what comes before the
//! tag, invalid UTF-8, and errors that say where they are.

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

    /// The value that JSON is of, read as leniently as the Scala server does: see the table of 2.15. Invalid
    /// UTF-8 is replaced, unknown members are ignored, a `CSeq` is a list, and whether a value is what its
    /// types say is not looked at ([`CValue::check`] does that). Only where readers would differ in what
    /// they understand it is strict: a member or a field that comes twice is an error.
    ///
    /// # Errors
    /// Who wrote it is at fault: it is no JSON, no value, or beyond a limit.
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

    /// The type that JSON is of. A `CSeq` is a list.
    ///
    /// # Errors
    /// Who wrote it is at fault: it is no JSON, no type, or beyond a limit.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        decode::whole(json, limits, |decoder| decoder.ctype(0)).map(Arc::unwrap_or_clone)
    }
}

//! JSON as Go's `encoding/json` writes and reads it: the codec of the wire. Spec: cluster 2.3.
//!
//! | subject | file |
//! |---|---|
//! | writing | `write` |
//! | reading into existing values | `read` |
//! | text that Go mends while it reads | `mend` |
//! | byte strings, which are base64 | `base64` |

mod base64;
mod mend;
mod read;
mod write;

pub(crate) use base64::write as write_base64;
pub(crate) use read::{Fields, Flag, Integer, Integers, Member, Octets, Record, Text, read};
pub(crate) use write::write;

/// Whether these bytes are one JSON value.
///
/// # Errors
/// The place and the kind of the mistake.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).map(drop)
}

//! User-defined targets: keys of `[[workload]]`.

use crate::file::read::{At, Read, Value};
use crate::file::report::Problems;
use crate::file::value::Json;

/// A target as read from a file.
#[derive(Debug, Clone)]
pub struct SaidTarget {
    /// The name of the client that makes the calls, with the position of the key's value.
    pub name: At<String>,
    /// The payload of every call.
    pub payload: Json,
}

impl SaidTarget {
    pub(crate) fn read(key: &'static str, value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let payload = Json::read(value, problems)?;
        Some(SaidTarget {
            name: At {
                value: key.to_owned(),
                span: value.span(),
            },
            payload,
        })
    }
}

//! Targets of a user's own: keys of `[[workload]]`.

use crate::file::read::{At, Read, Value};
use crate::file::report::Problems;
use crate::file::value::Json;

/// What a file says of one.
#[derive(Debug, Clone)]
pub(crate) struct SaidTarget {
    /// The name of the client that makes the calls, where the key's value stands.
    pub(crate) name: At<String>,
    /// What every call carries.
    pub(crate) payload: Json,
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

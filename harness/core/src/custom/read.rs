//! Reads a file's value into a user-defined type.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::file::read::{At, Read, Value};
use crate::file::report::Problems;
use crate::file::settings::{self, Sort};
use crate::file::value::{Json, JsonData};
use crate::registry::{Declaration, SettingsError, keys_of};

/// The value as a `T`, with its position. `None` if it does not parse; a problem was then added.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    sort: Sort,
    key: &'static str,
    value: &Value<'_>,
    problems: &mut Problems,
) -> Option<(T, JsonData)> {
    let Json(data) = Json::read(value, problems)?;
    let name = At {
        value: key.to_owned(),
        span: value.span(),
    };
    let of = settings::Of {
        sort,
        name: &name,
        settings: Some(&data),
    };
    if settings::has_unknown_key(&of, keys_of::<T>(), problems) {
        return None;
    }
    match T::deserialize(&data.value) {
        Ok(read) => Some((read, data)),
        Err(error) => {
            let error = SettingsError::of::<T>(&data.value, error.to_string());
            problems.add(settings::problem(
                &of,
                &Declaration::of::<T>(),
                &data.value,
                &error,
            ));
            None
        }
    }
}

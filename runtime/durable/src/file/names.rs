//! Ids of instances as names of folders.

use std::fmt::Write;

use crate::store::StoreError;

/// The longest name that common file systems have.
const NAME_BYTES_MAX: usize = 255;

/// The folder of an instance: `a-z`, `0-9`, `-`, `_` and dots stay, except for a leading dot; all else is `%` and two
/// digits per byte. So no id leads out of the store, and ids that differ in case are different on every file system.
/// The empty id is `%`.
pub(super) fn folder_of(id: &str) -> Result<String, StoreError> {
    if id.is_empty() {
        return Ok("%".to_owned());
    }
    let mut name = String::with_capacity(id.len());
    for (index, byte) in id.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            b'.' if index > 0 => name.push('.'),
            // A String takes all that is written.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    match name.len() <= NAME_BYTES_MAX {
        true => Ok(name),
        false => Err(StoreError::IdTooLong {
            id: id.to_owned(),
            bytes: name.len(),
            max: NAME_BYTES_MAX,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_readable_and_stay_in_the_store() {
        let names =
            ["order-42_a.b", "..", ".", "a/b", "Ab", "_x", "", "\0", "é"].map(|id| folder_of(id).unwrap());
        let expected = [
            "order-42_a.b",
            "%2e.",
            "%2e",
            "a%2fb",
            "%41b",
            "_x",
            "%",
            "%00",
            "%c3%a9",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_id_that_is_too_long_is_refused() {
        assert!(folder_of(&"a".repeat(255)).is_ok());
        let error = folder_of(&"/".repeat(100)).unwrap_err();
        assert!(error.to_string().contains("takes 300 bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn different_ids_have_different_names(ids in proptest::collection::btree_set("[.%/_aA0é]{0,5}", 2..50)) {
            let names: BTreeSet<String> = ids.iter().map(|id| folder_of(id).unwrap()).collect();
            prop_assert_eq!(names.len(), ids.len());
            prop_assert!(names.iter().all(|name| !name.starts_with('.') && !name.contains('/')));
        }
    }
}

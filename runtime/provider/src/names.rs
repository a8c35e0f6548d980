//! Valid names of namespaces and modules. Spec: provider 2.5.

use std::collections::BTreeSet;

/// The maximum length of a namespace or a name, in bytes: reasons repeat them, once for each module.
pub const NAME_BYTES_MAX: usize = 256;

/// The maximum length of a module's version, in bytes.
pub const VERSION_BYTES_MAX: usize = 256;
/// The maximum length of a module's description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 8 * 1024;

/// Why a name is not accepted. The texts are the protocol's, except for the last two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The namespace is missing.
    #[error("Namespace cannot be empty")]
    NamespaceEmpty,
    /// A segment is not valid.
    #[error(
        "Invalid namespace part '{0}': must start with a letter and contain only alphanumeric characters and underscores"
    )]
    NamespacePart(Box<str>),
    /// The name is missing.
    #[error("Module name cannot be empty")]
    ModuleEmpty,
    /// The name does not start with a letter.
    #[error("Module name must start with a letter")]
    ModuleStart,
    /// The name contains another character.
    #[error("Module name must contain only alphanumeric characters and underscores")]
    ModuleCharacters,
    /// The namespace is longer than [`NAME_BYTES_MAX`]. **ours**
    #[error("Namespace is too long: {0} bytes, the limit is {NAME_BYTES_MAX}")]
    NamespaceTooLong(usize),
    /// The name is longer than [`NAME_BYTES_MAX`]. **ours**
    #[error("Module name is too long: {0} bytes, the limit is {NAME_BYTES_MAX}")]
    ModuleTooLong(usize),
}

/// Checks a namespace: non-empty segments, separated by dots, of ASCII letters, digits and underscores, each starting
/// with a letter.
///
/// # Errors
/// Names the first segment that is not valid.
pub fn check_namespace(namespace: &str) -> Result<(), NameError> {
    if namespace.is_empty() {
        return Err(NameError::NamespaceEmpty);
    }
    if namespace.len() > NAME_BYTES_MAX {
        return Err(NameError::NamespaceTooLong(namespace.len()));
    }
    match namespace.split('.').find(|part| !is_identifier(part)) {
        Some(part) => Err(NameError::NamespacePart(part.into())),
        None => Ok(()),
    }
}

/// Checks the short name of a module: one segment.
///
/// # Errors
/// Describes the mistake.
pub fn check_module(name: &str) -> Result<(), NameError> {
    match name.chars().next() {
        None => Err(NameError::ModuleEmpty),
        Some(first) if !first.is_ascii_alphabetic() => Err(NameError::ModuleStart),
        Some(_) if name.len() > NAME_BYTES_MAX => Err(NameError::ModuleTooLong(name.len())),
        Some(_) if !is_identifier(name) => Err(NameError::ModuleCharacters),
        Some(_) => Ok(()),
    }
}

/// True when a namespace is reserved, or within a reserved one: `stdlib.text`, but not `stdlibx`.
pub fn is_reserved(namespace: &str, reserved: &BTreeSet<String>) -> bool {
    reserved.iter().any(|word| {
        namespace
            .strip_prefix(word.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn is_identifier(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_alphabetic())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_segments_that_start_with_a_letter() {
        for namespace in ["ml", "data.transform", "A1_.b2"] {
            assert_eq!(check_namespace(namespace), Ok(()), "{namespace}");
        }
        let part = |part: &str| {
            format!(
                "Invalid namespace part '{part}': must start with a letter and contain only alphanumeric \
                 characters and underscores"
            )
        };
        let wrong = [
            ("", "Namespace cannot be empty".to_owned()),
            (".", part("")),
            ("ml.", part("")),
            (".ml", part("")),
            ("a..b", part("")),
            ("ml.1st", part("1st")),
            ("mél", part("mél")),
            ("ml.a-b.1", part("a-b")),
        ];
        for (namespace, text) in wrong {
            assert_eq!(check_namespace(namespace).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn a_module_name_is_one_segment() {
        for name in ["Analyze", "a", "B_2"] {
            assert_eq!(check_module(name), Ok(()), "{name}");
        }
        let characters = "Module name must contain only alphanumeric characters and underscores";
        let wrong = [
            ("", "Module name cannot be empty"),
            ("1a", "Module name must start with a letter"),
            ("_a", "Module name must start with a letter"),
            ("éa", "Module name must start with a letter"),
            ("a b", characters),
            ("a.b", characters),
            ("a!", characters),
            ("aé", characters),
        ];
        for (name, text) in wrong {
            assert_eq!(check_module(name).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn what_is_longer_than_the_limit_is_not_repeated() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(
            check_namespace(&long).unwrap_err().to_string(),
            "Namespace is too long: 257 bytes, the limit is 256"
        );
        assert_eq!(check_module(&long), Err(NameError::ModuleTooLong(257)));
        assert_eq!(check_module(&long[1..]), Ok(()));
    }

    #[test]
    fn a_reserved_word_reserves_what_is_within_it() {
        let reserved = BTreeSet::from(["stdlib".to_owned()]);
        assert!(is_reserved("stdlib", &reserved));
        assert!(is_reserved("stdlib.text", &reserved));
        assert!(!is_reserved("stdlibx", &reserved));
        assert!(!is_reserved("my.stdlib", &reserved));
    }
}

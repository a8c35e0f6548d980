//! Names of namespaces and modules, with the rules and the texts of a server. Spec: provider 2.3, 2.5.

/// Why a name cannot be registered. The texts are those of the server's rejections. Spec: provider 2.3, 2.5.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The namespace is missing.
    #[error("Namespace cannot be empty")]
    NamespaceEmpty,
    /// A segment of the namespace is not an identifier, or is empty.
    #[error(
        "Invalid namespace part '{part}': must start with a letter and contain only alphanumeric characters and underscores"
    )]
    NamespacePart {
        /// The first invalid segment.
        part: Box<str>,
    },
    /// A module has no name.
    #[error("Module name cannot be empty")]
    ModuleEmpty,
    /// The name of a module does not start with a letter.
    #[error("Module name must start with a letter")]
    ModuleStart {
        /// The name.
        name: Box<str>,
    },
    /// The name of a module has other characters than ASCII letters, digits and underscores.
    #[error("Module name must contain only alphanumeric characters and underscores")]
    ModuleCharacters {
        /// The name.
        name: Box<str>,
    },
    /// Two modules of one provider have the same name: only the first would ever be called.
    #[error("Module name '{name}' is declared twice")]
    ModuleTwice {
        /// The name.
        name: Box<str>,
    },
}

/// Checks a namespace: segments of ASCII letters, digits and underscores that start with a letter, separated by dots.
pub(crate) fn check_namespace(namespace: &str) -> Result<(), NameError> {
    if namespace.is_empty() {
        return Err(NameError::NamespaceEmpty);
    }
    let bad = |part: &&str| !(starts_with_a_letter(part) && has_only_word_characters(part));
    match namespace.split('.').find(bad) {
        Some(part) => Err(NameError::NamespacePart { part: part.into() }),
        None => Ok(()),
    }
}

/// Checks the short name of a module.
pub(crate) fn check_module(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        Err(NameError::ModuleEmpty)
    } else if !starts_with_a_letter(name) {
        Err(NameError::ModuleStart { name: name.into() })
    } else if !has_only_word_characters(name) {
        Err(NameError::ModuleCharacters { name: name.into() })
    } else {
        Ok(())
    }
}

fn starts_with_a_letter(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
}

fn has_only_word_characters(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_identifiers_joined_by_dots() {
        for good in ["ml", "data.transform", "A1_.b"] {
            assert_eq!(check_namespace(good), Ok(()), "{good}");
        }
        for (bad, part) in [
            (".", ""),
            ("ml.", ""),
            (".ml", ""),
            ("a..b", ""),
            ("a.1b", "1b"),
            ("a.b-c", "b-c"),
            ("mél", "mél"),
            ("_a", "_a"),
        ] {
            let error = check_namespace(bad).expect_err(bad);
            assert_eq!(error, NameError::NamespacePart { part: part.into() }, "{bad}");
        }
        assert_eq!(
            check_namespace("").expect_err("empty").to_string(),
            "Namespace cannot be empty"
        );
    }

    #[test]
    fn module_names_are_one_identifier() {
        for good in ["A", "Analyze", "a_1"] {
            assert_eq!(check_module(good), Ok(()), "{good}");
        }
        let told = |name| check_module(name).expect_err(name).to_string();
        assert_eq!(told(""), "Module name cannot be empty");
        for name in ["1a", "_a", "éa"] {
            assert_eq!(told(name), "Module name must start with a letter");
        }
        for name in ["a b", "a.b", "a!", "a-b", "aé"] {
            assert_eq!(
                told(name),
                "Module name must contain only alphanumeric characters and underscores"
            );
        }
    }
}

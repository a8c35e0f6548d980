//! The names that are admitted. Spec: cluster section 6, W11.

use tonic::{Code, Status};

use crate::status;

/// Refuses names that are too long, or that have control characters, which would forge lines of logs.
///
/// # Errors
/// `INVALID_ARGUMENT`, which names the field and not the name.
pub(super) fn check(names: &[(&str, &str)], bytes_max: usize) -> Result<(), Status> {
    let invalid = |text: String| Err(status::status(Code::InvalidArgument, "invalid-name", &text));
    for (field, name) in names {
        if name.len() > bytes_max {
            let length = name.len();
            return invalid(format!(
                "{field} has {length} bytes, more than the limit of {bytes_max}"
            ));
        }
        if name.chars().any(char::is_control) {
            return invalid(format!("{field} has a control character"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_those_with_control_characters_are_refused() {
        let check =
            |name| check(&[("id", "fine"), ("src", name)], 4).map_err(|status| status.message().to_owned());
        assert_eq!(
            check("é é"),
            Err("src has 5 bytes, more than the limit of 4".to_owned())
        );
        assert_eq!(check("a\n"), Err("src has a control character".to_owned()));
        assert_eq!(check("\u{85}"), Err("src has a control character".to_owned()));
        assert_eq!(check("é:/"), Ok(()));
        assert_eq!(check(""), Ok(()));
    }
}

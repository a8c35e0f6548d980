//! Names of modules, and suggestions for misspelt ones.

/// Describes the mistake in a qualified name: dot-separated segments that start with a letter, followed by letters,
/// digits and underscores, all of them ASCII. A name without a namespace is also valid. Spec: provider 2.5.
pub(crate) fn check(name: &str) -> Result<(), String> {
    for segment in name.split('.') {
        let Some(first) = segment.chars().next() else {
            return Err("a part of it is empty".to_owned());
        };
        if !first.is_ascii_alphabetic() {
            return Err(format!("'{segment}' does not start with a letter from a to z"));
        }
        let odd = |c: &char| !(c.is_ascii_alphanumeric() || *c == '_');
        if let Some(odd) = segment.chars().find(odd) {
            return Err(format!("'{odd}' is neither a letter, a digit nor an underscore"));
        }
    }
    Ok(())
}

/// The probably intended name: it differs in few letters.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let distance = |name: &'a str| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name);
    let (distance, name) = known.into_iter().map(distance).min()?;
    (distance <= written.chars().count().max(3) / 3).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualified_name_has_segments_that_start_with_a_letter() {
        for name in ["Analyze", "ml.Analyze", "data.transform.Enrich", "a1_.B_2"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let wrong = [
            "", ".", "ml.", ".ml", "ml..A", "1ml.A", "_a", "ml.A-b", "ml.A b", "mél.A", "ml.Ａ",
        ];
        for name in wrong {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_near_is_proposed_and_what_is_not_is_not() {
        let known = ["ml.Analyze", "ml.Embed"];
        assert_eq!(nearest("ml.Analyse", known), Some("ml.Analyze"));
        assert_eq!(nearest("ML.embed", known), Some("ml.Embed"));
        assert_eq!(nearest("data.Enrich", known), None);
        assert_eq!(nearest("x", []), None);
    }
}

//! Names and messages come from files and from components: nothing in them may steer a terminal.

use std::borrow::Cow;

/// The text with control characters, and those that turn the direction of a line, in a form that only shows:
/// `\u{1b}`, `\n`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            clean.extend(c.escape_debug());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// The same for a text of lines: each stays one.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// The same, without changing where anything stands: each of them becomes something of as many bytes.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| matches!(c, '\n' | '\r' | '\t') || !steers(c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mask = |c: char| match (is_kept(c), c.len_utf8()) {
        (true, _) => c,
        (false, 1) => '?',
        (false, 2) => '\u{b7}',
        (false, _) => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(mask).collect())
}

fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path as one word of a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c);
    // What begins with a dash would be an option.
    let text = match text.strip_prefix('-') {
        Some(_) => Cow::Owned(format!("./{text}")),
        None => Cow::Borrowed(text),
    };
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    if !text.chars().any(steers) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let quoted = text.chars().map(|c| match c {
        '\'' | '\\' => format!("\\{c}"),
        c if steers(c) => c
            .to_string()
            .bytes()
            .map(|byte| format!("\\x{byte:02x}"))
            .collect(),
        c => c.to_string(),
    });
    format!("$'{}'", quoted.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_instead() {
        assert_eq!(
            clean("a\u{1b}[31mred\nline2\u{202e}"),
            "a\\u{1b}[31mred\\nline2\\u{202e}"
        );
        assert!(matches!(clean("plain, bücher"), Cow::Borrowed(_)));
        assert_eq!(clean_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn a_mask_changes_no_place() {
        let text = "a\u{1b}b\u{85}c\u{202e}\n\t";
        let shown = masked(text);
        assert_eq!(shown, "a?b\u{b7}c\u{fffd}\n\t");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        assert_eq!(shell_word("scenarios/a.toml"), "scenarios/a.toml");
        assert_eq!(shell_word("my files/it's.toml"), r"'my files/it'\''s.toml'");
        assert_eq!(shell_word("-rf"), "./-rf");
        assert_eq!(shell_word("a\u{1b}b"), r"$'a\x1bb'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("$(id)"), "'$(id)'");
    }
}

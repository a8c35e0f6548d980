//! Sanitizes text. Names and messages come from files, arguments, peers and components: they must not control a
//! terminal or imitate other output.

use std::borrow::Cow;

/// Escapes control characters, characters that change the text direction, and invisible ones: `\u{1b}`, `\n`,
/// `\u{200b}`.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => clean.extend(c.escape_default()),
            c if steers(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// The same for multi-line text: line breaks are kept.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// The same, but keeps all byte offsets: each character is replaced by as many bytes.
pub fn masked(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| matches!(c, '\n' | '\r' | '\t') || !steers(c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mask = |c: char| match (is_kept(c), c.len_utf8()) {
        (true, _) => c,
        (false, 1) => '?',
        (false, 2) => '\u{b7}',
        (false, 3) => '\u{fffd}',
        // A question mark here too: no replacement character has four bytes.
        (false, _) => '\u{1fbc4}',
    };
    Cow::Owned(text.chars().map(mask).collect())
}

/// Compact JSON, in one line, in which the characters that [`clean`] escapes are escaped even where JSON allows them. The
/// value is the same.
pub fn clean_json(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for c in json.chars() {
        match c {
            ' ' | '\n' | '\r' | '\t' if !is_text => {}
            c if steers(c) => {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                clean.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
            c => clean.push(c),
        }
        if c == '"' && !is_escaped {
            is_text = !is_text;
        }
        is_escaped = is_text && c == '\\' && !is_escaped;
    }
    clean
}

/// Whether a character affects a terminal or is invisible: control and format characters, line separators, and all that
/// Unicode lets programs ignore (`Default_Ignorable_Code_Point`). This includes joiners and variation selectors, so
/// composed emoji are split.
fn steers(c: char) -> bool {
    c.is_control() || (!c.is_ascii() && is_unseen(c))
}

fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A path as one shell word.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c);
    // A leading dash would make it an option.
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
    fn what_nobody_would_see_is_shown_and_ordinary_text_is_left_alone() {
        for unseen in
            "\u{ad}\u{200b}\u{200d}\u{2060}\u{2066}\u{feff}\u{fe0f}\u{3164}\u{115f}\u{e0041}\u{fffb}\u{9b}"
                .chars()
        {
            let shown = format!("a\\u{{{:x}}}b", u32::from(unseen));
            assert_eq!(clean(&format!("a{unseen}b")), shown);
        }
        for seen in [
            "Füße",
            "e\u{301}",
            "数据 流",
            "Привет",
            "שלום",
            "مرحبا",
            "न\u{94d}त",
            "→ × 😀",
            "a\u{a0}b",
        ] {
            assert_eq!(clean(seen), seen);
        }
    }

    #[test]
    fn json_stays_what_it_is_on_one_line() {
        let json =
            "{ \"k\u{9b}\" :\n [1,\t12345678901234567890123, \"a \\\" \u{200b}\u{e0041} \\\\\" , \" b\"] }";
        let clean = clean_json(json);
        assert_eq!(
            clean,
            r#"{"k\u009b":[1,12345678901234567890123,"a \" \u200b\udb40\udc41 \\"," b"]}"#
        );
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(&clean), read(json));
    }

    #[test]
    fn a_mask_changes_no_place() {
        let text = "a\u{1b}b\u{85}c\u{202e}\u{e0041}\n\t";
        let shown = masked(text);
        assert_eq!(shown, "a?b\u{b7}c\u{fffd}\u{1fbc4}\n\t");
        assert_eq!(shown.chars().count(), text.chars().count());
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

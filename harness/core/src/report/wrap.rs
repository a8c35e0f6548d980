//! Wraps text to the width of a terminal.

/// Fits any terminal.
pub(crate) const WIDTH: usize = 80;

/// Wraps a text into lines of at most 80 columns, if its words allow it. The first line begins with `first`, the
/// others with `rest`.
pub fn wrapped(text: &str, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut is_empty) = (first.to_owned(), true);
    for word in text.split(' ') {
        let width = line.chars().count() + usize::from(!is_empty) + word.chars().count();
        if !is_empty && width > WIDTH {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_next_line_when_they_no_longer_fit_and_are_never_cut() {
        let text = "word ".repeat(40);
        let lines = wrapped(text.trim(), "* ", "  ");
        assert!(
            lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{lines:?}"
        );
        assert!(
            lines[0].starts_with("* word") && lines[1].starts_with("  word"),
            "{lines:?}"
        );
        let long = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {long} b"), "", ""), ["a", &long, "b"]);
    }
}

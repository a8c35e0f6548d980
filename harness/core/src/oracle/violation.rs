//! How an invariant was violated.

use std::fmt;

use crate::calls::Moment;
use crate::time;

/// A counter-example. Its `Display` is the line that reports print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Virtual nanoseconds: for an expectation the start of the call, for an oracle the time of detection.
    pub at: u64,
    /// The call it belongs to, if any.
    pub call: Option<u64>,
    /// The sender's host; empty if there is none.
    pub from: String,
    /// The target as `node.port`; empty if there is none.
    pub to: String,
    /// What happened.
    pub what: String,
    /// The faults that touched the call, by name.
    pub touched_by: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(call) = self.call {
            write!(f, "call {call} ")?;
        }
        write!(f, "at {}, ", time::instant(self.at))?;
        match (self.from.as_str(), self.to.as_str()) {
            ("", "") => {}
            ("", one) | (one, "") => write!(f, "{one}, ")?,
            (from, to) => write!(f, "{from} -> {to}, ")?,
        }
        f.write_str(&self.what)?;
        if !self.touched_by.is_empty() {
            write!(f, ", touched by {}", self.touched_by.join(", "))?;
        }
        Ok(())
    }
}

/// Keeps the first violation in virtual time, and counts what was judged. Only that one is formatted.
#[derive(Debug, Default)]
pub struct First {
    found: Option<(Moment, Violation)>,
    judged: u64,
}

impl First {
    /// Counts one thing as judged.
    pub fn judges(&mut self) {
        self.judges_all(1);
    }

    /// Counts several things as judged.
    pub fn judges_all(&mut self, count: usize) {
        self.judged += count as u64;
    }

    /// Keeps a violation at this moment, if none was before it.
    pub fn offer(&mut self, moment: Moment, violation: impl FnOnce() -> Violation) {
        if self.found.as_ref().is_none_or(|(first, _)| moment < *first) {
            self.found = Some((moment, violation()));
        }
    }

    /// How many things were judged.
    ///
    /// # Errors
    /// The first violation.
    pub fn result(self) -> Result<u64, Violation> {
        match self.found {
            Some((_, violation)) => Err(violation),
            None => Ok(self.judged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation() -> Violation {
        Violation {
            at: 32_014_000_000,
            call: Some(3312),
            from: "common-module".to_owned(),
            to: "router-abc123.in".to_owned(),
            what: "timeout after 2 s".to_owned(),
            touched_by: vec!["split".to_owned(), "#2".to_owned()],
        }
    }

    #[test]
    fn a_violation_tells_its_story_on_one_line() {
        assert_eq!(
            violation().to_string(),
            "call 3312 at 32.014 s, common-module -> router-abc123.in, timeout after 2 s, touched by split, #2"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = Violation {
            call: None,
            from: String::new(),
            to: String::new(),
            touched_by: Vec::new(),
            ..violation()
        };
        assert_eq!(bare.to_string(), "at 32.014 s, timeout after 2 s");
        let one_end = Violation {
            to: String::new(),
            ..violation()
        };
        assert!(
            one_end.to_string().contains("s, common-module, timeout"),
            "{one_end}"
        );
    }

    #[test]
    fn the_first_in_time_is_kept_whatever_the_order() {
        let at = |at, line| Moment { at, line };
        let named = |what: &str| Violation {
            what: what.to_owned(),
            ..violation()
        };
        let mut first = First::default();
        first.offer(at(5, 9), || named("later"));
        first.offer(at(5, 3), || named("first"));
        first.offer(at(6, 1), || panic!("not put into words"));
        assert_eq!(first.result().unwrap_err().what, "first");
        let mut sound = First::default();
        sound.judges();
        assert_eq!(sound.result(), Ok(1));
        assert_eq!(First::default().result(), Ok(0));
    }
}

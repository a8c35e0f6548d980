//! The problems of a program, with their places, for people and for machines.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

use super::{Mistake, PROBLEMS_MAX, Span};

/// Why a program cannot be parsed, or cannot be run on an engine: at least one problem, in the order of the lines.
///
/// Its text shows each place in the source. The author has to fix it, except that an unknown module may be registered
/// later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    source: Arc<str>,
    problems: Vec<Problem>,
    more: usize,
}

/// A mistake, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The mistake.
    pub mistake: Mistake,
    /// Its place in the source, in bytes.
    pub span: Span,
}

/// A position in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

impl Problem {
    pub(super) fn new(mistake: Mistake, span: Span) -> Self {
        Problem { mistake, span }
    }
}

impl Place {
    pub(super) fn of(offset: usize, source: &str) -> Self {
        let before = &source[..offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl Errors {
    pub(super) fn new(source: &Arc<str>, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        let more = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        Errors {
            source: source.clone(),
            problems,
            more,
        }
    }

    /// In the order of the source; at most [`PROBLEMS_MAX`].
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Line and column of a problem's start.
    pub fn place(&self, problem: &Problem) -> Place {
        Place::of(problem.span.start, &self.source)
    }

    fn report(&self, problem: &Problem) -> String {
        let annotation = AnnotationKind::Primary.span(problem.span.clone());
        let help = problem
            .mistake
            .help()
            .map(|help| Element::from(Level::HELP.message(help)));
        let group = Level::ERROR
            .primary_title(problem.mistake.to_string())
            .element(
                Snippet::source(&*self.source)
                    .path("pipeline")
                    .annotation(annotation),
            )
            .elements(help);
        Renderer::plain().render(&[group])
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reports = self.problems.iter().map(|problem| self.report(problem));
        f.write_str(&reports.collect::<Vec<_>>().join("\n\n"))?;
        if self.more > 0 {
            write!(f, "\n\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

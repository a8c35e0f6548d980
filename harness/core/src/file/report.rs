//! Mistakes in files, reported so that users can fix them: position, message and remedy.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode,
    ThemeCharacters, ThemeStyles,
};

use super::extra::{Extra, Nothing};
use crate::report::{clean, clean_lines, masked};

/// All mistakes in a file and in the files that it refers to: at least one.
#[derive(Debug, Clone)]
pub struct Report {
    mistakes: Vec<Mistake>,
}

impl Report {
    /// Ordered by file and line.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Merges both reports.
    pub fn and(mut self, other: Report) -> Self {
        self.mistakes.extend(other.mistakes);
        self
    }
}

impl Report {
    /// Without the mistakes on these lines; `None` if no others are left.
    pub fn without(mut self, told: &HashSet<String>) -> Option<Self> {
        self.mistakes.retain(|mistake| !told.contains(&mistake.line()));
        (!self.mistakes.is_empty()).then_some(self)
    }
}

/// One line per mistake: `scenarios/a.toml:3:7: unknown key ...`. [`render`] shows more.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            f.write_str(&mistake.line())?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// One mistake.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", problem.message)]
pub struct Mistake {
    problem: Problem,
    text: Arc<NamedSource<Arc<str>>>,
}

impl Mistake {
    /// The file name, as given.
    pub fn file(&self) -> &str {
        self.text.name()
    }

    /// Line and column, from one; columns count characters. `None` if the mistake concerns the whole file, such as a
    /// read error.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        let (span, _) = self.problem.labels.first()?;
        let before = self.text.inner().get(..span.start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some((
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        ))
    }

    /// `scenarios/a.toml:3:7: unknown key ...`
    fn line(&self) -> String {
        match self.line_and_column() {
            Some((line, column)) => format!("{}:{line}:{column}: {self}", self.file()),
            None => format!("{}: {self}", self.file()),
        }
    }

    /// Whether it is an error. Otherwise it is a warning or advice.
    pub fn is_error(&self) -> bool {
        self.problem.severity == Severity::Error
    }

    /// The remedy.
    pub fn remedy(&self) -> Option<&str> {
        self.problem.help.as_deref()
    }
}

impl Diagnostic for Mistake {
    fn severity(&self) -> Option<Severity> {
        Some(self.problem.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mut labels = self.problem.labels.iter();
        let (span, text) = labels.next()?;
        // The first label is the position of the mistake.
        let primary = LabeledSpan::new_primary_with_span(Some(text.clone()), span.clone());
        let others = labels.map(|(span, text)| LabeledSpan::new_with_span(Some(text.clone()), span.clone()));
        Some(Box::new(std::iter::once(primary).chain(others)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.problem.labels.is_empty()).then_some(&*self.text as _)
    }
}

/// Renders a report for terminals: each mistake with its file, line and column, the line itself, and the remedy.
/// `width` is in columns.
pub fn render(report: &Report, colours: bool, width: usize) -> String {
    let styles = if colours {
        ThemeStyles::ansi()
    } else {
        ThemeStyles::none()
    };
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles,
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        .with_context_lines(1);
    let mut text = String::new();
    for mistake in &report.mistakes {
        handler
            .render_report(&mut text, mistake)
            .expect("writing to a string, about spans that are in the text");
    }
    text
}

/// A mistake in the file being read.
#[derive(Debug, Clone)]
pub struct Problem {
    severity: Severity,
    message: String,
    /// Byte ranges of the file, with labels.
    labels: Vec<(Range<usize>, String)>,
    help: Option<String>,
}

impl Problem {
    /// A mistake without a position.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: clean_lines(&message.into()),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Valid, but probably not as intended.
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Valid and as intended, but improvable.
    pub fn advice(mut self) -> Self {
        self.severity = Severity::Advice;
        self
    }

    /// Adds a position. The first one is the mistake, the others explain it.
    pub fn at(mut self, span: &Range<usize>, label: impl Into<String>) -> Self {
        self.labels.push((span.clone(), clean_lines(&label.into())));
        self
    }

    /// Sets the remedy.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(clean_lines(&help.into()));
        self
    }
}

/// The mistakes found so far in the file being read.
pub struct Problems {
    text: Arc<NamedSource<Arc<str>>>,
    found: Vec<Problem>,
    unknown_key: bool,
    extra: Arc<dyn Extra>,
}

impl Problems {
    /// No problems, in a file of this name and text.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            text: Arc::new(NamedSource::new(clean(name), Arc::from(&*masked(text)))),
            found: Vec::new(),
            unknown_key: false,
            extra: Arc::new(Nothing),
        }
    }

    /// Accepts these additional keys in the file.
    pub(crate) fn knowing(mut self, extra: &Arc<dyn Extra>) -> Self {
        self.extra = Arc::clone(extra);
        self
    }

    /// The additional keys.
    pub(crate) fn extra(&self) -> &Arc<dyn Extra> {
        &self.extra
    }

    /// Adds a problem.
    pub fn add(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    /// An unknown key.
    pub(crate) fn add_unknown_key(&mut self, problem: Problem) {
        self.unknown_key = true;
        self.add(problem);
    }

    /// A missing key. Not reported if there is an unknown key, which may be a misspelling of it.
    pub fn add_missing(&mut self, problem: Problem) {
        if !self.unknown_key {
            self.add(problem);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether there are errors.
    pub fn has_error(&self) -> bool {
        self.found
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// All mistakes, if there are any.
    pub fn report(self) -> Option<Report> {
        (!self.found.is_empty()).then(|| self.into_report())
    }

    /// Finishes a file. Returns `value` only if there are no errors, together with the warnings.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<(T, Option<Report>), Report> {
        match value {
            Some(value) if !self.has_error() => Ok((value, self.report())),
            _ => {
                debug_assert!(!self.found.is_empty(), "what cannot be read has a reason");
                Err(self.into_report())
            }
        }
    }

    fn into_report(mut self) -> Report {
        self.found
            .sort_by_key(|problem| problem.labels.first().map(|(span, _)| span.start));
        let text = self.text;
        let with_text = |problem| Mistake {
            problem,
            text: Arc::clone(&text),
        };
        Report {
            mistakes: self.found.into_iter().map(with_text).collect(),
        }
    }
}

//! Programs that call modules. Spec: the guide, and provider section 6, points 12, 15 and 16.
//!
//! ```text
//! # What a program takes, does and gives.
//! in text: String
//! result = ml.Analyze(text)
//! out result
//! out feeling = result.sentiment
//! ```
//!
//! - One statement for each line; inside brackets a line may end anywhere. `#` begins a comment.
//! - Names have ASCII letters, digits, `_` and `-`, and start with a letter or `_`. `in`, `out`, `true` and `false`
//!   are not names of variables. A variable is defined once, above its uses, so no program has a cycle.
//! - Types are `String`, `Int`, `Float`, `Boolean`, `List<T>`, `Map<K, V>`, `Optional<T>` and records:
//!   `{ name: String, age: Int }`.
//! - Values are texts (`"a\n\u{1F32A}"`), numbers (`-1`, `1.5e3`), `true`, `false`, variables, calls, and fields of those:
//!   `ml.Analyze(text).sentiment`.
//! - A call's arguments are all positional, in the order of the *names* of the module's inputs, or all named:
//!   `ml.Compare(left: a, right: b)`. A module whose input is not a record has one input, called `input`.
//! - The value of a call is the module's output as declared. A record with a single field is still a record, and is
//!   read with `.field`; an output that is not a record has no fields, so there is no field `output`.
//! - Types must be equal. The only conversion is that of a literal whole number to a Float.
//! - An output has the name of its variable or field; other outputs need an explicit name.
//!
//! | step | file |
//! |---|---|
//! | tokens, statements of tokens, the syntax tree | `lexer`, `lines`, `grammar`, `syntax` |
//! | names and types, against the modules of an engine | `check` |
//! | the steps, and their order | `plan` |
//! | execution, within memory limits | `run`, `room` |
//! | errors, and their display | `mistake`, `problem`, `run_error` |
//! | printing | `print` |
//! | storage by name | `store` |
//!
//! Deliberately absent: loops, conditions, operators, lists and records as literals. Programs connect modules;
//! modules compute.

mod check;
mod grammar;
mod lexer;
mod lines;
mod mistake;
mod plan;
mod print;
mod problem;
mod room;
mod run;
mod run_error;
mod store;
mod syntax;

use std::ops::Range;
use std::sync::Arc;

pub use mistake::Mistake;
pub use plan::{Checked, StepName};
pub use problem::{Errors, Place, Problem};
pub use run::RunOptions;
pub use run_error::{InputError, Room, RunError, StepError};
pub use store::{PIPELINES_MAX, PipelineStore, StoreError};

use crate::Engine;

/// The maximum length of a program, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// The maximum number of statements.
pub const STATEMENTS_MAX: usize = 1000;
/// The maximum nesting of brackets, because parsing, checking and printing recurse into them.
pub const DEPTH_MAX: usize = 32;
/// The maximum length of a name, in letters; of a qualified one, the length of each part.
pub const NAME_LENGTH_MAX: usize = 200;
/// The maximum number of problems in [`Errors`]: nobody reads more, and each needs a search for the nearest name.
pub const PROBLEMS_MAX: usize = 20;

/// Bytes of the source.
pub type Span = Range<usize>;

/// A parsed program. Two are equal when they differ only in layout and comments.
///
/// Its text (`Display`) has one statement per line, without comments, and parses to an equal program.
#[derive(Debug, Clone)]
pub struct Pipeline {
    source: Arc<str>,
    statements: Vec<syntax::Statement>,
}

impl Pipeline {
    /// Parses a program.
    ///
    /// # Errors
    /// One problem for each invalid line. Parsing ends at a wrong bracket.
    pub fn parse(source: impl Into<Arc<str>>) -> Result<Self, Errors> {
        let source = source.into();
        if source.len() > SOURCE_BYTES_MAX {
            // Only its beginning is stored: errors may be kept for longer than the program.
            let beginning: String = source
                .lines()
                .take(1)
                .flat_map(|line| line.chars().take(80))
                .collect();
            let bytes = source.len();
            let problem = Problem::new(Mistake::TooLong { bytes }, 0..0);
            return Err(Errors::new(&beginning.into(), vec![problem]));
        }
        let mut problems = Vec::new();
        let tokens = lexer::tokens(&source, &mut problems);
        let lines = lines::lines(tokens, &mut problems);
        let statements = grammar::statements(&lines, &mut problems);
        if !problems.is_empty() {
            return Err(Errors::new(&source, problems));
        }
        Ok(Pipeline { source, statements })
    }

    /// The source text.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Resolves every name and checks all types, with the current modules of `engine`.
    ///
    /// # Errors
    /// All problems that do not follow from others.
    pub fn check(&self, engine: &dyn Engine) -> Result<Checked, Errors> {
        check::check(&self.source, &self.statements, engine)
    }
}

impl PartialEq for Pipeline {
    fn eq(&self, other: &Self) -> bool {
        self.statements == other.statements
    }
}

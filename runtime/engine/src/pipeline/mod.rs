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
//! - Names have ASCII letters, digits, `_` and `-`, and start with a letter or `_`. `in`, `out`, `true` and `false` are no
//!   names of variables. A variable has one value for ever, and is defined above where it is used: so no program runs
//!   in circles.
//! - Types are `String`, `Int`, `Float`, `Boolean`, `List<T>`, `Map<K, V>`, `Optional<T>` and records:
//!   `{ name: String, age: Int }`.
//! - Values are texts (`"a\n\u{1F32A}"`), numbers (`-1`, `1.5e3`), `true`, `false`, variables, calls, and fields of those:
//!   `ml.Analyze(text).sentiment`.
//! - A call's arguments are all positional, in the order of the *names* of the module's inputs, or all named:
//!   `ml.Compare(left: a, right: b)`. A module whose input is no record has one input, called `input`.
//! - The value of a call is the module's output as it was declared. A record stays one if it has a single field, and
//!   is read with `.field`; an output that is no record has no fields, so nothing is called `output`.
//! - Types must be equal. Nothing is converted, but a whole number that is written where a Float is wanted.
//! - An output is called like the variable or the field that it is; others are given a name.
//!
//! | step | file |
//! |---|---|
//! | tokens, statements of tokens, the syntax tree | `lexer`, `lines`, `grammar`, `syntax` |
//! | names and types, against the modules of an engine | `check` |
//! | what is to be done, in which order | `plan` |
//! | doing it, in no more room than there is for it | `run`, `room` |
//! | what can be wrong, and how it is shown | `mistake`, `problem`, `run_error` |
//! | back to text | `print` |
//! | kept by name | `store` |
//!
//! Deliberately absent: loops, conditions, operators, lists and records as literals. Programs connect modules; what
//! computes is a module.

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

/// How long a program may be, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// How many statements a program may have.
pub const STATEMENTS_MAX: usize = 1000;
/// How deep brackets may nest: whoever reads, checks and prints a program descends into them.
pub const DEPTH_MAX: usize = 32;
/// How long a name may be, in letters, without the dots and the other parts of a qualified one.
pub const NAME_LENGTH_MAX: usize = 200;
/// How many problems [`Errors`] has: nobody reads more, and the nearest name is searched for each.
pub const PROBLEMS_MAX: usize = 20;

/// Bytes of the source.
pub type Span = Range<usize>;

/// A program that was read. Two are equal when they say the same, whatever their layout and comments.
///
/// Its text (`Display`) is one statement a line, without comments, and reads as an equal program.
#[derive(Debug, Clone)]
pub struct Pipeline {
    source: Arc<str>,
    statements: Vec<syntax::Statement>,
}

impl Pipeline {
    /// Reads a program.
    ///
    /// # Errors
    /// One problem for each line that is wrong. Behind a bracket that is wrong nothing is read.
    pub fn parse(source: impl Into<Arc<str>>) -> Result<Self, Errors> {
        let source = source.into();
        if source.len() > SOURCE_BYTES_MAX {
            // Only its beginning is shown: errors may be kept for longer than what they are about.
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

    /// The text that it was read from.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Finds what every name means, and whether all types fit, with the modules that `engine` has now.
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

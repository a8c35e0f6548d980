//! Everything that can be wrong with a program.

use std::sync::Arc;

use super::{DEPTH_MAX, NAME_LENGTH_MAX, SOURCE_BYTES_MAX, STATEMENTS_MAX};

type Text = Arc<str>;

/// What is wrong at one place of a program. Types and signatures are as they are written in programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts say what the fields are")]
pub enum Mistake {
    // Of reading.
    #[error("the program has {bytes} bytes, and may have {SOURCE_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("the program has more than {STATEMENTS_MAX} statements")]
    TooManyStatements,
    #[error("brackets nest deeper than {DEPTH_MAX}")]
    TooDeep,
    #[error("a name is longer than {NAME_LENGTH_MAX} letters")]
    NameTooLong,
    #[error("'{}' means nothing here", visible(.0))]
    Characters(Text),
    #[error("a text does not end on its line")]
    UnclosedText,
    #[error("'{}' is no escape", visible(.0))]
    UnknownEscape(Text),
    #[error("'{0}' is no number")]
    NotANumber(Text),
    #[error("{0} is out of range")]
    NumberTooLarge(Text),
    #[error("'{0}' is never closed")]
    NeverClosed(char),
    #[error("'{closed}' does not close '{opened}'")]
    Mismatched { opened: char, closed: char },
    #[error("expected {}, found {}", any_of(.expected), .found.as_deref().unwrap_or("the end of the line"))]
    Unexpected {
        expected: Vec<String>,
        found: Option<String>,
    },
    #[error("there is no type '{name}'")]
    UnknownType { name: Text, nearest: Option<Text> },
    #[error("type '{name}' stands on {}, not on {given}", counted(*.wanted, "type"))]
    TypeArguments { name: Text, wanted: usize, given: usize },
    #[error("the record has two fields '{name}'")]
    FieldTwice { name: Text },

    // Of meaning.
    #[error("there is no variable '{name}'")]
    UnknownVariable { name: Text, nearest: Option<Text> },
    #[error("'{name}' has a value already, since line {line}")]
    VariableTwice { name: Text, line: usize },
    #[error("there is no module '{name}'")]
    UnknownModule { name: Text, nearest: Option<Text> },
    #[error("'{module}' takes {}, not {given}", counted(*.wanted, "argument"))]
    ArgumentCount {
        module: Text,
        wanted: usize,
        given: usize,
        signature: Text,
    },
    #[error("named and positional arguments are mixed")]
    MixedArguments,
    #[error("'{module}' has no input '{name}'")]
    UnknownArgument {
        module: Text,
        name: Text,
        nearest: Option<Text>,
        signature: Text,
    },
    #[error("argument '{name}' is given twice")]
    ArgumentTwice { name: Text },
    #[error("input '{input}' of '{module}' is of type {wanted}, and this is of type {given}")]
    ArgumentType {
        module: Text,
        input: Text,
        wanted: Text,
        given: Text,
    },
    #[error("there is no field '{field}' in {ctype}")]
    UnknownField {
        field: Text,
        ctype: Text,
        nearest: Option<Text>,
    },
    #[error("only records have fields, and this is of type {ctype}")]
    NotARecord { ctype: Text },
    #[error("an output needs a name")]
    UnnamedOutput,
    #[error("there is an output '{name}' already, on line {line}")]
    OutputTwice { name: Text, line: usize },
    #[error("the program has no output")]
    NoOutput,
}

impl Mistake {
    /// What to do about it, where that can be said.
    pub fn help(&self) -> Option<String> {
        let mean = |nearest: &Option<Text>| nearest.as_ref().map(|name| format!("did you mean '{name}'?"));
        match self {
            Mistake::UnknownVariable { nearest, .. }
            | Mistake::UnknownModule { nearest, .. }
            | Mistake::UnknownField { nearest, .. } => mean(nearest),
            Mistake::UnknownType { nearest, .. } => {
                let all =
                    "there are String, Int, Float, Boolean, List<T>, Map<K, V>, Optional<T> and { name: T }";
                Some(mean(nearest).unwrap_or_else(|| all.to_owned()))
            }
            Mistake::UnknownArgument {
                nearest, signature, ..
            } => Some(mean(nearest).unwrap_or_else(|| format!("it is {signature}"))),
            Mistake::ArgumentCount { signature, .. } => Some(format!("it is {signature}")),
            Mistake::MixedArguments => Some("give all arguments a name, or none".to_owned()),
            Mistake::VariableTwice { .. } => Some("a variable keeps its value: take another name".to_owned()),
            Mistake::UnnamedOutput => Some("write 'out name = ...'".to_owned()),
            Mistake::NoOutput => Some("add a line 'out name', for what the program gives".to_owned()),
            Mistake::UnknownEscape(_) => Some(r#"there are \n, \r, \t, \", \\ and \u{1F32A}"#.to_owned()),
            Mistake::UnclosedText => Some("end it with '\"', and write a line end as \\n".to_owned()),
            Mistake::Characters(odd) if odd.starts_with('/') => Some("comments begin with '#'".to_owned()),
            Mistake::Characters(odd) if odd.starts_with('\'') => Some("texts stand in '\"'".to_owned()),
            _ => None,
        }
    }
}

/// Control characters as escapes: whoever shows the text need not know of them.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => visible.extend(c.escape_default()),
            false => visible.push(c),
        }
    }
    visible
}

fn any_of(expected: &[String]) -> String {
    match expected {
        [] => "nothing more".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("one {what}"),
        _ => format!("{number} {what}s"),
    }
}

//! All mistakes in a program.

use std::sync::Arc;

use super::{DEPTH_MAX, NAME_LENGTH_MAX, SOURCE_BYTES_MAX, STATEMENTS_MAX};

type Text = Arc<str>;

/// A mistake at one place of a program. Types and signatures are written as in programs, and truncated when they are
/// long; `nearest` is the probably intended name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// The program is too long to be parsed.
    #[error("the program has {bytes} bytes, and may have {SOURCE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Parsing ends here.
    #[error("the program has more than {STATEMENTS_MAX} statements")]
    TooManyStatements,
    /// Parsing ends here.
    #[error("brackets nest deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A word is longer than the longest valid name.
    #[error("a name is longer than {NAME_LENGTH_MAX} letters")]
    NameTooLong,
    /// Characters that are not valid here.
    #[error("'{}' means nothing here", visible(.0))]
    Characters(Text),
    /// A text without its second quotation mark.
    #[error("a text does not end on its line")]
    UnclosedText,
    /// An invalid escape.
    #[error("'{}' is no escape", visible(.0))]
    UnknownEscape(Text),
    /// It begins like a number.
    #[error("'{0}' is no number")]
    NotANumber(Text),
    /// A whole number of more than 64 bits, or a number beyond the range of a double.
    #[error("{0} is out of range")]
    NumberTooLarge(Text),
    /// A bracket without its partner. Parsing ends here.
    #[error("'{0}' is never closed")]
    NeverClosed(char),
    /// Parsing ends here.
    #[error("'{closed}' does not close '{opened}'")]
    Mismatched {
        /// The bracket that is open.
        opened: char,
        /// The bracket that is here.
        closed: char,
    },
    /// No statement continues like this.
    #[error("expected {}, found {}", any_of(.expected), .found.as_deref().unwrap_or("the end of the line"))]
    Unexpected {
        /// The possible continuations.
        expected: Vec<String>,
        /// The actual text; `None` at the end of the line.
        found: Option<String>,
    },
    /// An unknown type.
    #[error("there is no type '{name}'")]
    UnknownType {
        /// The written text.
        name: Text,
        /// The probably intended name.
        nearest: Option<Text>,
    },
    /// A type with too few or too many types in its brackets.
    #[error("type '{name}' stands on {}, not on {given}", counted(*.wanted, "type"))]
    TypeArguments {
        /// Which type.
        name: Text,
        /// The required number.
        wanted: usize,
        /// The actual number.
        given: usize,
    },
    /// A record type with a duplicate field.
    #[error("the record has two fields '{name}'")]
    FieldTwice {
        /// Which field.
        name: Text,
    },

    /// A variable that is not defined above.
    #[error("there is no variable '{name}'")]
    UnknownVariable {
        /// The written text.
        name: Text,
        /// The probably intended name.
        nearest: Option<Text>,
    },
    /// A variable or an input is defined again.
    #[error("'{name}' has a value already, since line {line}")]
    VariableTwice {
        /// Which one.
        name: Text,
        /// The place of the first definition.
        line: usize,
    },
    /// A module that the engine does not have at present.
    #[error("there is no module '{name}'")]
    UnknownModule {
        /// The written text.
        name: Text,
        /// The probably intended name.
        nearest: Option<Text>,
    },
    /// Too few or too many arguments.
    #[error("'{module}' takes {}, not {given}", counted(*.wanted, "argument"))]
    ArgumentCount {
        /// The called module.
        module: Text,
        /// The number of inputs.
        wanted: usize,
        /// The number of arguments.
        given: usize,
        /// Its inputs and its output.
        signature: Text,
    },
    /// Only some arguments have names.
    #[error("named and positional arguments are mixed")]
    MixedArguments,
    /// A named argument for no input.
    #[error("'{module}' has no input '{name}'")]
    UnknownArgument {
        /// The called module.
        module: Text,
        /// The written text.
        name: Text,
        /// The probably intended name.
        nearest: Option<Text>,
        /// Its inputs and its output.
        signature: Text,
    },
    /// Two named arguments for one input.
    #[error("argument '{name}' is given twice")]
    ArgumentTwice {
        /// Which input.
        name: Text,
    },
    /// The type of an argument does not match its input.
    #[error("input '{input}' of '{module}' is of type {wanted}, and this is of type {given}")]
    ArgumentType {
        /// The called module.
        module: Text,
        /// Which input.
        input: Text,
        /// Its type.
        wanted: Text,
        /// The type of the argument.
        given: Text,
    },
    /// A field that the record does not have.
    #[error("there is no field '{field}' in {ctype}")]
    UnknownField {
        /// The written text.
        field: Text,
        /// The type of the record.
        ctype: Text,
        /// The probably intended name.
        nearest: Option<Text>,
    },
    /// A field of a value that is not a record.
    #[error("only records have fields, and this is of type {ctype}")]
    NotARecord {
        /// The actual type.
        ctype: Text,
    },
    /// An output that is neither a variable nor a field, and has no name.
    #[error("an output needs a name")]
    UnnamedOutput,
    /// Two outputs with the same name.
    #[error("there is an output '{name}' already, on line {line}")]
    OutputTwice {
        /// Which name.
        name: Text,
        /// The place of the other one.
        line: usize,
    },
    /// A program without an output.
    #[error("the program has no output")]
    NoOutput,
}

impl Mistake {
    /// The remedy, if there is one.
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

/// The maximum length of a quoted text, in characters.
const BRIEF_LENGTH_MAX: usize = 300;

/// The text, truncated when it is long, so that messages stay readable.
pub(super) fn brief(text: &str) -> Text {
    match text.char_indices().nth(BRIEF_LENGTH_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}

/// Control characters as escapes, so that the text can be displayed safely.
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

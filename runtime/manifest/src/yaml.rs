//! YAML as a tree with positions.

use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::Value as Json;

/// The maximum nesting of lists and mappings, because the tree is walked recursively.
const DEPTH_MAX: usize = 100;

/// A value and its place, in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Only plain scalars, without quotes, can have another type than text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

/// A YAML mistake, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

/// All documents up to the first mistake, and the mistake.
pub(crate) fn documents(text: &str) -> (Vec<Tree>, Option<Error>) {
    let mut documents = Vec::new();
    let error = Builder::new(text).build(text, &mut documents).err();
    (documents, error)
}

impl Tree {
    /// The value of a key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let (_, value) = entries.iter().find(|(name, _)| name.text() == Some(key))?;
        (!value.is_null()).then_some(value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Tree]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[(Tree, Tree)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        self.map().is_some()
    }

    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => *plain && matches!(&**text, "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// As JSON, by the core schema of YAML 1.2.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            _ if self.is_null() => Json::Null,
            Value::Scalar { text, plain: true } => match &**text {
                "true" | "True" | "TRUE" => Json::Bool(true),
                "false" | "False" | "FALSE" => Json::Bool(false),
                _ => number(text).unwrap_or_else(|| Json::String(text.clone())),
            },
            Value::Scalar { text, plain: false } => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Tree::to_json).collect(),
            Value::Map(entries) => {
                let key = |tree: &Tree| {
                    tree.text()
                        .map_or_else(|| tree.to_json().to_string(), str::to_owned)
                };
                let entries = entries.iter().map(|(name, value)| (key(name), value.to_json()));
                Json::Object(entries.collect())
            }
        }
    }
}

fn number(text: &str) -> Option<Json> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let number = serde_json::Number::from_f64(text.parse().ok()?)?;
    Some(Json::Number(number))
}

/// Builds trees from the parser's events.
struct Builder {
    /// The byte offset of each character of the text: the parser counts characters.
    offsets: Option<Vec<usize>>,
    length: usize,
    open: Vec<Open>,
}

/// A list or a mapping that is not complete.
struct Open {
    start: usize,
    items: Vec<Tree>,
    is_map: bool,
}

impl Builder {
    fn new(text: &str) -> Self {
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Builder {
            offsets,
            length: text.len(),
            open: Vec::new(),
        }
    }

    fn build(&mut self, text: &str, documents: &mut Vec<Tree>) -> Result<(), Error> {
        let mut parser = Parser::new_from_str(text).keep_tags(true);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let at = self.at(error.marker());
                self.error(at..at, format!("this is not YAML: {}", error.info()))
            })?;
            let span = self.span(span);
            let done = match event {
                Event::Scalar(text, style, ..) => Some(Tree {
                    span,
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    },
                }),
                Event::SequenceStart(..) => self.open(span, false)?,
                Event::MappingStart(..) => self.open(span, true)?,
                Event::SequenceEnd | Event::MappingEnd => self.close(span.end)?,
                Event::Alias(_) => {
                    return Err(self.error(span, "aliases are not read: write the value out".to_owned()));
                }
                _ => None,
            };
            match (done, self.open.last_mut()) {
                (Some(tree), Some(open)) => open.items.push(tree),
                (Some(tree), None) => documents.push(tree),
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, span: Range<usize>, is_map: bool) -> Result<Option<Tree>, Error> {
        if self.open.len() == DEPTH_MAX {
            return Err(self.error(span, format!("nested more than {DEPTH_MAX} deep")));
        }
        self.open.push(Open {
            start: span.start,
            items: Vec::new(),
            is_map,
        });
        Ok(None)
    }

    fn close(&mut self, end: usize) -> Result<Option<Tree>, Error> {
        let Some(Open { start, items, is_map }) = self.open.pop() else {
            return Ok(None);
        };
        // The parser ends blocks at the next token: they are truncated to the end of their last item.
        let end = items.last().map_or(end, |last| last.span.end).max(start);
        let value = match is_map {
            true => Value::Map(self.entries(items)?),
            false => Value::List(items),
        };
        Ok(Some(Tree {
            span: start..end,
            value,
        }))
    }

    fn entries(&self, items: Vec<Tree>) -> Result<Vec<(Tree, Tree)>, Error> {
        let mut entries: Vec<(Tree, Tree)> = Vec::with_capacity(items.len() / 2);
        let mut seen = std::collections::BTreeSet::new();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            if let Some(name) = key.text()
                && !seen.insert(name.to_owned())
            {
                let message = format!("the key `{}` is there twice", name.escape_debug());
                return Err(self.error(key.span, message));
            }
            entries.push((key, value));
        }
        Ok(entries)
    }

    fn error(&self, span: Range<usize>, message: String) -> Error {
        Error { message, span }
    }

    fn span(&self, span: Span) -> Range<usize> {
        let start = self.at(&span.start);
        start..self.at(&span.end).max(start)
    }

    fn at(&self, marker: &Marker) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(marker.index()).copied().unwrap_or(self.length),
            None => marker.index().min(self.length),
        }
    }
}

//! Converts YAML to resources, in all their historical shapes. Spec: router 6.4.

mod fields;
mod node;
mod retry;

use std::ops::Range;

use crate::Resource;
use crate::resource::{Address, At, Module};
use crate::yaml::{self, Tree};
use fields::Fields;

/// The API group of all kinds.
const GROUP: &str = "operator.tinysystems.io/";
/// Kinds of the group that do not concern calls.
const IGNORED_KINDS: [&str; 5] = [
    "TinyFlow",
    "TinyProject",
    "TinyComponent",
    "TinySignal",
    "TinyWidgetPage",
];

/// The resources of a file, and its problems.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// In the order of the file.
    pub resources: Vec<Resource>,
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

/// A problem at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its severity.
    pub severity: Severity,
    /// The problem.
    pub message: String,
    /// Its place, in bytes of the text.
    pub span: Range<usize>,
    /// The label of the place.
    pub label: String,
    /// The remedy.
    pub help: Option<String>,
}

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was omitted, or guessed.
    Warning,
    /// The content is invalid: the file is rejected.
    Error,
}

/// Reads all documents of a file: TinyNodes and TinyModules, single or in a List.
pub fn read(text: &str) -> Reading {
    let (documents, error) = yaml::documents(text);
    let mut reading = Reading::default();
    for document in &documents {
        reading.document(document);
    }
    if let Some(error) = error {
        reading.error(&error.span, error.message, "the parser stops here", None);
    }
    reading.problems.sort_by_key(|problem| problem.span.start);
    reading
}

impl Reading {
    fn document(&mut self, tree: &Tree) {
        // A `---` with nothing after it.
        if tree.is_null() {
            return;
        }
        if !tree.is_map() {
            let help = "a resource begins with apiVersion, kind and metadata";
            self.warning(
                &head(&tree.span),
                "this is no resource: it is skipped".to_owned(),
                "expected a mapping",
                Some(help),
            );
            return;
        }
        let is_foreign = ["kind", "metadata", "spec", "status"]
            .iter()
            .all(|key| tree.get(key).is_none());
        if is_foreign {
            // For example values of a chart, or settings of an editor.
            let message = "this is no resource: it is skipped".to_owned();
            let help = "a resource begins with apiVersion, kind and metadata";
            self.warning(&head(&tree.span), message, "none of its keys is here", Some(help));
            return;
        }
        let Some(kind) = tree.get("kind") else {
            let help = "write kind: TinyNode or kind: TinyModule";
            let place = head(&tree.span);
            self.error(
                &place,
                "the resource does not say its kind".to_owned(),
                "no `kind`",
                Some(help),
            );
            return;
        };
        let name = kind.text().unwrap_or_default();
        let version = tree.get("apiVersion");
        let group = version.and_then(Tree::text).unwrap_or(GROUP);
        match name {
            _ if name.ends_with("List") && tree.get("items").is_some_and(|it| it.list().is_some()) => {
                let items = tree.get("items").and_then(Tree::list).unwrap_or_default();
                items.iter().for_each(|item| self.document(item));
            }
            "TinyNode" if group.starts_with(GROUP) => self.node(tree),
            "TinyModule" if group.starts_with(GROUP) => self.module(tree),
            _ if group.starts_with(GROUP) && IGNORED_KINDS.contains(&name) => {}
            _ => {
                let message = format!("a resource of the kind `{}` is skipped", name.escape_debug());
                let label = if matches!(name, "TinyNode" | "TinyModule") {
                    "of another API group"
                } else {
                    "not known here"
                };
                let place = if label == "not known here" {
                    kind
                } else {
                    version.unwrap_or(kind)
                };
                self.warning(
                    &place.span,
                    message,
                    label,
                    Some("TinyNode and TinyModule of operator.tinysystems.io are read"),
                );
            }
        }
    }

    fn module(&mut self, tree: &Tree) {
        let mut fields = Fields::new(tree, &mut self.problems);
        let Some((name, version)) = fields.metadata() else {
            return;
        };
        let status = tree.get("status");
        let address = ["addr", "address"].iter().find_map(|key| status?.get(key));
        let (text, span) = match address {
            Some(address) => (
                fields.text(address, "an address").unwrap_or_default(),
                address.span.clone(),
            ),
            None => (String::new(), name.span.clone()),
        };
        let components = status
            .and_then(|status| status.get("components"))
            .and_then(Tree::list);
        let components = components
            .unwrap_or_default()
            .iter()
            .filter_map(|it| Some(it.get("name")?.text()?.to_owned()));
        let address = At {
            value: Address::parse(&text, &name),
            span,
        };
        let components = components.collect();
        match &address.value {
            Address::Unsupported(text) => {
                let message = format!("the address `{}` is not one of gRPC", text.escape_debug());
                self.warning(
                    &address.span,
                    message,
                    "the module is taken for not discovered",
                    None,
                );
            }
            Address::Malformed(text) => {
                let message = format!("`{}` is no address", text.escape_debug());
                let help = "write host:port, or :port";
                self.warning(
                    &address.span,
                    message,
                    "the module is taken for not discovered",
                    Some(help),
                );
            }
            Address::None | Address::Endpoint(_) => {}
        }
        self.resources.push(Resource::Module(Module {
            name,
            version,
            address,
            components,
        }));
    }

    fn error(&mut self, span: &Range<usize>, message: String, label: &str, help: Option<&str>) {
        self.problems
            .push(Problem::new(Severity::Error, span, message, label, help));
    }

    fn warning(&mut self, span: &Range<usize>, message: String, label: &str, help: Option<&str>) {
        self.problems
            .push(Problem::new(Severity::Warning, span, message, label, help));
    }
}

impl Problem {
    fn new(
        severity: Severity,
        span: &Range<usize>,
        message: String,
        label: &str,
        help: Option<&str>,
    ) -> Self {
        Problem {
            severity,
            message,
            span: span.clone(),
            label: label.to_owned(),
            help: help.map(str::to_owned),
        }
    }
}

/// The start of a long text.
fn head(span: &Range<usize>) -> Range<usize> {
    span.start..span.start
}

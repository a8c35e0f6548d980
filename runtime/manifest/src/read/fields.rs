//! Fields of a resource, and their problems.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Json;

use super::{Problem, Severity, head};
use crate::resource::At;
use crate::yaml::Tree;

/// Reads the fields of one resource.
pub(super) struct Fields<'t> {
    pub(super) tree: &'t Tree,
    problems: &'t mut Vec<Problem>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(tree: &'t Tree, problems: &'t mut Vec<Problem>) -> Self {
        Fields { tree, problems }
    }

    /// Name and version; `None` without a name.
    pub(super) fn metadata(&mut self) -> Option<(At<String>, u64)> {
        let metadata = self.tree.get("metadata");
        let name = metadata.and_then(|metadata| metadata.get("name"));
        let Some(name) = name else {
            let place = head(&metadata.unwrap_or(self.tree).span);
            let message = "the resource has no name".to_owned();
            let help = Some("write metadata: { name: ... }");
            let problem = Problem::new(Severity::Error, &place, message, "no `metadata.name`", help);
            self.problems.push(problem);
            return None;
        };
        let version = metadata.and_then(|metadata| metadata.get("resourceVersion"));
        let version = version.and_then(Tree::text).and_then(|text| text.parse().ok());
        Some((self.at(name, "a name")?, version.unwrap_or(0)))
    }

    /// A non-empty text, with its place. Reports anything else.
    pub(super) fn at(&mut self, tree: &Tree, what: &str) -> Option<At<String>> {
        let text = self.text(tree, what)?;
        if text.is_empty() {
            self.warn(tree, format!("expected {what}, and it is empty"), "empty");
            return None;
        }
        Some(At {
            span: tree.span.clone(),
            value: text,
        })
    }

    pub(super) fn text(&mut self, tree: &Tree, what: &str) -> Option<String> {
        let text = tree.text();
        if text.is_none() {
            self.warn(tree, format!("expected {what}, as text"), "a list or a mapping");
        }
        text.map(str::to_owned)
    }

    /// The entries of a list. Reports anything else.
    pub(super) fn list(&mut self, tree: Option<&'t Tree>, what: &str) -> &'t [Tree] {
        let Some(tree) = tree else { return &[] };
        tree.list().unwrap_or_else(|| {
            self.warn(tree, format!("{what} are skipped"), "expected a list");
            &[]
        })
    }

    /// A `bytes` field: JSON in base64, JSON as text, or the value itself.
    pub(super) fn bytes(&mut self, tree: Option<&Tree>, what: &str) -> Option<Json> {
        let tree = tree?;
        let Some(text) = tree.text() else {
            return Some(tree.to_json());
        };
        if text.is_empty() {
            return None;
        }
        let compact: String = text.split_ascii_whitespace().collect();
        let decoded = BASE64_STANDARD.decode(compact).ok();
        let json = decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let json = json.or_else(|| serde_json::from_str(text).ok());
        if json.is_none() {
            self.warn(
                tree,
                format!("{what} cannot be read"),
                "neither JSON nor JSON in base64",
            );
        }
        json
    }

    pub(super) fn warn(&mut self, tree: &Tree, message: String, label: &str) {
        self.warning(tree, message, label, None);
    }

    pub(super) fn warn_with_help(&mut self, tree: &Tree, message: String, label: &str, help: &str) {
        self.warning(tree, message, label, Some(help));
    }

    fn warning(&mut self, tree: &Tree, message: String, label: &str, help: Option<&str>) {
        let span = match tree.text() {
            Some(_) => tree.span.clone(),
            None => head(&tree.span),
        };
        self.problems
            .push(Problem::new(Severity::Warning, &span, message, label, help));
    }
}

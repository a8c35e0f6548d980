//! What scenarios expect, in files: a key of `[[expect]]` each that says what it is about, and keys of what is wanted of
//! that. A kind is a type, and a line in a list.

use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use schemars::JsonSchema;

use super::key::{Given, Key};
use super::raw::expect as raw;
use super::read::{At, Read};
use super::report::Problems;
use super::scenario::window::Windows;
use crate::draw::Ranged;
use crate::plan::Topology;
use crate::scenario::{OpenExpectation, OpenFault, OpenWindow};

/// One key of `[[expect]]` that says what it is about.
pub(crate) trait ExpectShape: 'static {
    /// The key.
    const KEY: &'static str;
    /// What it is, in the schema.
    const ABOUT: &'static str;
    /// Whether it is about a window.
    const HAS_WINDOW: bool;
    /// The keys of what is wanted that it takes.
    const TAKES: &'static [&'static str];
    /// What the key's value says.
    type Raw: Read + JsonSchema + Debug + Send + Sync + 'static;

    /// What is expected. Nothing where it would make no sense; then a problem was added.
    fn check(
        raw: &At<Self::Raw>,
        said: &Expecting<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<OpenExpectation>>;
}

/// A kind of subject, as files meet it.
pub(crate) struct SubjectKind {
    pub(crate) key: Key,
    /// See [`ExpectShape::HAS_WINDOW`].
    pub(crate) has_window: bool,
    /// See [`ExpectShape::TAKES`].
    pub(crate) takes: &'static [&'static str],
    /// See [`ExpectShape::check`].
    pub(crate) check: fn(&Expecting<'_>, &mut Problems) -> Option<Vec<OpenExpectation>>,
}

impl SubjectKind {
    pub(crate) const fn of<S: ExpectShape>() -> Self {
        SubjectKind {
            key: Key::of::<S::Raw>(S::KEY, S::ABOUT),
            has_window: S::HAS_WINDOW,
            takes: S::TAKES,
            check: |said, problems| S::check(said.subject.get(S::KEY)?, said, problems),
        }
    }
}

/// The kinds of one system. Several may take one key.
pub(crate) struct ExpectKinds {
    pub(crate) subjects: &'static [SubjectKind],
    /// What is wanted of them.
    pub(crate) wanted: &'static [Key],
}

/// What an `[[expect]]` may name.
pub(crate) struct Known<'a> {
    pub(crate) workloads: &'a [&'a str],
    pub(crate) faults: &'a [OpenFault],
    pub(crate) topology: &'a Topology,
    pub(crate) duration: Ranged<Duration>,
}

/// What an `[[expect]]` says.
pub(crate) struct Expecting<'a> {
    /// Where it stands.
    pub(crate) span: &'a Range<usize>,
    pub(crate) subject: &'a Given,
    pub(crate) when: &'a raw::When,
    pub(crate) wanted: &'a Given,
    pub(crate) known: &'a Known<'a>,
}

impl Expecting<'_> {
    /// When. Nothing when that cannot be; then a problem was added.
    pub(crate) fn window(&self, problems: &mut Problems) -> Option<OpenWindow> {
        let mut windows = Windows {
            faults: self.known.faults,
            duration: self.known.duration,
            place: self.span,
            problems,
        };
        windows.window(self.when)
    }
}

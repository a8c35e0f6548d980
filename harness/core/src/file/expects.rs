//! Expectations in files: each `[[expect]]` has one key for its subject, and keys for what is checked. A kind is a
//! type, and a line in a list.

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

/// A subject key of `[[expect]]`.
pub trait ExpectShape: 'static {
    /// The key.
    const KEY: &'static str;
    /// Its description in the schema.
    const ABOUT: &'static str;
    /// Whether it has a window.
    const HAS_WINDOW: bool;
    /// The check keys that it accepts.
    const TAKES: &'static [&'static str];
    /// The type of the key's value.
    type Raw: Read + JsonSchema + Debug + Send + Sync + 'static;

    /// The expectations. `None` if they are invalid; a problem was then added.
    fn check(
        raw: &At<Self::Raw>,
        said: &Expecting<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<OpenExpectation>>;
}

/// A kind of subject, as registered for files.
pub struct SubjectKind {
    pub(crate) key: Key,
    /// See [`ExpectShape::HAS_WINDOW`].
    pub(crate) has_window: bool,
    /// See [`ExpectShape::TAKES`].
    pub(crate) takes: &'static [&'static str],
    /// See [`ExpectShape::check`].
    pub(crate) check: fn(&Expecting<'_>, &mut Problems) -> Option<Vec<OpenExpectation>>,
}

impl SubjectKind {
    /// The kind of `S`.
    pub const fn of<S: ExpectShape>() -> Self {
        SubjectKind {
            key: Key::of::<S::Raw>(S::KEY, S::ABOUT),
            has_window: S::HAS_WINDOW,
            takes: S::TAKES,
            check: |said, problems| S::check(said.subject.get(S::KEY)?, said, problems),
        }
    }
}

/// The kinds of one system. Several may accept one check key.
pub struct ExpectKinds {
    /// The subject keys.
    pub subjects: &'static [SubjectKind],
    /// The check keys.
    pub wanted: &'static [Key],
}

/// Names that an `[[expect]]` may refer to.
pub struct Known<'a> {
    pub(crate) workloads: &'a [&'a str],
    /// The faults, in file order.
    pub faults: &'a [OpenFault],
    /// The topology.
    pub topology: &'a Topology,
    pub(crate) duration: Ranged<Duration>,
}

/// The content of an `[[expect]]`.
pub struct Expecting<'a> {
    /// Its position.
    pub span: &'a Range<usize>,
    pub(crate) subject: &'a Given,
    pub(crate) when: &'a raw::When,
    /// The check keys.
    pub wanted: &'a Given,
    /// What it may refer to.
    pub known: &'a Known<'a>,
}

impl Expecting<'_> {
    /// The window. `None` if it is invalid; a problem was then added.
    pub fn window(&self, problems: &mut Problems) -> Option<OpenWindow> {
        let mut windows = Windows {
            faults: self.known.faults,
            duration: self.known.duration,
            place: self.span,
            problems,
        };
        windows.window(self.when)
    }
}

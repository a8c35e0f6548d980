//! The TOML shape of a fault.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::FaultKind;
use crate::draw::{Draws, Ranged};
use crate::file::read::{At, Read, Value};
use crate::file::report::Problems;
use crate::plan::Topology;
use crate::units::Unit;

/// One key of `[[fault]]`.
pub trait Shape: 'static {
    /// The key.
    const KEY: &'static str;
    /// Its description in the schema.
    const ABOUT: &'static str;
    /// The type of the key's value.
    type Raw: Read + JsonSchema + Clone + fmt::Debug + Send + Sync + 'static;

    /// Where its duration comes from.
    fn lasts(_raw: &Self::Raw) -> Lasts<'_> {
        Lasts::For
    }

    /// The fault, for every seed. `None` if it is invalid; a problem was then added.
    fn check(raw: &At<Self::Raw>, topology: &Topology, problems: &mut Problems) -> Option<Open>;
}

/// Where a fault's duration comes from.
pub enum Lasts<'a> {
    /// The key `for`.
    For,
    /// A key of its own.
    Own(&'static str, &'a At<Ranged<Duration>>),
    /// It is instantaneous. The text says how to get a lasting fault.
    Instant(&'static str),
}

/// A checked fault whose ranges are not drawn yet.
#[derive(Clone)]
pub struct Open {
    subjects: Vec<Subject>,
    fill: Fill,
}

/// Makes the fault of one run.
type Fills = dyn Fn(&mut Drawn<'_>) -> Arc<dyn FaultKind> + Send + Sync;

#[derive(Clone)]
enum Fill {
    /// Nothing to draw.
    Done(Arc<dyn FaultKind>),
    Draws(Arc<Fills>),
}

impl Open {
    /// A fault with nothing to draw.
    pub fn exactly(kind: impl FaultKind) -> Self {
        Open {
            subjects: Vec::new(),
            fill: Fill::Done(Arc::new(kind)),
        }
    }

    /// A fault with values drawn from the seed.
    pub fn drawn<K: FaultKind>(fill: impl Fn(&mut Drawn<'_>) -> K + Send + Sync + 'static) -> Self {
        Open {
            subjects: Vec::new(),
            fill: Fill::Draws(Arc::new(move |drawn| Arc::new(fill(drawn)))),
        }
    }

    /// Declares the subjects of the fault. No two faults may act on one subject at the same time.
    pub fn strikes(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        self.subjects = subjects.into_iter().collect();
        self
    }

    /// In file order.
    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The fault as `K`, if it is one and has nothing to draw.
    pub fn as_kind<K: FaultKind>(&self) -> Option<&K> {
        match &self.fill {
            Fill::Done(kind) => kind.downcast_ref(),
            Fill::Draws(_) => None,
        }
    }

    /// The fault of one run.
    pub(crate) fn fill(&self, fault: &str, draws: &mut Draws) -> Arc<dyn FaultKind> {
        match &self.fill {
            Fill::Done(kind) => kind.clone(),
            Fill::Draws(fill) => fill(&mut Drawn { fault, draws }),
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fill {
            Fill::Done(kind) => kind.fmt(f),
            Fill::Draws(_) => f.debug_struct("Open").finish_non_exhaustive(),
        }
    }
}

/// The random draws of one fault.
pub struct Drawn<'a> {
    fault: &'a str,
    draws: &'a mut Draws,
}

impl Drawn<'_> {
    /// Draws a value from `range`. `key` names the value in reports and its random stream.
    pub fn draw<T: Unit>(&mut self, key: &str, range: Ranged<T>) -> T {
        self.draws.draw(&format!("fault {}: {key}", self.fault), range)
    }
}

/// State that a fault changes. Only one fault may do so at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// The exclusion rule, as shown to users. Subjects with the same rule and name are the same.
    pub(crate) rule: &'static str,
}

impl Subject {
    /// A host is in one state at a time.
    pub(crate) fn host(name: &str) -> Self {
        Subject {
            name: name.to_owned(),
            rule: "a host is up, down or paused, one at a time",
        }
    }

    /// A node has one location at a time.
    pub fn node(name: &str) -> Self {
        Subject {
            name: name.to_owned(),
            rule: "a node is removed, moved or closed, one at a time",
        }
    }

    /// Discovery has one set of endpoints for a module.
    pub fn endpoints(module: &str) -> Self {
        Subject {
            name: module.to_owned(),
            rule: "a module is announced in one way at a time",
        }
    }
}

/// A kind of fault, as registered for files.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its key.
    pub key: &'static str,
    pub(crate) about: &'static str,
    pub(crate) read: fn(&Value<'_>, &mut Problems) -> Option<Arc<dyn Said>>,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Kind {
    /// The kind of `S`.
    pub const fn of<S: Shape>() -> Self {
        Kind {
            key: S::KEY,
            about: S::ABOUT,
            read: |value, problems| Some(Arc::new(SaidOf::<S>(At::read(value, problems)?))),
            schema: |generator| generator.subschema_for::<Option<At<S::Raw>>>(),
        }
    }
}

/// A fault of any kind, as read from a file.
pub trait Said: fmt::Debug + Send + Sync {
    /// The key.
    fn key(&self) -> &'static str;
    /// Where its value is in the file.
    fn span(&self) -> &Range<usize>;
    /// See [`Shape::lasts`].
    fn lasts(&self) -> Lasts<'_>;
    /// See [`Shape::check`].
    fn check(&self, topology: &Topology, problems: &mut Problems) -> Option<Open>;
}

struct SaidOf<S: Shape>(At<S::Raw>);

impl<S: Shape> fmt::Debug for SaidOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Shape> Said for SaidOf<S> {
    fn key(&self) -> &'static str {
        S::KEY
    }

    fn span(&self) -> &Range<usize> {
        &self.0.span
    }

    fn lasts(&self) -> Lasts<'_> {
        S::lasts(&self.0)
    }

    fn check(&self, topology: &Topology, problems: &mut Problems) -> Option<Open> {
        S::check(&self.0, topology, problems)
    }
}

//! What workloads call, in files: a key of `[[workload]]` each. A kind is a type of its system, and a line in its list.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;

use super::key::{Given, Key};
use super::names::ComponentNames;
use super::read::{At, Read};
use super::report::Problems;
use super::value::{Json, JsonData};
use crate::custom::SaidTarget;
use crate::plan::{Target, Topology};

/// What calls of several kinds carry.
pub(crate) const PAYLOAD: Key = Key::of::<Json>("payload", "what every call carries. {} when absent");

/// One key of `[[workload]]` that says what is called.
pub(crate) trait TargetShape: Target + Sized {
    /// The key.
    const KEY: &'static str;
    /// What it is, in the schema.
    const ABOUT: &'static str;
    /// What its calls carry is the value of this key, one of [`CARRIED`](crate::systems::CARRIED).
    const CARRIES: &'static Key;
    /// The same for people: "a node is sent a `payload`".
    const CARRIES_WHAT: &'static str;
    /// What the key's value says.
    type Raw: Read + JsonSchema + Debug + Send + Sync + 'static;

    /// The target. Nothing where it would make no sense; then a problem was added.
    fn check(raw: &At<Self::Raw>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self>;
}

/// A kind of target, as files meet it.
pub(crate) struct TargetKind {
    pub(crate) key: Key,
    /// See [`TargetShape::CARRIES`].
    pub(crate) carries: &'static Key,
    /// See [`TargetShape::CARRIES_WHAT`].
    pub(crate) carries_what: &'static str,
    /// See [`TargetShape::check`].
    pub(crate) check: fn(&Calls<'_>, &mut Problems) -> Option<Arc<dyn Target>>,
}

impl TargetKind {
    pub(crate) const fn of<S: TargetShape>() -> Self {
        TargetKind {
            key: Key::of::<S::Raw>(S::KEY, S::ABOUT),
            carries: S::CARRIES,
            carries_what: S::CARRIES_WHAT,
            check: |calls, problems| {
                let target = S::check(calls.target.get(S::KEY)?, calls, problems)?;
                Some(Arc::new(target))
            },
        }
    }
}

/// Makes a target of a user's own kind.
pub(crate) type OwnTarget = fn(&SaidTarget, &Calls<'_>, &mut Problems) -> Option<Arc<dyn Target>>;

/// What a workload says of its calls, and what it is about.
pub(crate) struct Calls<'a> {
    /// Where the workload stands.
    pub(crate) span: &'a Range<usize>,
    /// The hosts where they start, when they are known...
    pub(crate) from: Option<&'a [String]>,
    /// ...and where the file says so.
    pub(crate) from_span: &'a Range<usize>,
    pub(crate) target: &'a Given,
    pub(crate) carried: &'a Given,
    pub(crate) topology: &'a Topology,
    pub(crate) names: &'a ComponentNames,
}

impl<'a> Calls<'a> {
    /// The first of the hosts where they start of which this does not hold.
    pub(crate) fn first_not(&self, holds: impl Fn(&str) -> bool) -> Option<&'a String> {
        self.from.into_iter().flatten().find(|host| !holds(host))
    }

    /// What they carry, if the file says so.
    pub(crate) fn payload(&self) -> Option<&'a JsonData> {
        let payload = self.carried.get::<Json>(PAYLOAD.name);
        payload.map(|payload| &payload.0)
    }
}

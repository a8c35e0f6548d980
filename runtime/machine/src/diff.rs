//! Whether instances of one definition can go on with another. Spec: cluster 3.8, last bullet.
//!
//! What is not known to be harmless is breaking. Places in programs are not compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::definition::{Definition, Ref, Region, State, Transition};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum ChangeKind {
    ContextChanged,
    EffectAdded,
    EffectRemoved,
    EventlessAdded,
    FinalChanged,
    GuardAdded,
    GuardExpressionChanged,
    GuardRemoved,
    HistoryChanged,
    InitialChanged,
    InitialChildChanged,
    MachineRenamed,
    OwnerChanged,
    RegionAdded,
    RegionRemoved,
    StateAdded,
    StateChanged,
    StateRemoved,
    TransitionAdded,
    TransitionChanged,
    TransitionRemoved,
    TransitionReordered,
    TransitionRetargeted,
    WaitModeChanged,
}

impl ChangeKind {
    /// Whether instances of the old definition may break with the new one.
    pub fn is_breaking(self) -> bool {
        match self {
            ChangeKind::EffectAdded
            | ChangeKind::EffectRemoved
            | ChangeKind::GuardAdded
            | ChangeKind::GuardRemoved
            | ChangeKind::OwnerChanged
            | ChangeKind::RegionAdded
            | ChangeKind::StateAdded
            | ChangeKind::TransitionAdded
            | ChangeKind::WaitModeChanged => false,
            ChangeKind::ContextChanged
            | ChangeKind::EventlessAdded
            | ChangeKind::FinalChanged
            | ChangeKind::GuardExpressionChanged
            | ChangeKind::HistoryChanged
            | ChangeKind::InitialChanged
            | ChangeKind::InitialChildChanged
            | ChangeKind::MachineRenamed
            | ChangeKind::RegionRemoved
            | ChangeKind::StateChanged
            | ChangeKind::StateRemoved
            | ChangeKind::TransitionChanged
            | ChangeKind::TransitionRemoved
            | ChangeKind::TransitionReordered
            | ChangeKind::TransitionRetargeted => true,
        }
    }
}

/// One difference of two definitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Where: `outer.inner` for a state, `outer.inner/event` for a transition; empty for the machine.
    pub path: String,
    /// What.
    pub kind: ChangeKind,
    /// The details, for people.
    pub detail: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() {
            "machine"
        } else {
            &self.path
        };
        write!(f, "{place}: {}", self.detail)
    }
}

/// All differences of two definitions, each list by path and then by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// With these, instances of the old definition may not go on.
    pub breaking: Vec<Change>,
    /// These do no harm to them.
    pub additive: Vec<Change>,
}

impl Report {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.breaking.is_empty() && self.additive.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [("breaking", &self.breaking), ("additive", &self.additive)];
        let mut lines = kinds
            .into_iter()
            .flat_map(|(kind, changes)| changes.iter().map(move |change| format!("{kind}: {change}")));
        match lines.next() {
            None => write!(f, "no changes"),
            Some(first) => {
                write!(f, "{first}")?;
                lines.try_for_each(|line| write!(f, "\n{line}"))
            }
        }
    }
}

/// Compares the definition that instances come from with the one that they are to go on with.
pub fn diff(old: &Definition, new: &Definition) -> Report {
    let mut found = Found::default();
    found.changed("", ChangeKind::MachineRenamed, "its name", &old.name, &new.name);
    let initial = |it: &Definition| {
        if it.has_initial {
            it.initial.clone()
        } else {
            String::new()
        }
    };
    found.changed(
        "",
        ChangeKind::InitialChanged,
        "its initial state",
        &initial(old),
        &initial(new),
    );
    if old.context != new.context {
        found.add(
            "",
            ChangeKind::ContextChanged,
            "the schema of its context changed",
        );
    }
    found.states("", &old.states, &new.states);
    let mut report = Report::default();
    found.changes.sort();
    for change in found.changes {
        match change.kind.is_breaking() {
            true => report.breaking.push(change),
            false => report.additive.push(change),
        }
    }
    report
}

#[derive(Default)]
struct Found {
    changes: Vec<Change>,
}

impl Found {
    fn add(&mut self, path: &str, kind: ChangeKind, detail: impl Into<String>) {
        self.changes.push(Change {
            path: path.to_owned(),
            kind,
            detail: detail.into(),
        });
    }

    fn changed(&mut self, path: &str, kind: ChangeKind, what: &str, old: &str, new: &str) {
        if old != new {
            self.add(path, kind, format!("{what} changed from {old:?} to {new:?}"));
        }
    }

    fn states(&mut self, path: &str, old: &[State], new: &[State]) {
        let name = |state: &State| state.name.clone();
        for (name, old, new) in pairs(old, new, name) {
            let path = join(path, &name);
            match (old, new) {
                (Some(old), Some(new)) => self.state(&path, old, new),
                (Some(_), None) => self.add(&path, ChangeKind::StateRemoved, "the state was removed"),
                _ => self.add(&path, ChangeKind::StateAdded, "the state is new"),
            }
        }
    }

    fn state(&mut self, path: &str, old: &State, new: &State) {
        self.changed(
            path,
            ChangeKind::OwnerChanged,
            "its owner",
            &old.owned_by,
            &new.owned_by,
        );
        if old.is_final != new.is_final {
            let detail = if new.is_final {
                "it is final now"
            } else {
                "it is final no longer"
            };
            self.add(path, ChangeKind::FinalChanged, detail);
        }
        let child = |it: &State| it.initial_child.clone().unwrap_or_default();
        let kind = ChangeKind::InitialChildChanged;
        self.changed(path, kind, "its initial child", &child(old), &child(new));
        if (&old.history_type, &old.history_default) != (&new.history_type, &new.history_default) {
            self.add(path, ChangeKind::HistoryChanged, "its kind of history changed");
        }
        for (old, new) in [
            (&old.on_entry, &new.on_entry),
            (&old.on_exit, &new.on_exit),
            (&old.on_done, &new.on_done),
        ] {
            self.refs(
                path,
                "action",
                old,
                new,
                (ChangeKind::EffectAdded, ChangeKind::EffectRemoved),
            );
        }
        let rest = |it: &State| {
            let assigns = (it.on_entry_assign.clone(), it.on_exit_assign.clone());
            (assigns, it.invoke.clone())
        };
        if rest(old) != rest(new) {
            let detail = "its assigns, or what it starts, changed";
            self.add(path, ChangeKind::StateChanged, detail);
        }
        self.transitions(path, &old.transitions, &new.transitions);
        self.states(path, &old.children, &new.children);
        let name = |region: &Region| region.name.clone();
        for (name, old, new) in pairs(&old.regions, &new.regions, name) {
            let path = join(path, &format!("region:{name}"));
            match (old, new) {
                (Some(old), Some(new)) => self.states(&path, &old.states, &new.states),
                (Some(_), None) => self.add(&path, ChangeKind::RegionRemoved, "the region was removed"),
                _ => self.add(&path, ChangeKind::RegionAdded, "the region is new"),
            }
        }
    }

    fn transitions(&mut self, path: &str, old: &[Transition], new: &[Transition]) {
        let (old, new) = (by_event(old), by_event(new));
        let events: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for event in events {
            let path = format!("{path}/{event}");
            let old = old.get(event).cloned().unwrap_or_default();
            let new = new.get(event).cloned().unwrap_or_default();
            if let ([old], [new]) = (&*old, &*new) {
                self.transition(&path, old, new);
            } else {
                self.branches(&path, &old, &new);
            }
        }
    }

    /// Several transitions for one event are told apart by their guards.
    fn branches(&mut self, path: &str, old: &[&Transition], new: &[&Transition]) {
        let mut left: Vec<Option<&Transition>> = new.iter().copied().map(Some).collect();
        let mut order = Vec::new();
        for old in old {
            let same = |it: &Option<&Transition>| it.is_some_and(|it| guards(it) == guards(old));
            match left.iter().position(same) {
                Some(at) => {
                    order.push(at);
                    if let Some(new) = left[at].take() {
                        self.transition(path, old, new);
                    }
                }
                None => self.add(path, ChangeKind::TransitionRemoved, "the transition was removed"),
            }
        }
        if !order.is_sorted() {
            let detail = "its transitions are tried in another order";
            self.add(path, ChangeKind::TransitionReordered, detail);
        }
        for added in left.into_iter().flatten() {
            let (kind, detail) = match added.event_less {
                true => (ChangeKind::EventlessAdded, "a transition without event is new"),
                false => (ChangeKind::TransitionAdded, "the transition is new"),
            };
            self.add(path, kind, detail);
        }
    }

    fn transition(&mut self, path: &str, old: &Transition, new: &Transition) {
        self.changed(
            path,
            ChangeKind::TransitionRetargeted,
            "its target",
            &old.to,
            &new.to,
        );
        if old.wait_mode != new.wait_mode {
            self.add(path, ChangeKind::WaitModeChanged, "its wait mode changed");
        }
        if old.guard_expr != new.guard_expr {
            let detail = "its guard expression changed";
            self.add(path, ChangeKind::GuardExpressionChanged, detail);
        }
        if old.event_less != new.event_less {
            let detail = "it needs an event now, or no longer";
            self.add(path, ChangeKind::TransitionChanged, detail);
        }
        let kinds = (ChangeKind::GuardAdded, ChangeKind::GuardRemoved);
        self.refs(path, "guard", &old.guards, &new.guards, kinds);
        let kinds = (ChangeKind::EffectAdded, ChangeKind::EffectRemoved);
        self.refs(path, "action", &old.effects, &new.effects, kinds);
        // All else must be the same.
        let rest = |it: &Transition| Transition {
            to: String::new(),
            wait_mode: None,
            guard_expr: None,
            event_less: false,
            guards: vec![],
            effects: vec![],
            src_file: String::new(),
            src_line: 0,
            ..it.clone()
        };
        if rest(old) != rest(new) {
            let detail = "its timer, assigns, raised events or kind changed";
            self.add(path, ChangeKind::TransitionChanged, detail);
        }
    }

    fn refs(
        &mut self,
        path: &str,
        what: &str,
        old: &[Ref],
        new: &[Ref],
        (added, removed): (ChangeKind, ChangeKind),
    ) {
        let name = |it: &Ref| it.name.clone();
        for (name, old, new) in pairs(old, new, name) {
            match (old, new) {
                (None, _) => self.add(path, added, format!("{what} {name:?} was added")),
                (_, None) => self.add(path, removed, format!("{what} {name:?} was removed")),
                (Some(old), Some(new)) if old.params != new.params => {
                    let detail = format!("the parameters of {what} {name:?} changed");
                    self.add(path, ChangeKind::TransitionChanged, detail);
                }
                _ => {}
            }
        }
    }
}

/// What is in either list, by name.
fn pairs<'a, T>(
    old: &'a [T],
    new: &'a [T],
    name: impl Fn(&T) -> String,
) -> Vec<(String, Option<&'a T>, Option<&'a T>)> {
    let mut all: BTreeMap<String, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for it in old {
        all.entry(name(it)).or_default().0.get_or_insert(it);
    }
    for it in new {
        all.entry(name(it)).or_default().1.get_or_insert(it);
    }
    all.into_iter()
        .map(|(name, (old, new))| (name, old, new))
        .collect()
}

fn by_event(transitions: &[Transition]) -> BTreeMap<String, Vec<&Transition>> {
    let mut all: BTreeMap<String, Vec<&Transition>> = BTreeMap::new();
    for it in transitions {
        let event = if it.wildcard { "*" } else { &it.on };
        all.entry(event.to_owned()).or_default().push(it);
    }
    all
}

fn guards(it: &Transition) -> BTreeSet<&str> {
    it.guards.iter().map(|guard| guard.name.as_str()).collect()
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

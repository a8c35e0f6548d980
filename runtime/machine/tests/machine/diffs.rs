//! Which changes of a definition break instances that come from the old one.

use std::time::Duration;

use serde_json::json;
use squall_machine::{ChangeKind, Definition, Region, State, Transition, diff};

fn old() -> Definition {
    Definition {
        name: "m".into(),
        initial: "a".into(),
        has_initial: true,
        states: vec![
            State::new("a")
                .with(Transition::on("go").to("b").guard("g").action("x"))
                .with(Transition::after(Duration::from_secs(1), &"late".to_owned()).to("b"))
                .with(Transition::on("pick").to("b").guard("one"))
                .with(Transition::on("pick").to("c").guard("two")),
            State::new("b").child(State::new("b1")).child(State::new("b2")),
            State::new("c").ends(),
        ],
        ..Definition::default()
    }
}

/// The kinds of changes, breaking ones and others.
fn changes(change: impl FnOnce(&mut Definition)) -> (Vec<ChangeKind>, Vec<ChangeKind>) {
    let mut new = old();
    change(&mut new);
    let report = diff(&old(), &new);
    let kinds = |of: &[squall_machine::Change]| of.iter().map(|it| it.kind).collect();
    (kinds(&report.breaking), kinds(&report.additive))
}

fn breaks(kind: ChangeKind, change: impl FnOnce(&mut Definition)) {
    let (breaking, _) = changes(change);
    assert!(breaking.contains(&kind), "{kind:?} is not in {breaking:?}");
}

fn adds(kind: ChangeKind, change: impl FnOnce(&mut Definition)) {
    assert_eq!(changes(change), (vec![], vec![kind]));
}

#[test]
fn equal_definitions_differ_in_nothing() {
    let mut moved = old();
    moved.states[0].transitions[0].src_file = "elsewhere.go".into();
    moved.states[0].transitions[0].src_line = 12;
    assert!(diff(&old(), &moved).is_empty());
    assert_eq!(diff(&old(), &old()).to_string(), "no changes");
}

#[test]
fn what_only_adds_breaks_nothing() {
    adds(ChangeKind::StateAdded, |it| it.states.push(State::new("d")));
    adds(ChangeKind::StateAdded, |it| {
        it.states[1].children.push(State::new("b3"));
    });
    adds(ChangeKind::TransitionAdded, |it| {
        it.states[1].transitions.push(Transition::on("new").to("a"));
    });
    adds(ChangeKind::TransitionAdded, |it| {
        it.states[0]
            .transitions
            .push(Transition::on("pick").to("a").guard("three"));
    });
    adds(ChangeKind::GuardAdded, |it| {
        let transition = &mut it.states[0].transitions[0];
        *transition = transition.clone().guard("h");
    });
    adds(ChangeKind::GuardRemoved, |it| {
        it.states[0].transitions[0].guards.clear();
    });
    adds(ChangeKind::EffectAdded, |it| {
        let transition = &mut it.states[0].transitions[0];
        *transition = transition.clone().action("y");
    });
    adds(ChangeKind::EffectRemoved, |it| {
        it.states[0].transitions[0].effects.clear();
    });
    adds(ChangeKind::OwnerChanged, |it| it.states[0].owned_by = "us".into());
    adds(ChangeKind::WaitModeChanged, |it| {
        it.states[0].transitions[0].wait_mode = Some(json!(1));
    });
    adds(ChangeKind::RegionAdded, |it| {
        it.states[2].regions.push(Region::default());
    });
}

#[test]
fn what_takes_away_or_changes_meaning_breaks() {
    breaks(ChangeKind::MachineRenamed, |it| it.name = "n".into());
    breaks(ChangeKind::InitialChanged, |it| it.initial = "b".into());
    breaks(ChangeKind::InitialChanged, |it| it.has_initial = false);
    breaks(ChangeKind::StateRemoved, |it| drop(it.states.pop()));
    breaks(ChangeKind::StateRemoved, |it| drop(it.states[1].children.pop()));
    breaks(ChangeKind::FinalChanged, |it| it.states[2].is_final = false);
    breaks(ChangeKind::InitialChildChanged, |it| {
        it.states[1].initial_child = Some("b2".into());
    });
    breaks(ChangeKind::HistoryChanged, |it| {
        it.states[1].history_type = Some(json!("deep"));
    });
    breaks(ChangeKind::TransitionRemoved, |it| {
        drop(it.states[0].transitions.remove(0));
    });
    breaks(ChangeKind::TransitionRemoved, |it| {
        drop(it.states[0].transitions.pop());
    });
    breaks(ChangeKind::TransitionRetargeted, |it| {
        it.states[0].transitions[0].to = "c".into();
    });
    breaks(ChangeKind::TransitionReordered, |it| {
        it.states[0].transitions.swap(2, 3);
    });
    breaks(ChangeKind::EventlessAdded, |it| {
        it.states[1]
            .transitions
            .push(Transition::always().to("a").guard("g"));
    });
    breaks(ChangeKind::TransitionChanged, |it| {
        it.states[0].transitions[0].event_less = true;
    });
    breaks(ChangeKind::GuardExpressionChanged, |it| {
        it.states[0].transitions[0].guard_expr = Some(json!({"not": "g"}));
    });
    breaks(ChangeKind::ContextChanged, |it| {
        it.context = Some(json!({"n": "int"}));
    });
    // What nothing is known about breaks.
    breaks(ChangeKind::TransitionChanged, |it| {
        it.states[0].transitions[1].after = Some(5);
    });
    breaks(ChangeKind::TransitionChanged, |it| {
        it.states[0].transitions[0]
            .extra
            .insert("new".into(), json!(true));
    });
}

#[test]
fn a_removed_region_breaks() {
    let mut before = old();
    before.states[2].regions.push(Region {
        name: "r".into(),
        ..Region::default()
    });
    let report = diff(&before, &old());
    assert_eq!(report.breaking[0].kind, ChangeKind::RegionRemoved);
}

#[test]
fn a_report_is_ordered_and_says_where() {
    let mut new = old();
    new.states.push(State::new("d"));
    new.states[1].children.pop();
    new.states[0].transitions[0].to = "c".into();
    assert_eq!(
        diff(&old(), &new).to_string(),
        "breaking: a/go: its target changed from \"b\" to \"c\"\n\
         breaking: b.b2: the state was removed\n\
         additive: d: the state is new"
    );
}

//! Machines of any shape, and any events: a step happens or does not, and an instance at rest is all there is of it.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use squall_machine::{
    Definition, Machine, RestoreOptions, Retain, Snapshot, State, Timers, Timestamp, Transition, diff,
};

const EVENTS: [&str; 4] = ["a", "b", "c", "d"];
const STATES: usize = 7;

fn state_name(index: usize) -> String {
    format!("s{index}")
}

fn transition() -> impl Strategy<Value = Transition> {
    let event = || proptest::sample::select(&EVENTS[..]);
    let kind = prop_oneof![
        6 => event().prop_map(Transition::on),
        2 => event().prop_map(|event| Transition::after(Duration::from_nanos(event.len() as u64), &event.to_owned())),
        1 => Just(Transition::any()),
        1 => Just(Transition::always().guard("small")),
        1 => event().prop_map(Transition::forbid),
    ];
    let target = proptest::option::weighted(0.8, 0..STATES);
    let guard = proptest::option::weighted(
        0.3,
        proptest::sample::select(&["small", "odd", "never", "broken"][..]),
    );
    let assign = proptest::option::weighted(0.5, proptest::sample::select(&["add", "double"][..]));
    let action = proptest::option::weighted(0.3, proptest::sample::select(&["tell", "fail"][..]));
    let raise = proptest::option::weighted(0.2, event());
    (kind, target, guard, assign, action, raise, any::<bool>()).prop_map(
        |(mut it, target, guard, assign, action, raise, reenter)| {
            if it.forbidden {
                return it;
            }
            if let Some(target) = target {
                it = it.to(state_name(target));
            }
            if let Some(guard) = guard {
                it = it.guard(guard);
            }
            if let Some(assign) = assign {
                it = it.assign(assign);
            }
            if let Some(action) = action {
                it = it.action(action);
            }
            if let Some(raise) = raise {
                it = it.raise(&raise.to_owned());
            }
            if reenter { it.reenter() } else { it }
        },
    )
}

/// Seven states, each within one before it or outermost.
fn definition() -> impl Strategy<Value = Definition> {
    let transitions = proptest::collection::vec(transition(), 0..5);
    let state = (
        transitions,
        proptest::option::of(0..STATES),
        proptest::bool::weighted(0.1),
    );
    (proptest::collection::vec(state, STATES), 0..STATES).prop_map(|(states, initial)| {
        let mut built: Vec<State> = Vec::new();
        let mut parents = Vec::new();
        for (index, (transitions, parent, is_final)) in states.into_iter().enumerate() {
            let mut state = State::new(state_name(index)).enter_assign("add").exit("tell");
            if is_final {
                state = state.ends();
            } else {
                state.transitions = transitions;
            }
            built.push(state);
            parents.push(parent.filter(|parent| *parent < index));
        }
        // From the last one on, so that each is whole when it is put into another.
        for index in (0..STATES).rev() {
            if let Some(parent) = parents[index] {
                let child = std::mem::take(&mut built[index]);
                let parent = &mut built[parent];
                parent.is_final = false;
                *parent = std::mem::take(parent).child(child);
            }
        }
        built.retain(|state| !state.name.is_empty());
        Definition {
            name: "m".into(),
            initial: state_name(initial),
            has_initial: true,
            states: built,
            ..Definition::default()
        }
    })
}

fn machine(definition: Definition) -> Option<Machine<i64, String>> {
    let built = Machine::of(definition)
        .guard("small", |n: &i64, _| *n < 20)
        .guard("odd", |n, _| n % 2 == 1)
        .guard("never", |_, _| false)
        .guard("broken", |n, _| {
            assert!(*n < 6, "it is too large");
            true
        })
        .assign("add", |n, _| *n = n.wrapping_add(1))
        .assign("double", |n, _| *n = n.wrapping_mul(2))
        .action("tell", |n, _| Ok(Some(squall_machine::Effect::with("told", n)?)))
        .action(
            "fail",
            |n, _| if n % 3 == 0 { Err("no".into()) } else { Ok(None) },
        )
        .build();
    // What makes no sense is refused: here, a way to the own state that is always taken.
    built.ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_happens_or_does_not_and_a_snapshot_is_all_there_is(
        definition in definition(),
        events in proptest::collection::vec(0..EVENTS.len() + 1, 1..12),
    ) {
        let Some(machine) = machine(definition) else { return Ok(()) };
        let Ok(cast) = machine.cast_with(0, Retain::All) else { return Ok(()) };
        let (mut live, mut timers) = (cast.instance, Timers::new());
        timers.apply(&cast.timers, Timestamp(0));
        for (now, event) in events.into_iter().enumerate() {
            let now = Timestamp(now as i64);
            let before = live.snapshot_json().unwrap();
            let snapshot = Snapshot::from_json(&before).unwrap();
            prop_assert_eq!(snapshot.to_json().unwrap(), before.clone());
            let options = RestoreOptions { retain: Some(Retain::All), ..RestoreOptions::default() };
            let mut restored = machine.restore(&snapshot, options).unwrap();

            if let Some(event) = EVENTS.get(event) {
                let event = (*event).to_owned();
                let (step, again) = (live.fire(&event), restored.fire(&event));
                prop_assert_eq!(&step, &again);
                match step {
                    Ok(fired) => timers.apply(&fired.timers, now),
                    Err(_) => prop_assert_eq!(live.snapshot_json().unwrap(), before),
                }
            } else {
                let mut copy = timers.clone();
                copy.tick(&mut restored, now);
                timers.tick(&mut live, now);
                prop_assert_eq!(&copy, &timers);
            }
            prop_assert_eq!(live.snapshot_json().unwrap(), restored.snapshot_json().unwrap());
            // What is armed belongs to an active state; what is not was fired.
            let pending: BTreeSet<String> = live.snapshot().unwrap().pending.timers.into_iter().collect();
            prop_assert!(timers.armed().all(|(id, _, _)| pending.contains(id)));
        }
    }

    #[test]
    fn any_definition_is_read_and_written_unchanged_and_differs_in_nothing_from_itself(definition in definition()) {
        let json = definition.to_json().unwrap();
        let read = Definition::from_json(&json).unwrap();
        prop_assert_eq!(&read, &definition);
        prop_assert!(diff(&read, &definition).is_empty());
    }

    #[test]
    fn no_text_is_a_panic(text in "[\\[\\]{}:,\"a-z0-9]{0,60}", cut in 0..200_usize) {
        drop(Definition::from_json(text.as_bytes()));
        drop(Snapshot::from_json(text.as_bytes()));
        let whole = include_str!("../golden/snapshots.jsonl").lines().nth(1).unwrap();
        drop(Snapshot::from_json(&whole.as_bytes()[..cut.min(whole.len())]));
    }
}

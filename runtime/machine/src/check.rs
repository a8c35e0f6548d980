//! Mistakes in a definition, found before a machine runs.

use std::collections::BTreeSet;

use crate::definition::{Definition, State, Transition};
use crate::error::BuildError;

/// How deep states may be nested.
const DEPTH_MAX: usize = 64;

pub(crate) fn definition(definition: &Definition) -> Result<(), BuildError> {
    if definition.name.is_empty() {
        return Err(BuildError::EmptyName {
            place: "a machine".to_owned(),
        });
    }
    let mut names = BTreeSet::new();
    let place = format!("a state of machine {:?}", definition.name);
    collect(&definition.states, &place, 1, &mut names)?;
    if !definition.has_initial || definition.initial.is_empty() {
        return Err(BuildError::NoInitial {
            machine: definition.name.clone(),
        });
    }
    if !names.contains(definition.initial.as_str()) {
        return Err(BuildError::UnknownInitial {
            machine: definition.name.clone(),
            state: definition.initial.clone(),
        });
    }
    states(&definition.states, &names)
}

/// The names of all states, each of which there is once.
fn collect<'a>(
    states: &'a [State],
    place: &str,
    depth: usize,
    names: &mut BTreeSet<&'a str>,
) -> Result<(), BuildError> {
    for state in states {
        if state.name.is_empty() {
            return Err(BuildError::EmptyName {
                place: place.to_owned(),
            });
        }
        if depth > DEPTH_MAX {
            return Err(BuildError::TooDeep {
                state: state.name.clone(),
                max: DEPTH_MAX,
            });
        }
        if !names.insert(&state.name) {
            return Err(BuildError::DuplicateState {
                state: state.name.clone(),
            });
        }
        let place = format!("a state within {:?}", state.name);
        collect(&state.children, &place, depth + 1, names)?;
    }
    Ok(())
}

fn states(of: &[State], names: &BTreeSet<&str>) -> Result<(), BuildError> {
    for state in of {
        unsupported(state)?;
        hierarchy(state)?;
        for it in &state.transitions {
            transition(state, it, names)?;
        }
        states(&state.children, names)?;
    }
    Ok(())
}

fn unsupported(state: &State) -> Result<(), BuildError> {
    let no_history = ["", "none"].map(serde_json::Value::from);
    let has_history = state
        .history_type
        .as_ref()
        .is_some_and(|kind| *kind != 0 && !no_history.contains(kind));
    let has_expression = state.transitions.iter().any(|it| it.guard_expr.is_some());
    let found = [
        (!state.regions.is_empty(), "parallel regions"),
        (has_history, "a history type"),
        (!state.invoke.is_empty(), "services or actors to start"),
        (has_expression, "a transition with a guard expression"),
    ];
    match found.into_iter().find(|(is_there, _)| *is_there) {
        None => Ok(()),
        Some((_, what)) => Err(BuildError::Unsupported {
            state: state.name.clone(),
            what,
        }),
    }
}

fn hierarchy(state: &State) -> Result<(), BuildError> {
    let is_compound = !state.children.is_empty();
    if state.is_final && (is_compound || !state.transitions.is_empty()) {
        return Err(BuildError::FinalWith {
            state: state.name.clone(),
            what: if is_compound {
                "states within it"
            } else {
                "transitions"
            },
        });
    }
    match &state.initial_child {
        None if is_compound => Err(BuildError::NoInitialChild {
            state: state.name.clone(),
        }),
        Some(child) if !state.children.iter().any(|it| it.name == *child) => {
            Err(BuildError::UnknownInitialChild {
                state: state.name.clone(),
                child: child.clone(),
            })
        }
        _ => Ok(()),
    }
}

fn transition(state: &State, it: &Transition, names: &BTreeSet<&str>) -> Result<(), BuildError> {
    if !it.to.is_empty() && !names.contains(it.to.as_str()) {
        return Err(BuildError::UnknownTarget {
            state: state.name.clone(),
            transition: called(it),
            target: it.to.clone(),
        });
    }
    let has_effect = !it.effects.is_empty() || !it.assigns.is_empty() || !it.raise.is_empty();
    let is_after = it.after.is_some();
    let problems = [
        (
            it.on.is_empty() && !it.wildcard && !it.event_less,
            "has no event, and is neither for all events nor without one",
        ),
        (
            it.event_less && (it.wildcard || is_after || it.forbidden),
            "needs no event, and is for one nevertheless",
        ),
        (
            is_after && (it.wildcard || it.forbidden),
            "has a timer, which fires one event, and is not for that event",
        ),
        (
            it.after.is_some_and(|delay| delay < 0),
            "has a timer with a negative delay",
        ),
        (
            it.forbidden && has_effect,
            "ignores its event, and has actions, assigns or raised events",
        ),
        (
            it.internal && it.reenter,
            "enters its state again, and is internal",
        ),
        (
            it.event_less && it.guards.is_empty() && (it.to.is_empty() || it.to == state.name || it.internal),
            "is always taken and leads nowhere: it would be taken for ever",
        ),
    ];
    match problems.into_iter().find(|(is_there, _)| *is_there) {
        None => Ok(()),
        Some((_, problem)) => Err(BuildError::Transition {
            state: state.name.clone(),
            transition: called(it),
            problem,
        }),
    }
}

/// A transition, for people.
pub(crate) fn called(it: &Transition) -> String {
    match (it.event_less, it.wildcard, it.after) {
        (true, _, _) => "the transition without event".to_owned(),
        (_, true, _) => "the transition for all events".to_owned(),
        (_, _, Some(_)) => format!("the transition for the timer's event {:?}", it.on),
        _ => format!("the transition for event {:?}", it.on),
    }
}

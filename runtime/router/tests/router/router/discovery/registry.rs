//! Changes that come twice, late and in any order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use squall_router::Discovery;
use squall_router::discovery::{Fact, Listener, Registry};

use super::{at, owned_by, runs_at};

#[test]
fn a_late_change_does_not_bring_back_what_was_deleted() {
    let registry = Registry::new();
    assert!(registry.apply(5, runs_at("a", at(&["a:1"]))));
    assert!(registry.apply(7, runs_at("a", vec![])));
    assert!(
        !registry.apply(6, runs_at("a", at(&["old:1"]))),
        "older than the deletion"
    );
    assert_eq!(registry.endpoints("a"), None);
    assert!(registry.apply(8, runs_at("a", at(&["new:1"]))), "made anew");
    assert_eq!(registry.endpoints("a"), Some(at(&["new:1"])));
}

#[test]
fn a_deletion_that_comes_first_holds() {
    let registry = Registry::new();
    assert!(!registry.apply(2, owned_by("n", None)), "it was not there");
    assert!(!registry.apply(1, owned_by("n", Some("a"))));
    assert_eq!(registry.owner("n"), None);
}

#[test]
fn a_module_that_clears_its_address_is_not_discovered() {
    let registry = Registry::new();
    registry.apply(1, runs_at("a", at(&["a:1"])));
    registry.apply(2, runs_at("a", vec![]));
    assert_eq!(registry.endpoints("a"), None);
}

#[test]
fn a_snapshot_takes_away_what_it_does_not_have_and_keeps_what_is_newer() {
    let registry = Registry::new();
    registry.apply(3, owned_by("gone", Some("a")));
    registry.apply(12, owned_by("newer", Some("a")));
    registry.replace(
        10,
        [
            (4, owned_by("listed", Some("b"))),
            (5, owned_by("newer", Some("b"))),
        ],
    );
    assert_eq!(registry.owner("gone"), None);
    assert_eq!(registry.owner("listed").as_deref(), Some("b"));
    assert_eq!(registry.owner("newer").as_deref(), Some("a"));
    assert!(
        !registry.apply(9, owned_by("gone", Some("a"))),
        "the snapshot would have it"
    );
    registry.replace(8, [(8, owned_by("gone", Some("a")))]);
    assert_eq!(registry.owner("gone"), None, "an old snapshot does nothing");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Listener for Heard {
    fn changed(&self, module: &str) {
        self.0.lock().unwrap().push(module.to_owned());
    }
}

#[test]
fn listeners_hear_of_modules_whose_endpoints_changed_and_of_no_others() {
    let (registry, heard) = (Registry::new(), Arc::new(Heard::default()));
    let listener: Arc<dyn Listener> = Arc::clone(&heard) as _;
    registry.listen(Arc::downgrade(&listener));
    let take = || std::mem::take(&mut *heard.0.lock().unwrap());
    registry.apply(1, runs_at("a", at(&["a:1"])));
    registry.apply(1, runs_at("a", at(&["a:1"])));
    registry.apply(2, runs_at("a", at(&["a:1"])));
    registry.apply(3, owned_by("n", Some("a")));
    assert_eq!(take(), ["a"]);
    registry.replace(
        9,
        [(4, runs_at("b", at(&["b:1"]))), (2, runs_at("a", at(&["a:1"])))],
    );
    assert_eq!(take(), ["b"], "a is as it was");
    registry.replace(10, []);
    assert_eq!(take(), ["a", "b"]);
}

/// The writes of a store, oldest first: version, and what the resource is from then on.
fn history() -> impl Strategy<Value = Vec<(u64, Fact)>> {
    let fact = (0..4_u8, 0..4_u8, any::<bool>()).prop_map(|(name, value, is_node)| match (is_node, value) {
        (true, 0) => owned_by(&format!("n{name}"), None),
        (true, value) => owned_by(&format!("n{name}"), Some(&format!("m{value}"))),
        (false, 0) => runs_at(&format!("m{name}"), vec![]),
        (false, value) => runs_at(&format!("m{name}"), at(&[&format!("h{value}:1")])),
    });
    prop::collection::vec((1..3_u64, fact), 1..25).prop_map(|writes| {
        let mut version = 0;
        let numbered = writes.into_iter().map(|(step, fact)| {
            version += step;
            (version, fact)
        });
        numbered.collect()
    })
}

fn name(fact: &Fact) -> Arc<str> {
    match fact {
        Fact::Owner { node, .. } => Arc::clone(node),
        Fact::Endpoints { module, .. } => Arc::clone(module),
    }
}

fn is_there(fact: &Fact) -> bool {
    match fact {
        Fact::Owner { module, .. } => module.is_some(),
        Fact::Endpoints { endpoints, .. } => !endpoints.is_empty(),
    }
}

/// The last write of each resource.
fn latest(history: &[(u64, Fact)]) -> BTreeMap<Arc<str>, (u64, Fact)> {
    history
        .iter()
        .map(|(version, fact)| (name(fact), (*version, fact.clone())))
        .collect()
}

fn answers(registry: &Registry) -> Vec<String> {
    let answer = |n| {
        let (owner, runs) = (
            registry.owner(&format!("n{n}")),
            registry.endpoints(&format!("m{n}")),
        );
        format!("{owner:?} {runs:?}")
    };
    (0..4).map(answer).collect()
}

fn told_in_order(history: &[(u64, Fact)]) -> Registry {
    let registry = Registry::new();
    for (version, fact) in history {
        registry.apply(*version, fact.clone());
    }
    registry
}

/// What a watch delivers.
#[derive(Debug, Clone)]
enum Delivery {
    Change(usize),
    /// A list, taken after this many writes.
    Snapshot(usize),
}

/// Every write at least once, in any order, with repetitions and snapshots between them.
fn deliveries() -> impl Strategy<Value = (Vec<(u64, Fact)>, Vec<Delivery>)> {
    history().prop_flat_map(|history| {
        let writes = history.len();
        let again = prop::collection::vec(0..writes, 0..writes + 1);
        let snapshots = prop::collection::vec(1..writes + 1, 0..3);
        let deliveries = (again, snapshots).prop_map(move |(again, snapshots)| {
            let changes = (0..writes).chain(again).map(Delivery::Change);
            changes
                .chain(snapshots.into_iter().map(Delivery::Snapshot))
                .collect::<Vec<_>>()
        });
        (Just(history), deliveries.prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_order_and_repetition_of_changes_and_snapshots_converges((history, deliveries) in deliveries()) {
        let registry = Registry::new();
        for delivery in deliveries {
            match delivery {
                Delivery::Change(index) => {
                    let (version, fact) = history[index].clone();
                    registry.apply(version, fact);
                }
                Delivery::Snapshot(writes) => {
                    let listed = latest(&history[..writes]).into_values().filter(|(_, fact)| is_there(fact));
                    registry.replace(history[writes - 1].0, listed);
                }
            }
        }
        let last = latest(&history).into_values().collect::<Vec<_>>();
        prop_assert_eq!(answers(&registry), answers(&told_in_order(&last)));
        prop_assert_eq!(answers(&registry), answers(&told_in_order(&history)));
    }
}

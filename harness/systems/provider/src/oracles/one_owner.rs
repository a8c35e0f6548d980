//! A namespace never has two owners: the owner is one provider alone, or the members of one group. A namespace without an
//! owner can be taken. Spec: provider 2.6.
//!
//! A connection owns its namespace from its registration until it is deregistered, or until its manager dies. Journal
//! order decides within one instant.

use std::collections::BTreeMap;

use squall_core::calls::Moment;
use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::{Connection, Providers, Rejection};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct OneOwner;

impl Oracle for OneOwner {
    fn name(&self) -> &'static str {
        "one owner"
    }

    fn promise(&self) -> &'static str {
        "a namespace never has two owners, and a free one can be taken"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let mut owners: BTreeMap<(&str, &str), Vec<&Connection>> = BTreeMap::new();
        let providers = run.evidence::<Providers>();
        for step in steps(&providers) {
            first.judges();
            let namespace = owners.entry(step.place()).or_default();
            namespace.retain(|owner| owner.end().is_none_or(|end| end.moment > step.moment()));
            if let Some((who, what)) = step.complaint(namespace) {
                let (manager, _) = step.place();
                let violation = || Violation {
                    from: who.to_owned(),
                    to: manager.to_owned(),
                    ..run.of_world(None, step.moment().at, what)
                };
                first.offer(step.moment(), violation);
            }
            if let Step::Registered(connection) = step {
                namespace.push(connection);
            }
        }
        first.result()
    }
}

/// The relevant events, in order.
#[derive(Clone, Copy)]
enum Step<'a> {
    Registered(&'a Connection),
    Rejected(&'a Rejection),
    Released(Moment, &'a str, &'a str),
}

fn steps(providers: &Providers) -> Vec<Step<'_>> {
    let registered = providers.connections.iter().map(Step::Registered);
    let rejected = providers.rejections.iter().map(Step::Rejected);
    let released = providers.released.iter();
    let released = released.map(|(moment, manager, namespace)| Step::Released(*moment, manager, namespace));
    let mut steps: Vec<Step<'_>> = registered.chain(rejected).chain(released).collect();
    steps.sort_by_key(|step| step.moment());
    steps
}

impl<'a> Step<'a> {
    fn moment(&self) -> Moment {
        match self {
            Step::Registered(connection) => connection.registered(),
            Step::Rejected(rejection) => rejection.moment,
            Step::Released(moment, ..) => *moment,
        }
    }

    /// The manager, and the namespace.
    fn place(&self) -> (&'a str, &'a str) {
        match self {
            Step::Registered(connection) => (&connection.manager, &connection.namespace),
            Step::Rejected(rejection) => (&rejection.manager, &rejection.namespace),
            Step::Released(_, manager, namespace) => (manager, namespace),
        }
    }

    /// The connection in violation and the reason, given the owners of the namespace.
    fn complaint(&self, owners: &[&'a Connection]) -> Option<(&'a str, String)> {
        match self {
            Step::Registered(connection) => {
                let shares =
                    |owner: &&&Connection| !connection.group.is_empty() && owner.group == connection.group;
                let other = owners.iter().find(|owner| !shares(owner))?;
                let (namespace, owner) = (&connection.namespace, &other.host);
                Some((
                    &*connection.host,
                    format!("took `{namespace}`, which is {owner}'s"),
                ))
            }
            Step::Rejected(rejection) => {
                let is_taken = rejection.reason.contains("is owned by");
                let free = is_taken && owners.is_empty();
                let namespace = &rejection.namespace;
                free.then(|| {
                    (
                        &*rejection.host,
                        format!("was refused `{namespace}`, which is nobody's"),
                    )
                })
            }
            Step::Released(_, _, namespace) => {
                let owner = owners.first()?;
                Some((
                    &*owner.host,
                    format!("is still there, and `{namespace}` was released"),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use squall_core::journal::Death;

    use super::*;
    use crate::journal::ProviderEvent;
    use crate::testing::{OfAFleet, S, Script, assert_holds, broken, find};

    const TAKEN: &str = "Namespace 'ml' is owned by a different provider group";

    /// A group of two. A lone provider registers too early, and again after the group has left.
    fn script() -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0").joins("b", "ml-1");
        script.at(2 * S).rejects("solo", TAKEN);
        script.at(3 * S).leaves("a", "ml-0", "deregistered");
        script.at(4 * S).leaves("b", "ml-1", "deregistered").released();
        script.at(5 * S).joins("c", "solo");
        script
    }

    #[test]
    fn a_group_may_share_and_who_comes_after_it_may_have_the_namespace() {
        assert_holds(&OneOwner, script());
    }

    #[test]
    fn a_second_owner_is_found() {
        let violation = broken(&OneOwner, script(), |entries| {
            let gone = find(entries, |event| {
                matches!(event.get(), Some(ProviderEvent::State { connection, state, .. })
                    if &**connection == "b" && &**state == "deregistered")
            });
            entries.remove(gone);
            let released = find(entries, |event| {
                matches!(event.get(), Some(ProviderEvent::NamespaceReleased { .. }))
            });
            entries.remove(released);
        });
        assert_eq!(
            (violation.from.as_str(), violation.what.as_str()),
            ("solo", "took `ml`, which is ml-1's")
        );
    }

    #[test]
    fn a_free_namespace_that_cannot_be_had_is_found() {
        let violation = broken(&OneOwner, script(), |entries| {
            let refused = find(entries, |event| {
                matches!(event.get(), Some(ProviderEvent::Rejected { .. }))
            });
            let mut late = entries.remove(refused);
            late.at = 4 * S + 1;
            let place = entries.partition_point(|entry| entry.at <= late.at);
            entries.insert(place, late);
        });
        assert_eq!(violation.what, "was refused `ml`, which is nobody's");
    }

    #[test]
    fn a_namespace_that_is_released_under_its_owner_is_found() {
        let violation = broken(&OneOwner, script(), |entries| {
            let released = find(entries, |event| {
                matches!(event.get(), Some(ProviderEvent::NamespaceReleased { .. }))
            });
            let mut early = entries.remove(released);
            early.at = 3 * S;
            let place = entries.partition_point(|entry| entry.at <= early.at);
            entries.insert(place, early);
        });
        assert_eq!(violation.what, "is still there, and `ml` was released");
    }

    #[test]
    fn a_manager_that_dies_owns_nothing_for_anybody() {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("a", "ml-0");
        script.at(2 * S).stop("engine", Death::Crashed);
        script.at(3 * S).joins("b", "solo");
        assert_holds(&OneOwner, script);
    }
}

//! A manager sends nothing to a provider that is draining or has left. Spec: provider 2.8, 2.11.

use squall_core::oracle::{First, Run};

use crate::evidence::Providers;
use crate::plan::ProviderState;

/// See the module's documentation.
pub fn check(run: &Run<'_>, first: &mut First) {
    let leaving = [ProviderState::Draining, ProviderState::Deregistered];
    let providers = run.evidence::<Providers>();
    for connection in &providers.connections {
        if connection
            .states
            .iter()
            .any(|change| leaving.contains(&change.state))
        {
            first.judges();
        }
    }
    for (call, hop) in run.calls.attempts() {
        let connection = providers.connection(hop.connection);
        let states = connection.map_or(&[][..], |connection| &connection.states);
        let left = states.iter().find(|change| leaving.contains(&change.state));
        if let Some(left) = left.filter(|left| left.moment < hop.started) {
            let what = format!("was sent to {}, which was {}", hop.addressed, left.state.name());
            first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OfAFleet, S, Script};

    #[test]
    fn a_manager_that_sends_to_who_drains_is_found() {
        let asked_at = |at: u64| {
            let mut script = Script::of_a_fleet();
            script.at(S).joins("a", "ml-0").at(5 * S);
            script.enters("a", "ml-0", "draining", "drain requested");
            script.at(at).attempt(1, 1, "a", "ml-0");
            let (plan, journal) = script.finish();
            let mut first = First::default();
            check(&Run::of(&plan, &journal), &mut first);
            first.result().err().map(|violation| violation.what)
        };
        assert_eq!(asked_at(4 * S), None);
        let what = "was sent to ml-0:9091, which was draining";
        assert_eq!(asked_at(6 * S).as_deref(), Some(what));
    }
}

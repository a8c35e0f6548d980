//! An endpoint that is being dialled is not dialled again, regardless of how many calls wait for it, if any still do.
//! Spec: router 4.2, 4.3.

use std::collections::BTreeMap;

use squall_core::oracle::{First, Oracle, Run, Violation};

use crate::evidence::Wire;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Dials;

impl Oracle for Dials {
    fn name(&self) -> &'static str {
        "dials"
    }

    fn promise(&self) -> &'static str {
        "an endpoint is dialled once at a time"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let mut since: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        let wire = run.evidence::<Wire>();
        for it in &wire.endpoints {
            let endpoint = (&*it.host, &*it.module, &*it.address);
            if &*it.state != "connecting" {
                since.remove(&endpoint);
                continue;
            }
            first.judges();
            let Some(before) = since.insert(endpoint, it.moment.at) else {
                continue;
            };
            // A restarted process does not know of its predecessor's dials.
            if run.history.stopped_between(&it.host, before, it.moment.at) {
                continue;
            }
            let violation = || Violation {
                from: it.host.to_string(),
                to: it.address.to_string(),
                ..run.of_world(None, it.moment.at, "was dialled while it was being dialled")
            };
            first.offer(it.moment, violation);
        }
        first.result()
    }
}

#[cfg(test)]
mod tests {
    use squall_core::journal::Death;

    use super::*;
    use crate::journal::RouterEvent;
    use crate::testing::{OfModules, S, Script, assert_holds, broken, find};

    fn state(script: &mut Script, at: u64, state: &str) {
        script.at(at * S).push(
            "front",
            RouterEvent::Endpoint {
                module: "back".into(),
                endpoint: "back:50051".into(),
                state: state.into(),
                cause: "".into(),
            },
        );
    }

    #[test]
    fn a_second_dial_before_the_end_of_the_first_is_found() {
        let mut script = Script::of_modules();
        for (at, name) in [(1, "connecting"), (2, "backoff"), (3, "connecting"), (4, "ready")] {
            state(&mut script, at, name);
        }
        let violation = broken(&Dials, script, |entries| {
            let failed = find(
                entries,
                |event| matches!(event.get(), Some(RouterEvent::Endpoint { state, .. }) if &**state == "backoff"),
            );
            entries.remove(failed);
        });
        assert_eq!(
            violation.to_string(),
            "at 3.000 s, front -> back:50051, was dialled while it was being dialled"
        );
    }

    #[test]
    fn who_starts_anew_may_dial() {
        let mut script = Script::of_modules();
        state(&mut script, 1, "connecting");
        script.at(2 * S).stop("front", Death::Killed);
        state(&mut script, 3, "connecting");
        assert_holds(&Dials, script);
    }
}

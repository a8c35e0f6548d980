//! A canary ends with one version at all managers, or reports exactly which managers have which. Spec: provider 3.7.
//!
//! A canary whose provider dies, or whose run ends before its windows are over, has no end.

use std::collections::{BTreeMap, BTreeSet};

use squall_core::calls::Moment;
use squall_core::oracle::{First, Oracle, Run, Violation};
use squall_core::time;

use crate::evidence::{Canary, CanaryEnd, Division, Providers, Step};
use crate::plan::{self, Provider};

/// How much longer than its windows a canary may take, for a rollback and some margin. Nanoseconds.
const PATIENCE: u64 = 60_000_000_000;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct CanaryEnds;

impl Oracle for CanaryEnds {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn promise(&self) -> &'static str {
        "a canary ends with one version everywhere, or says which managers have which"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        let providers = run.evidence::<Providers>();
        for canary in &providers.canaries {
            first.judges();
            let (at, what) = match &canary.end {
                Some(end) => match complaint(canary, end) {
                    Some(what) => (end.moment, what),
                    None => continue,
                },
                None => match overdue(run, canary) {
                    Some(found) => found,
                    None => continue,
                },
            };
            let violation = || Violation {
                from: canary.host.to_string(),
                ..run.of_world(None, at.at, what)
            };
            first.offer(at, violation);
        }
        first.result()
    }
}

/// What is wrong with its end.
fn complaint(canary: &Canary, end: &CanaryEnd) -> Option<String> {
    let mut last: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in &canary.steps {
        last.insert(&step.instance, step);
    }
    let all_are = |wanted: &str| last.values().find(|step| &*step.step != wanted);
    match &*end.outcome {
        "promoted" => {
            if let Some(other) = all_are("healthy") {
                return Some(format!("was promoted, and {} is {}", other.instance, other.step));
            }
            let versions: BTreeSet<&str> = last.values().map(|step| &*step.version).collect();
            (versions.len() > 1).then(|| format!("was promoted, and has {} versions", versions.len()))
        }
        "rolled back" => {
            let other = all_are("rolled back")?;
            Some(format!(
                "was rolled back, and {} is {}",
                other.instance, other.step
            ))
        }
        _ => match &canary.divided {
            None => Some("is divided, and does not say who has what".to_owned()),
            Some(division) => division_complaint(division, &last),
        },
    }
}

/// Checks that every manager is in exactly one list, and in the right one.
fn division_complaint(division: &Division, last: &BTreeMap<&str, &Step>) -> Option<String> {
    let lists = [
        (&division.promoted, "promoted", &["healthy"][..]),
        (
            &division.failed,
            "failed",
            &["unhealthy", "not rolled back", "upgraded"],
        ),
        (&division.unchanged, "unchanged", &["rolled back", ""]),
    ];
    let mut seen = BTreeSet::new();
    for (managers, list, steps) in lists {
        for manager in managers {
            let step = last.get(&**manager).map_or("", |step| &*step.step);
            if !seen.insert(&**manager) {
                return Some(format!("says of {manager} two things"));
            }
            if !steps.contains(&step) {
                return Some(format!("says that {manager} is {list}, and it is {step}"));
            }
        }
    }
    let missing = last.keys().find(|manager| !seen.contains(*manager))?;
    Some(format!("does not say which version {missing} has"))
}

/// The time by which it should have ended, if it is within the run.
fn overdue(run: &Run<'_>, canary: &Canary) -> Option<(Moment, String)> {
    let began = canary.steps.first()?.moment;
    let (windows, managers) = planned(run, &canary.host)?;
    let latest = began.at + windows.saturating_mul(managers) + PATIENCE;
    let ended = run.history.ended();
    let excused = run.history.stopped_between(&canary.host, began.at, ended)
        || run.history.paused(&canary.host, began.at, ended) > 0;
    (latest < ended && !excused).then(|| {
        let moment = Moment {
            at: latest,
            line: u64::MAX,
        };
        (
            moment,
            format!("began at {}, and never ended", time::instant(began.at)),
        )
    })
}

/// The longest window of a host's canaries, and how many managers it has.
fn planned(run: &Run<'_>, host: &str) -> Option<(u64, u64)> {
    let of_host = |canary: &&plan::Canary| canary.hosts.iter().any(|other| other == host);
    let canaries = run.plan.faults_of::<plan::Canary>().map(|(_, _, canary)| canary);
    let window = canaries
        .filter(of_host)
        .map(|canary| canary.observation_window)
        .max()?;
    let managers = Provider::on(&run.plan.topology, host)?.managers.len() as u64;
    Some((time::nanos(window), managers))
}

#[cfg(test)]
mod tests {
    use squall_core::journal::Event;

    use super::*;
    use crate::journal::ProviderEvent;
    use crate::testing::canary;
    use crate::testing::{OfAFleet, S, Script, assert_holds, broken, find};

    fn begun() -> Script {
        let mut script = Script::of_a_fleet();
        script.fault("new", 10 * S, Some(10 * S), canary());
        script.canary_step("east", "upgraded", "2.0.0");
        script.at(20 * S).canary_step("east", "healthy", "2.0.0");
        script.canary_step("west", "upgraded", "2.0.0");
        script
    }

    fn promoted() -> Script {
        let mut script = begun();
        script
            .at(30 * S)
            .canary_step("west", "healthy", "2.0.0")
            .canary_ends("promoted", "");
        script
    }

    fn rolled_back() -> Script {
        let mut script = begun();
        script.at(30 * S).canary_step("west", "unhealthy", "2.0.0");
        script.canary_step("east", "rolled back", "1.0.0");
        script.canary_step("west", "rolled back", "1.0.0");
        script.canary_ends("rolled back", "it is ill");
        script
    }

    fn divided() -> Script {
        let mut script = begun();
        script.at(30 * S).canary_step("west", "unhealthy", "2.0.0");
        script.canary_ends("partial failure", "it is ill");
        let divided = ProviderEvent::CanaryDivided {
            promoted: "east:9090".into(),
            failed: "west:9090".into(),
            unchanged: "north:9090".into(),
        };
        script.push("ml-0", Event::of(divided));
        script
    }

    /// The index of the last step with this name.
    fn step(entries: &[squall_core::journal::Entry], name: &str) -> usize {
        let is = |event: &Event| matches!(event.get(), Some(ProviderEvent::CanaryStep { step, .. }) if &**step == name);
        entries.iter().rposition(|entry| is(&entry.event)).unwrap()
    }

    #[test]
    fn all_three_ends_are_sound() {
        for script in [promoted(), rolled_back(), divided()] {
            assert_holds(&CanaryEnds, script);
        }
    }

    #[test]
    fn a_promotion_of_an_ill_instance_or_of_two_versions_is_found() {
        let ill = broken(&CanaryEnds, promoted(), |entries| {
            entries.remove(step(entries, "healthy"));
        });
        assert_eq!(ill.what, "was promoted, and west:9090 is upgraded");
        let mixed = broken(&CanaryEnds, promoted(), |entries| {
            let place = step(entries, "healthy");
            let Some(ProviderEvent::CanaryStep { version, .. }) = entries[place].event.get_mut() else {
                panic!("a step")
            };
            *version = "1.0.0".into();
        });
        assert_eq!(mixed.what, "was promoted, and has 2 versions");
    }

    #[test]
    fn a_roll_back_that_leaves_somebody_behind_is_found() {
        let violation = broken(&CanaryEnds, rolled_back(), |entries| {
            entries.remove(step(entries, "rolled back"));
        });
        assert_eq!(violation.what, "was rolled back, and west:9090 is unhealthy");
    }

    #[test]
    fn a_division_that_is_not_told_or_told_wrongly_is_found() {
        let division = |event: &Event| matches!(event.get(), Some(ProviderEvent::CanaryDivided { .. }));
        let untold = broken(&CanaryEnds, divided(), |entries| {
            entries.remove(find(entries, division));
        });
        assert_eq!(untold.what, "is divided, and does not say who has what");
        let wrong = broken(&CanaryEnds, divided(), |entries| {
            let place = find(entries, division);
            let Some(ProviderEvent::CanaryDivided { promoted, failed, .. }) = entries[place].event.get_mut()
            else {
                panic!("a division")
            };
            std::mem::swap(promoted, failed);
        });
        assert_eq!(wrong.what, "says that west:9090 is promoted, and it is unhealthy");
    }

    #[test]
    fn a_canary_that_never_ends_is_found_unless_its_provider_died() {
        let mut endless = begun();
        endless.ends(200 * S);
        let (plan, journal) = endless.finish();
        let violation = CanaryEnds.check(&Run::of(&plan, &journal)).unwrap_err();
        assert_eq!(violation.what, "began at 10.000 s, and never ended");
        let mut dead = begun();
        dead.at(25 * S)
            .stop("ml-0", squall_core::journal::Death::Crashed)
            .ends(200 * S);
        assert_holds(&CanaryEnds, dead);
    }
}

//! Expectations about a provider's state, judged for each of its hosts at each listed manager.

use squall_core::calls::Moment;
use squall_core::expectation::Expectation;
use squall_core::oracle::{Run, Violation};
use squall_core::plan::Window;
use squall_core::report::micros;
use squall_core::time;
use squall_core::verdict::Judged;

use crate::evidence::{Change, Providers};
use crate::plan::ProviderState;

/// The expected state of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderExpectation {
    /// The provider or host, as named in the file.
    pub name: String,
    /// Its hosts: it must hold for each of them.
    pub hosts: Vec<String>,
    /// At which managers: it must hold at each of them.
    pub managers: Vec<String>,
    /// The window.
    pub window: Window,
    /// The check.
    pub check: ProviderCheck,
}

/// One check on a provider's state within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderCheck {
    /// It is in this state at the start of the window, or enters it later.
    Becomes(ProviderState),
    /// It is never in this state.
    Never(ProviderState),
}

impl Expectation for ProviderExpectation {
    fn text(&self) -> String {
        text(self)
    }

    fn window(&self) -> Option<&Window> {
        Some(&self.window)
    }

    fn judge(&self, run: &Run<'_>) -> Judged {
        judge(run, self)
    }

    fn in_vain(&self, run: &Run<'_>) -> Option<&'static str> {
        if matches!(self.check, ProviderCheck::Becomes(_)) {
            return None;
        }
        let providers = run.evidence::<Providers>();
        let is_known = |host: &String| {
            let mut managers = self.managers.iter();
            managers.any(|manager| !providers.changes(host, manager).is_empty())
        };
        let is_empty = !self.hosts.iter().any(is_known);
        is_empty.then_some("it never came to its manager")
    }
}

fn judge(run: &Run<'_>, expectation: &ProviderExpectation) -> Judged {
    let views = expectation.hosts.iter().flat_map(|host| {
        let managers = expectation.managers.iter();
        managers.map(move |manager| (host.as_str(), manager.as_str()))
    });
    let found: Vec<_> = views.map(|view| Found::of(run, expectation, view)).collect();
    let broken = found.iter().find(|found| !found.held);
    // The latest time is when it held for all.
    let shown = broken.or_else(|| found.iter().max_by_key(|found| found.at));
    Judged {
        name: expectation.name.clone(),
        text: text(expectation),
        held: broken.is_none(),
        judged: None,
        measured: shown.map(|found| found.measured.clone()).unwrap_or_default(),
        value: serde_json::json!({ "at_us": shown.map(|found| micros(found.at)) }),
        counterexample: broken.and_then(|found| found.violation.clone()),
    }
}

fn text(expectation: &ProviderExpectation) -> String {
    let (verb, state) = match expectation.check {
        ProviderCheck::Becomes(state) => ("becomes", state),
        ProviderCheck::Never(state) => ("never", state),
    };
    let space = if expectation.window.text.is_empty() {
        ""
    } else {
        " "
    };
    format!(
        "{}{space}{}: {verb} {}",
        expectation.name,
        expectation.window.text,
        state.name()
    )
}

/// The result for one host at one manager.
struct Found {
    held: bool,
    at: u64,
    measured: String,
    violation: Option<Violation>,
}

impl Found {
    fn of(run: &Run<'_>, expectation: &ProviderExpectation, (host, manager): (&str, &str)) -> Self {
        let from = time::nanos(expectation.window.from);
        // At the end of the run every host leaves, which is not judged.
        let over = time::nanos(run.plan.duration);
        let until = expectation.window.until.map_or(over, time::nanos).min(over);
        let providers = run.evidence::<Providers>();
        let changes = providers.changes(host, manager);
        let before = changes.iter().rfind(|(_, change)| change.moment.at < from);
        let within = || {
            let changes = changes.iter().map(|(_, change)| *change);
            changes.filter(|it| (from..until).contains(&it.moment.at))
        };
        let later = |state: ProviderState| within().find(|it| it.state == state).map(|it| it.moment.at);
        let first = |state: ProviderState| {
            let already = before.filter(|(_, change)| change.state == state).map(|_| from);
            already.or_else(|| later(state))
        };
        // The manager's state of a process that has died since is not the provider's state.
        let is_ghost = before.is_some_and(|(registered, change)| {
            change.state != ProviderState::Deregistered
                && run.history.stopped_between(host, registered.at, from)
        });
        match expectation.check {
            ProviderCheck::Becomes(state) => match if is_ghost { later(state) } else { first(state) } {
                Some(at) => Found {
                    held: true,
                    at,
                    measured: format!("at {}", time::instant(at)),
                    violation: None,
                },
                None => Found {
                    held: false,
                    at: from,
                    measured: format!("{host} is {}", stays(&changes, until)),
                    violation: None,
                },
            },
            ProviderCheck::Never(state) => {
                let found = first(state);
                let cause = within().find(|it| it.state == state).map_or("", |it| &*it.cause);
                let why = if cause.is_empty() {
                    String::new()
                } else {
                    format!(" ({cause})")
                };
                Found {
                    held: found.is_none(),
                    at: found.unwrap_or(from),
                    measured: match found {
                        None => "never".to_owned(),
                        Some(at) => format!("at {}", time::instant(at)),
                    },
                    violation: found.map(|at| Violation {
                        from: host.to_owned(),
                        to: manager.to_owned(),
                        ..run.of_world(None, at, format!("{}{why}", state.name()))
                    }),
                }
            }
        }
    }
}

/// The state at an instant.
fn stays(changes: &[(Moment, &Change)], until: u64) -> &'static str {
    let last = changes.iter().rfind(|(_, change)| change.moment.at < until);
    last.map_or("not registered", |(_, change)| change.state.name())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use squall_core::journal::{Death, Event};
    use squall_core::plan::Window;

    use super::*;
    use crate::testing::{OfAFleet, S, Script};

    /// Registered at 1 s, killed and restarted at 20 s, but registered again only at 30 s. The old lease ends at 35 s.
    fn script() -> Script {
        let mut script = Script::of_a_fleet();
        script.at(S).joins("old", "ml-0");
        script.at(20 * S).stop("ml-0", Death::Crashed);
        script
            .at(20 * S)
            .push("ml-0", Event::HostStarted { incarnation: 1 });
        script.at(30 * S).joins("new", "ml-0");
        script.at(35 * S).leaves("old", "ml-0", "heartbeat timeout");
        script
    }

    fn judged(check: ProviderCheck, from: u64, until: u64) -> Judged {
        let (plan, journal) = script().finish();
        let expectation = ProviderExpectation {
            name: "ml-0".to_owned(),
            hosts: vec!["ml-0".to_owned()],
            managers: vec!["engine".to_owned()],
            window: Window {
                from: Duration::from_secs(from),
                until: Some(Duration::from_secs(until)),
                text: String::new(),
            },
            check,
        };
        judge(&Run::of(&plan, &journal), &expectation)
    }

    #[test]
    fn a_dead_process_is_not_active_however_its_manager_sees_it() {
        let active = ProviderCheck::Becomes(ProviderState::Active);
        assert!(!judged(active, 21, 29).held);
        let back = judged(active, 21, 40);
        assert_eq!((back.held, back.measured.as_str()), (true, "at 30.000 s"));
        assert!(judged(active, 10, 15).held, "while it lived it was");
    }

    #[test]
    fn what_becomes_of_a_dead_process_is_not_what_becomes_of_its_successor() {
        let deregistered = ProviderState::Deregistered;
        assert!(judged(ProviderCheck::Never(deregistered), 31, 50).held);
        assert!(!judged(ProviderCheck::Becomes(deregistered), 31, 50).held);
    }
}

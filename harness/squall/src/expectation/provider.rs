//! What a scenario expects of a provider's state, judged: for each of its hosts, at each manager that is asked.

use crate::oracle::{Run, Violation};
use crate::plan::{ProviderCheck, ProviderExpectation, ProviderState};
use crate::providers::Change;
use crate::time;
use crate::verdict::Judged;

pub(super) fn judge(run: &Run<'_>, expectation: &ProviderExpectation) -> Judged {
    let views = expectation.hosts.iter().flat_map(|host| {
        let managers = expectation.managers.iter();
        managers.map(move |manager| (host.as_str(), manager.as_str()))
    });
    let found: Vec<_> = views.map(|view| Found::of(run, expectation, view)).collect();
    let broken = found.iter().find(|found| !found.held);
    // The latest of several is when it held for all.
    let shown = broken.or_else(|| found.iter().max_by_key(|found| found.at));
    Judged {
        name: expectation.name.clone(),
        text: text(expectation),
        held: broken.is_none(),
        measured: shown.map(|found| found.measured.clone()).unwrap_or_default(),
        counterexample: broken.and_then(|found| found.violation.clone()),
    }
}

pub(super) fn text(expectation: &ProviderExpectation) -> String {
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

/// What became of one host at one manager.
struct Found {
    held: bool,
    at: u64,
    measured: String,
    violation: Option<Violation>,
}

impl Found {
    fn of(run: &Run<'_>, expectation: &ProviderExpectation, (host, manager): (&str, &str)) -> Self {
        let from = time::nanos(expectation.window.from);
        // At the end of the run everybody leaves: nobody asks for that.
        let over = time::nanos(run.plan.duration);
        let until = expectation.window.until.map_or(over, time::nanos).min(over);
        let changes = run.providers.changes(host, manager);
        let before = changes.iter().rfind(|change| change.moment.at < from);
        let within = || changes.iter().filter(|it| (from..until).contains(&it.moment.at));
        let first = |state: ProviderState| {
            let already = before.filter(|change| change.state == state).map(|_| from);
            already.or_else(|| within().find(|it| it.state == state).map(|it| it.moment.at))
        };
        match expectation.check {
            ProviderCheck::Becomes(state) => match first(state) {
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
                let cause = within().find(|it| it.state == state).map_or("", |it| it.cause);
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
fn stays(changes: &[Change<'_>], until: u64) -> &'static str {
    let last = changes.iter().rfind(|change| change.moment.at < until);
    last.map_or("not registered", |change| change.state.name())
}

//! Expectations about the end of a canary, judged for each host that runs it.

use std::time::Duration;

use squall_core::expectation::Expectation;
use squall_core::oracle::Run;
use squall_core::plan::Window;
use squall_core::time;
use squall_core::verdict::Judged;

use crate::evidence::Providers;
use crate::plan::CanaryEnd;

/// The expected end of a canary.
#[derive(Debug, Clone, PartialEq)]
pub struct CanaryExpectation {
    /// The fault's index in the plan.
    pub fault: u32,
    /// The fault's name.
    pub name: String,
    /// The provider's hosts that run it: it must hold for each of them.
    pub hosts: Vec<String>,
    /// The expected end.
    pub ends: CanaryEnd,
    /// The maximum time from the fault's start; `None` is the end of the run.
    pub within: Option<Duration>,
}

impl Expectation for CanaryExpectation {
    fn text(&self) -> String {
        text(self)
    }

    fn window(&self) -> Option<&Window> {
        None
    }

    fn judge(&self, run: &Run<'_>) -> Judged {
        judge(run, self)
    }

    fn in_vain(&self, _run: &Run<'_>) -> Option<&'static str> {
        None
    }
}

fn judge(run: &Run<'_>, expectation: &CanaryExpectation) -> Judged {
    let found = expectation.hosts.iter().map(|host| found(run, expectation, host));
    let found: Vec<(bool, String)> = found.collect();
    let broken = found.iter().find(|(held, _)| !held);
    Judged {
        name: expectation.name.clone(),
        text: text(expectation),
        held: broken.is_none(),
        judged: None,
        measured: broken
            .or(found.last())
            .map(|(_, measured)| measured.clone())
            .unwrap_or_default(),
        value: serde_json::Value::Null,
        counterexample: None,
    }
}

fn text(expectation: &CanaryExpectation) -> String {
    let within = expectation
        .within
        .map(|within| format!(" within {}", time::exact(time::nanos(within))))
        .unwrap_or_default();
    format!("{}{within}: ends {}", expectation.name, expectation.ends.words())
}

/// Whether it holds for one host, and what was measured.
fn found(run: &Run<'_>, expectation: &CanaryExpectation, host: &str) -> (bool, String) {
    let fault = run.history.faults.get(expectation.fault as usize);
    let Some(began) = fault.and_then(|fault| fault.started) else {
        return (false, "not reached".to_owned());
    };
    let latest = expectation
        .within
        .map_or(u64::MAX, |within| began.saturating_add(time::nanos(within)));
    let providers = run.evidence::<Providers>();
    let of_host = providers.canaries.iter().filter(|canary| &*canary.host == host);
    let mut ends = of_host.filter_map(|canary| canary.end.as_ref());
    let Some(end) = ends.find(|end| end.moment.at >= began) else {
        return (false, format!("{host} has not ended it"));
    };
    let at = time::instant(end.moment.at);
    let why = if end.reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", end.reason)
    };
    let held = &*end.outcome == expectation.ends.words() && end.moment.at <= latest;
    let said = if held {
        String::new()
    } else {
        format!("{} ", end.outcome)
    };
    (held, format!("{said}at {at}{why}"))
}

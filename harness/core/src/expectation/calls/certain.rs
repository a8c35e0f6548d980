//! Vacuous expectations: bounds that no call can violate.

use std::time::Duration;

use crate::calls::{Call, ERROR_CLASSES, all_error_classes};
use crate::oracle::Run;
use crate::plan::{Arrival, Bounds, CallsExpectation, Check, Plan, Workload};
use crate::target::Causes;

/// Why no behaviour of these calls could violate the bound; `None` if some could.
pub(super) fn why(
    run: &Run<'_>,
    expectation: &CallsExpectation,
    calls: &[&Call<'_>],
) -> Option<&'static str> {
    let workload = run
        .plan
        .workloads
        .iter()
        .find(|it| it.name == expectation.workload)?;
    let count = calls.len() as u64;
    match &expectation.check {
        Check::SuccessRate(bounds) => {
            within(bounds, &0.0, Some(&1.0)).then_some("no rate is outside of that")
        }
        Check::Calls(bounds) => within(bounds, &0, calls_max(workload).as_ref())
            .then_some("no number of its calls is outside of that"),
        Check::Ok(bounds) | Check::Failed(bounds) | Check::Unknown(bounds) => {
            within(bounds, &0, Some(&count)).then_some("its window has no more calls than that")
        }
        Check::ErrorsOnly(classes) => {
            let is_there = |class: &str| classes.iter().any(|it| it == class);
            let is_every = match workload.target.causes() {
                Causes::Rpcs => all_error_classes().all(is_there),
                Causes::One | Causes::AtMostOne | Causes::Any => ERROR_CLASSES.into_iter().all(is_there),
            };
            is_every.then_some("there is no other class of errors")
        }
        Check::ErrorsNever(_) | Check::ErrorsSome(_) => None,
        Check::Latency { bounds, .. } => {
            let timeout = timeout(run.plan, workload);
            within(bounds, &Duration::ZERO, timeout.as_ref()).then_some("no call may take longer than that")
        }
    }
}

/// Whether everything from `least` to `most` is within the bounds. `None` for `most` means unbounded.
fn within<T: PartialOrd>(bounds: &Bounds<T>, least: &T, most: Option<&T>) -> bool {
    let above = bounds.at_least.as_ref().is_none_or(|bound| bound <= least);
    let below = bounds
        .at_most
        .as_ref()
        .is_none_or(|bound| most.is_some_and(|most| bound >= most));
    above && below
}

/// The maximum number of calls of a workload; unknown for a closed loop.
fn calls_max(workload: &Workload) -> Option<u64> {
    match workload.arrival {
        Arrival::Open { .. } => workload.calls_planned(),
        Arrival::Closed { .. } => workload.limit,
    }
}

/// The maximum duration of a call of a workload.
fn timeout(plan: &Plan, workload: &Workload) -> Option<Duration> {
    let usual = |from: &String| plan.topology.call_timeout(from);
    match workload.timeout {
        Some(timeout) => Some(timeout),
        // Unknown means unbounded.
        None => workload
            .from
            .iter()
            .map(usual)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max(),
    }
}

//! A scenario file.

use std::time::Duration;

use schemars::JsonSchema;

use super::custom::WithCustom;
use super::fault::Fault;
use super::workload::Workload;
use crate::custom::{SaidExpect, SaidTarget};
use crate::draw::Ranged;
use crate::file::choice::Word;
use crate::file::read::{At, Read, Value, tables, wrong_type};
use crate::file::report::Problems;
use crate::file::value::Exact;
use crate::plan::{CanaryEnd, ProviderState, Ratio};

tables! {
    /// What happens to a topology, and what must hold nevertheless
    Scenario("the scenario") {
        /// What reports call it
        name: At<String>,
        /// What one learns from it
        description: Option<At<String>>,
        /// The topology file, relative to this file
        topology: At<String>,
        /// How long the run lasts, in virtual time
        duration: At<Ranged<Duration>>,
        /// From which everything random derives. 0 when absent; the command line may say another
        seed: Option<At<u64>>,
        /// How long the run may take on the wall clock before it counts as hung. 60s when absent
        wall_limit: Option<At<Exact<Duration>>>,
        /// With which probability a ready task is put back once before it runs: explores other orders of
        /// tasks. 0 when absent
        interleave: Option<At<Ranged<Ratio>>>,
        /// Who calls whom, and how often. They run concurrently
        workload: Option<Vec<At<WithCustom<Workload, SaidTarget>>>>,
        /// What goes wrong, and when. They run concurrently
        fault: Option<Vec<At<Fault>>>,
        /// What must hold at the end
        expect: Option<Vec<At<WithCustom<Expect, SaidExpect>>>>,
    }

    /// What must hold: for the calls of a workload that start within a window (for all of them without one), for the
    /// state of a provider within a window, or for the end of a canary
    Expect("[[expect]]") {
        /// Which workload
        workload: Option<At<String>>,
        /// Instead of `workload`: which provider, with all of its hosts, or which host of one
        provider: Option<At<String>>,
        /// Instead of `workload`: which canary, by the name of its fault
        canary: Option<At<String>>,
        /// Calls that start while this fault lasts
        during: Option<At<String>>,
        /// Calls that start after this fault ended, or after this time
        after: Option<At<String>>,
        /// With `after`: so much later
        settle: Option<At<Exact<Duration>>>,
        /// Calls that start before this fault strikes, or before this time
        before: Option<At<String>>,
        /// Calls that start at this time or later
        from: Option<At<Exact<Duration>>>,
        /// Calls that start before this time
        until: Option<At<Exact<Duration>>>,
        /// The share of calls that are ok, of 0.0 to 1.0
        success_rate: Option<At<Numbers>>,
        /// How many calls
        calls: Option<At<Integers>>,
        /// How many calls are ok
        ok: Option<At<Integers>>,
        /// How many calls failed: they certainly did not happen
        failed: Option<At<Integers>>,
        /// How many calls ended without anybody knowing whether they happened
        unknown: Option<At<Integers>>,
        /// Which errors occur
        errors: Option<At<Errors>>,
        /// Quantiles of the latency of the calls that are ok
        latency: Option<At<Quantiles>>,
        /// Of a provider, only as this manager sees it. As all of its managers do when absent
        manager: Option<At<String>>,
        /// Of a provider: it is in this state when the window begins, or comes to be
        becomes: Option<At<Word<ProviderState>>>,
        /// Of a provider: it is never in this state
        never: Option<At<Word<ProviderState>>>,
        /// With `becomes`: after so much of the window. With `ends`: so long after the canary began
        within: Option<At<Exact<Duration>>>,
        /// Of a canary: how it ends
        ends: Option<At<Word<CanaryEnd>>>,
    }

    /// Inclusive bounds, at least one of them
    Numbers("`success_rate`") {
        /// The least
        at_least: Option<At<f64>>,
        /// The most
        at_most: Option<At<f64>>,
    }

    /// Inclusive bounds, at least one of them
    Integers("the bounds") {
        /// The least
        at_least: Option<At<u64>>,
        /// The most
        at_most: Option<At<u64>>,
    }

    /// Inclusive bounds, at least one of them
    Durations("the bounds") {
        /// The least
        at_least: Option<At<Exact<Duration>>>,
        /// The most
        at_most: Option<At<Exact<Duration>>>,
    }

    /// Classes of errors
    Errors("`errors`") {
        /// Every error is of one of these classes
        only: Option<At<Vec<At<String>>>>,
        /// No error is of one of these classes
        never: Option<At<Vec<At<String>>>>,
        /// At least one error is of each of these classes
        some: Option<At<Vec<At<String>>>>,
    }

    /// A duration is the most that the quantile may be
    Quantiles("`latency`") {
        /// 50 of 100
        p50: Option<At<DurationBounds>>,
        /// 90 of 100
        p90: Option<At<DurationBounds>>,
        /// 99 of 100
        p99: Option<At<DurationBounds>>,
        /// All
        max: Option<At<DurationBounds>>,
    }
}

/// The most, or bounds
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum DurationBounds {
    /// At most this
    AtMost(Exact<Duration>),
    /// Bounds
    Bounds(Durations),
}

impl Read for DurationBounds {
    const EXPECTED: &'static str = "a duration, or bounds";
    const REMEDY: &'static str =
        r#"write "50ms", which is the most, or { at_least = "10ms", at_most = "50ms" }"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.get_ref().is_table() {
            Durations::read(value, problems).map(Self::Bounds)
        } else if value.get_ref().is_str() {
            Exact::read(value, problems).map(Self::AtMost)
        } else {
            wrong_type::<Self, _>(value, problems)
        }
    }
}

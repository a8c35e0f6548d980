//! A scenario file.

use std::time::Duration;

use super::custom::WithCustom;
use super::expect::Expect;
use super::fault::Fault;
use super::workload::Workload;
use crate::custom::{SaidExpect, SaidTarget};
use crate::draw::Ranged;
use crate::file::read::{At, tables};
use crate::file::value::Exact;
use crate::plan::Ratio;

tables! {
    /// What happens to a topology, and what must hold nevertheless
    pub(crate) Scenario("the scenario") {
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
}

//! The determinism check: runs a plan twice, on two threads, and compares.

use std::sync::Arc;

use squall_core::plan::Plan;
use squall_core::run::{Difference, Failure, Run, compare};

use crate::Harness;

impl Harness {
    /// Runs a plan twice, on two threads at the same time. Returns the first run, and the first difference between the
    /// two, if any.
    ///
    /// # Errors
    /// If one of the runs does not complete.
    pub fn run_twice(&self, plan: impl Into<Arc<Plan>>) -> Result<(Run, Option<Difference>), Failure> {
        let plan = plan.into();
        let harness = self.clone().traced();
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| harness.run(plan.clone()));
            let one = harness.run(plan.clone());
            let other = other
                .join()
                .unwrap_or_else(|_| Err(Failure::Panicked("the second run".to_owned())));
            (one, other)
        });
        let (one, other) = (one?, other?);
        let difference = compare(&one, &other);
        Ok((one, difference))
    }
}

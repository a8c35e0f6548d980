//! Every successful reply comes from an execution of the same call. Spec: router S-9, S-27, W-3, section 9.
//!
//! - A hop that ends ok has an execution at its other end that ended ok.
//! - A hop without one is a duplicate: the receiver knows its idempotency key, and has executed it for the same call. If
//!   two calls share a key, one is lost, and both appear to have happened.
//! - A call that ends ok has such a hop, or such an execution in its own module. Exempt are programs, which may call
//!   nothing, and a manager's own modules, which leave no journal entries.

use std::collections::HashMap;

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Execution, Hop, Moment};
use crate::journal::Id;
use crate::target::Causes;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Executed;

impl Oracle for Executed {
    fn name(&self) -> &'static str {
        "executed"
    }

    fn promise(&self) -> &'static str {
        "what is answered was executed, and for the same call"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for call in run.calls.iter().filter(|call| run.causes(call) == Causes::One) {
            check_call(run, call, &mut first);
        }
        let keyed = Keyed::of(run);
        for (call, hop) in run.calls.hops() {
            let Some(end) = hop.end.filter(|_| hop.is_ok()) else {
                continue;
            };
            first.judges();
            if let Some(what) = complaint(run, &keyed, call, hop, end.moment) {
                first.offer(end.moment, || run.of_hop(call, hop, end.moment.at, what));
            }
        }
        first.result()
    }
}

fn check_call(run: &Run<'_>, call: &Call<'_>, first: &mut First) {
    let Some(end) = call.end.filter(|_| call.is_ok()) else {
        return;
    };
    first.judges();
    if !call.root_hops().any(Hop::is_ok) && !call.root_executions().any(Execution::is_ok) {
        let what = "was answered, but nobody handled it";
        first.offer(end.moment, || run.of_call(call, end.moment.at, what));
    }
}

fn complaint(
    run: &Run<'_>,
    keyed: &Keyed<'_, '_>,
    call: Option<&Call<'_>>,
    hop: &Hop<'_>,
    answered: Moment,
) -> Option<String> {
    if let Some(execution) = run.calls.execution(hop.span) {
        return (!execution.is_ok()).then(|| "was answered, but its handling did not end ok".to_owned());
    }
    let number = call.map(|call| call.number);
    let executions = keyed.executions(hop, answered);
    let mut others = executions.map(|(of, _)| of);
    match others.clone().next() {
        None => Some("was answered, but nobody handled it".to_owned()),
        Some(_) if others.any(|of| of == number) => None,
        Some(Some(other)) => Some(format!(
            "was answered with what call {other} was, which has the same idempotency key, and was not executed itself"
        )),
        Some(None) => Some("was answered with what no call was, and was not executed itself".to_owned()),
    }
}

/// By idempotency key: the executions, each with the number of its call.
struct Keyed<'a, 'j>(HashMap<Id, Vec<(Option<u64>, &'a Execution<'j>)>>);

impl<'a, 'j> Keyed<'a, 'j> {
    fn of(run: &'a Run<'j>) -> Self {
        let mut keyed: HashMap<_, Vec<_>> = HashMap::new();
        for (call, execution) in run.calls.executions() {
            if execution.key != Id::NONE && execution.is_ok() {
                let executions = keyed.entry(execution.key).or_default();
                executions.push((call.map(|call| call.number), execution));
            }
        }
        Keyed(keyed)
    }

    /// Executions whose result a receiver that knows the hop's key may have returned.
    fn executions(
        &self,
        hop: &'a Hop<'_>,
        answered: Moment,
    ) -> impl Iterator<Item = (Option<u64>, &'a Execution<'j>)> + Clone {
        let same = self.0.get(&hop.key).map_or(&[][..], Vec::as_slice).iter();
        same.copied()
            .filter(|(_, it)| it.is_at(hop.to))
            .filter(move |(_, it)| it.end.is_some_and(|end| end.moment <= answered))
    }
}

#[cfg(test)]
mod tests;

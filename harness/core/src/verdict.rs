//! The verdict of a run.

use serde_json::Value;

use crate::oracle::{Oracle, OwnOracle, Run, Violation};

/// The name of judgements about vacuous checks.
pub(crate) const VACUOUS: &str = "vacuous";
/// The name of judgements about incidents.
pub(crate) const INCIDENT: &str = "incident";

/// All judgments of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The scenario's expectations, in plan order.
    pub expectations: Vec<Judged>,
    /// The oracles, in the order of their lists, then user-defined ones.
    pub oracles: Vec<Judged>,
}

/// One judgment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The workload of an expectation, or the oracle's name.
    pub name: String,
    /// The expectation, or the oracle's invariant, as a statement.
    pub text: String,
    /// Whether it held.
    pub held: bool,
    /// How many things an oracle that held has judged: with zero it held vacuously.
    pub judged: Option<u64>,
    /// The measured value, as a phrase that follows the text: `is 0.9997`. Empty for oracles.
    pub measured: String,
    /// The measured value for JSON: a number, or an object. Null for oracles.
    pub value: Value,
    /// The first violation in virtual time, if a single event can show it.
    pub counterexample: Option<Violation>,
}

impl Verdict {
    /// Adds violations for vacuous checks or incidents: each text becomes an expectation of this name that does not hold.
    pub(crate) fn deny(&mut self, name: &str, texts: impl IntoIterator<Item = String>) {
        self.expectations.extend(texts.into_iter().map(|text| Judged {
            name: name.to_owned(),
            text,
            held: false,
            judged: None,
            measured: String::new(),
            value: Value::Null,
            counterexample: None,
        }));
    }

    /// Whether everything held.
    #[must_use]
    pub fn held(&self) -> bool {
        self.expectations
            .iter()
            .chain(&self.oracles)
            .all(|judged| judged.held)
    }
}

/// Judges a run by its scenario's expectations, by `oracles`, and by user-defined oracles.
#[must_use]
pub fn judge_run_with(run: &Run<'_>, oracles: &[&dyn Oracle], own: &[OwnOracle]) -> Verdict {
    let expectations = run.plan.expectations.iter();
    let own = own.iter().map(|oracle| &**oracle as &dyn Oracle);
    let oracles = oracles.iter().copied().chain(own).map(|oracle| {
        let checked = oracle.check(run);
        Judged {
            name: oracle.name().to_owned(),
            text: oracle.promise().to_owned(),
            held: checked.is_ok(),
            judged: checked.as_ref().ok().copied(),
            measured: String::new(),
            value: Value::Null,
            counterexample: checked.err(),
        }
    });
    Verdict {
        expectations: expectations.map(|expectation| expectation.judge(run)).collect(),
        oracles: oracles.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::oracle::OF_CALLS;
    use crate::plan::{Bounds, Check, Plan};
    use crate::testing::{MS, S, Script, call_end};

    fn judged(plan: &Plan, journal: &Journal) -> Verdict {
        judge_run_with(&Run::of(plan, journal), OF_CALLS, &[])
    }

    #[test]
    fn a_verdict_holds_when_all_of_it_does() {
        let mut script = Script::new();
        let ok = Check::Ok(Bounds {
            at_least: Some(1),
            at_most: None,
        });
        script.at(S).chain(1).expect(0, None, "", ok);
        let (plan, mut journal) = script.finish();
        let verdict = judged(&plan, &journal);
        assert!(verdict.held());
        assert_eq!(
            (verdict.expectations.len(), verdict.oracles.len()),
            (1, OF_CALLS.len())
        );

        let end = call_end(&journal.entries, 1);
        journal.entries[end].at += 3000 * MS;
        let verdict = judged(&plan, &journal);
        assert!(!verdict.held());
        let broken: Vec<_> = verdict.oracles.iter().filter(|judged| !judged.held).collect();
        assert_eq!((broken.len(), broken[0].name.as_str()), (1, "deadline"));
    }

    #[test]
    fn a_broken_expectation_breaks_the_verdict() {
        let mut script = Script::new();
        let calls = Check::Calls(Bounds {
            at_least: Some(1),
            at_most: None,
        });
        script.expect(0, None, "", calls);
        let (plan, journal) = script.finish();
        assert!(!judged(&plan, &journal).held());
    }
}

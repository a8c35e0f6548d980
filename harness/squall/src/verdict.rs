//! What held and what broke in a run.

use serde_json::Value;

use crate::oracle::{Oracle, OwnOracle, Run, Violation};
pub use crate::systems::oracles::{judge, judge_run};

/// What judgments of nothing are called.
pub(crate) const VACUOUS: &str = "vacuous";
/// What judgments of what nobody asked for are called.
pub(crate) const INCIDENT: &str = "incident";

/// All judgments of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the scenario expects, in the order of the plan.
    pub expectations: Vec<Judged>,
    /// What always holds, in the order of [`oracle::ALL`](crate::oracle::ALL); then what a harness has of its own.
    pub oracles: Vec<Judged>,
}

/// One judgment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The workload of an expectation, or the oracle's name.
    pub name: String,
    /// The expectation, or the oracle's promise, as a statement.
    pub text: String,
    /// Whether it held.
    pub held: bool,
    /// How many things an oracle that held has judged: with none, there was nothing that could have broken it.
    pub judged: Option<u64>,
    /// What was measured, ready to be read after the text: `is 0.9997`. Empty for oracles.
    pub measured: String,
    /// The same for programs: a number, or an object of several. Null for oracles.
    pub value: Value,
    /// The first thing in virtual time that shows that it did not hold, where one thing can show it.
    pub counterexample: Option<Violation>,
}

impl Verdict {
    /// Breaks it by what the run says nothing about, or by what nobody asked for: each of these is an expectation of this
    /// name that does not hold.
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

/// Judges a run by what its scenario expects, by `oracles`, and by promises of a user's own behind them.
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
    use crate::oracle;
    use crate::plan::{Bounds, Check};
    use crate::testing::{MS, S, Script, call_end};

    #[test]
    fn a_verdict_holds_when_all_of_it_does() {
        let mut script = Script::new();
        let ok = Check::Ok(Bounds {
            at_least: Some(1),
            at_most: None,
        });
        script.at(S).chain(1).expect(0, None, "", ok);
        let (plan, mut journal) = script.finish();
        let verdict = judge(&plan, &journal);
        assert!(verdict.held());
        assert_eq!(
            (verdict.expectations.len(), verdict.oracles.len()),
            (1, oracle::ALL.len())
        );

        let end = call_end(&journal.entries, 1);
        journal.entries[end].at += 3000 * MS;
        let verdict = judge(&plan, &journal);
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
        assert!(!judge(&plan, &journal).held());
    }
}

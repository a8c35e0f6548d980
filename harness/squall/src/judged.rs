//! A run with its verdict, ready to be shown.

use std::path::Path;

use serde_json::Value;

use crate::oracle;
use crate::plan::Plan;
use crate::report::{self, RunSummary, Style};
use crate::run::Run;
use crate::statistics::Statistics;
use crate::verdict::{INCIDENT, VACUOUS, Verdict, judge_run_with};

/// A run, what it measured, and what is to be thought of it.
#[derive(Debug)]
pub struct Judgement<'r> {
    run: &'r Run,
    statistics: Statistics,
    verdict: Verdict,
}

impl Run {
    /// Measures and judges the run, from its journal alone.
    pub fn judge(&self) -> Judgement<'_> {
        let evidence = oracle::Run::of(&self.plan, &self.journal);
        let mut statistics = Statistics::with(&evidence, &self.lists);
        let sections = self.sections.iter().map(|make| make(&evidence));
        statistics.sections = sections.filter(|it| !it.rows.is_empty()).collect();
        let mut verdict = judge_run_with(&evidence, (self.lists.oracles)(), &self.oracles);
        if self.deny_vacuous {
            verdict.deny(VACUOUS, statistics.vacuous.iter().cloned());
        }
        if self.deny_incidents {
            verdict.deny(INCIDENT, statistics.incidents.iter().map(report::incident));
        }
        Judgement {
            run: self,
            statistics,
            verdict,
        }
    }

    /// Ends the test with the report if anything broke.
    ///
    /// # Panics
    /// When an expectation or an oracle is broken.
    #[track_caller]
    pub fn assert_held(&self) {
        let judgement = self.judge();
        assert!(
            judgement.held(),
            "\n{}\n{}",
            report::banner(&self.plan),
            judgement.text(&self.replay(), Style::default())
        );
    }

    /// How to run it again: a command of `squall`, or a call of the harness where that has what the command has not.
    /// Empty when the run is of no file.
    #[must_use]
    pub fn replay(&self) -> String {
        let Some(file) = &self.file else {
            return String::new();
        };
        // A test runs in the folder of its package, and whoever reads of it may be elsewhere.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        if self.is_own {
            return format!(
                "run_file({:?}, Some({})) of this test's harness",
                file, self.plan.seed
            );
        }
        replay(&file, &self.plan)
    }
}

/// The one command that runs a plan of this file again.
pub(crate) fn replay(file: &Path, plan: &Plan) -> String {
    let file = report::shell_word(&file.display().to_string());
    let engine = plan.topology.network.engine.name();
    format!("squall run {file} --seed {} --engine {engine}", plan.seed)
}

impl Judgement<'_> {
    /// Whether everything held.
    pub fn held(&self) -> bool {
        self.verdict.held()
    }

    /// What held and what broke.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What was measured.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The report, for people. `replay` is the command that does the same again.
    pub fn text(&self, replay: &str, style: Style) -> String {
        report::text(
            &self.summary_of(replay),
            &self.run.plan,
            &self.statistics,
            &self.verdict,
            style,
        )
    }

    /// The report, for programs.
    pub fn json(&self, replay: &str) -> Value {
        report::json(&self.summary_of(replay), &self.statistics, &self.verdict)
    }

    /// The report without what differs from machine to machine: for snapshots.
    pub fn summary(&self) -> String {
        report::summary(
            &self.summary_of(""),
            &self.run.plan,
            &self.statistics,
            &self.verdict,
        )
    }

    fn summary_of(&self, replay: &str) -> RunSummary {
        let run = self.run;
        RunSummary {
            scenario: run.plan.scenario.clone(),
            topology: run.plan.topology.name.clone(),
            seed: run.plan.seed,
            virtual_time: run.virtual_time,
            wall_time: run.wall_time,
            digest: format!("{:016x}", run.digest),
            engine: run.plan.topology.network.engine.name(),
            file: run
                .file
                .as_ref()
                .map(|file| file.display().to_string())
                .unwrap_or_default(),
            panics: run.panics.clone(),
            replay: replay.to_owned(),
        }
    }
}

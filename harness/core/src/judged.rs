//! A run with its verdict, ready to be reported.

use std::path::Path;

use serde_json::Value;

use crate::oracle;
use crate::plan::Plan;
use crate::report::{self, RunSummary, Style};
use crate::run::Run;
use crate::statistics::Statistics;
use crate::verdict::{INCIDENT, VACUOUS, Verdict, judge_run_with};

/// A run, its statistics, and its verdict.
#[derive(Debug)]
pub struct Judgement<'r> {
    run: &'r Run,
    statistics: Statistics,
    verdict: Verdict,
}

impl Run {
    /// Measures and judges the run from its journal alone.
    pub fn judge(&self) -> Judgement<'_> {
        let evidence = oracle::Run::of(&self.plan, &self.journal);
        let mut statistics = Statistics::with(&evidence, self.lists);
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

    /// Panics with the report if anything was violated.
    ///
    /// # Panics
    /// If an expectation or an oracle is violated.
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

    /// How to replay it: a `squall` command, or a call of the harness if it has extensions that the command lacks.
    /// Empty if the run has no file.
    #[must_use]
    pub fn replay(&self) -> String {
        let Some(file) = &self.file else {
            return String::new();
        };
        // A test runs in its package's directory, which may not be the reader's.
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

/// The command that replays a plan of this file.
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

    /// The verdict.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The statistics.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The report as text. `replay` is the command that replays the run.
    pub fn text(&self, replay: &str, style: Style) -> String {
        report::text(
            &self.summary_of(replay),
            &self.run.plan,
            &self.statistics,
            &self.verdict,
            style,
        )
    }

    /// The report as JSON.
    pub fn json(&self, replay: &str) -> Value {
        report::json(&self.summary_of(replay), &self.statistics, &self.verdict)
    }

    /// The report without machine-dependent values: for snapshots.
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

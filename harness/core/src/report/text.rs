//! A run as one text report.

use std::fmt::Display;
use std::time::Duration;

use anstyle::AnsiColor;

use super::table::{Side, Table};
use super::{RunSummary, Style, clean, wrapped};
use indexmap::IndexMap;

use crate::custom::Section;
use crate::plan::{EngineKind, Plan};
use crate::statistics::{FaultStatistics, Incident, Statistics, WorkloadStatistics};
use crate::time;
use crate::verdict::{Judged, VACUOUS, Verdict};

/// The width of the first column of judgements: `held     `, `broken   `, `BROKEN   `.
const WORD: usize = 9;

/// The line before a run, with everything needed to replay it.
#[must_use]
pub fn banner(plan: &Plan) -> String {
    let topology = &plan.topology;
    let mut tables: IndexMap<&str, u64> = IndexMap::new();
    for group in topology.groups() {
        *tables.entry(group.table).or_default() += 1;
    }
    let parts = tables.iter().map(|(table, count)| plural(*count, table));
    let hosts = plural(topology.all_hosts().count() as u64, "host");
    let parts: Vec<String> = parts.chain([hosts]).collect();
    // The default engine is not mentioned.
    let engine = match topology.network.engine {
        EngineKind::Flow => String::new(),
        other => format!("        on {}", other.name()),
    };
    format!(
        "{}        seed {}        {}: {}{engine}",
        clean(&plan.scenario),
        plan.seed,
        clean(&topology.name),
        parts.join(", "),
    )
}

/// The report below the banner. It ends with a line break.
#[must_use]
pub fn text(
    summary: &RunSummary,
    plan: &Plan,
    statistics: &Statistics,
    verdict: &Verdict,
    style: Style,
) -> String {
    let mut page = body(plan, statistics, verdict, Some(summary), style);
    page.push('\n');
    let time = format!(
        "{} in {}{}",
        time::mark(time::nanos(summary.virtual_time)),
        seconds(summary.wall_time),
        speed(summary),
    );
    line(
        &mut page,
        &result(verdict, style),
        format!("{time}   digest {}", summary.digest),
    );
    if !verdict.held() && !summary.replay.is_empty() {
        line(&mut page, &word("replay"), &summary.replay);
    }
    page
}

/// Banner and report without values that depend on machine or build (wall time, speed, digest): for snapshots.
#[must_use]
pub fn summary(summary: &RunSummary, plan: &Plan, statistics: &Statistics, verdict: &Verdict) -> String {
    let style = Style::default();
    let mut page = format!(
        "{}\n\n{}\n",
        banner(plan),
        body(plan, statistics, verdict, None, style)
    );
    let time = time::mark(time::nanos(summary.virtual_time));
    line(&mut page, &result(verdict, style), time);
    page
}

/// `places` are where code panicked, in a text that may depend on the build.
fn body(
    plan: &Plan,
    statistics: &Statistics,
    verdict: &Verdict,
    places: Option<&RunSummary>,
    style: Style,
) -> String {
    let mut sections = Vec::new();
    if !plan.drawn.is_empty() {
        sections.push(drawn(&plan.drawn));
    }
    sections.push(workloads(&statistics.workloads));
    if !statistics.faults.is_empty() {
        sections.push(faults(&statistics.faults));
    }
    let systems = statistics.systems.iter().map(|section| section.lines.clone());
    sections.extend(systems.filter(|lines| !lines.is_empty()));
    sections.extend(statistics.sections.iter().map(own));
    if !statistics.incidents.is_empty() {
        let lines = statistics
            .incidents
            .iter()
            .flat_map(|it| incident_lines(it, places));
        sections.push(lines.collect());
    }
    let mut judgments = judgments(verdict, style);
    // Denied ones are among the judgements.
    if !verdict.expectations.iter().any(|judged| judged.name == VACUOUS) {
        let note = |note: &String| wrapped(&clean(note), &word("note"), &word(""));
        judgments.extend(statistics.vacuous.iter().flat_map(note));
    }
    sections.push(judgments);
    let sections = sections
        .iter()
        .map(|lines| lines.iter().map(|line| format!(" {line}\n")).collect::<String>());
    sections.collect::<Vec<_>>().join("\n")
}

/// A user-defined section.
fn own(section: &Section) -> Vec<String> {
    let is_number = |cell: &String| cell.starts_with(|first: char| first.is_ascii_digit());
    let side = |column: usize| match section.rows.iter().all(|row| is_number(&row[column])) {
        true => Side::Right,
        false => Side::Left,
    };
    let sides: Vec<Side> = (0..section.headings.len()).map(side).collect();
    let mut table = Table::new(&sides);
    table.row(&section.headings);
    for row in &section.rows {
        table.row(row.iter().map(|cell| clean(cell)));
    }
    table.lines()
}

fn drawn(drawn: &[(String, String)]) -> Vec<String> {
    let mut table = Table::new(&[Side::Left, Side::Left]);
    table.row(["drawn", ""]);
    for (key, value) in drawn {
        table.row([key, value]);
    }
    table.lines()
}

fn workloads(workloads: &[WorkloadStatistics]) -> Vec<String> {
    let [l, r] = [Side::Left, Side::Right];
    let mut table = Table::new(&[l, r, r, r, r, r, r, r, r, l]);
    table.row([
        "workload", "calls", "ok", "failed", "unknown", "p50", "p90", "p99", "max",
    ]);
    for workload in workloads {
        let counts = [workload.calls, workload.ok, workload.failed, workload.unknown];
        let quantiles = match workload.latency {
            Some(it) => [it.p50, it.p90, it.p99, it.max].map(time::measured),
            None => ["-"; 4].map(str::to_owned),
        };
        let errors = workload
            .errors
            .iter()
            .map(|(class, count)| format!("{class} {count}"));
        let errors = errors.collect::<Vec<_>>().join(", ");
        let cells = [workload.name.clone()]
            .into_iter()
            .chain(counts.map(|count| count.to_string()));
        table.row(cells.chain(quantiles).chain([errors]));
    }
    table.lines()
}

fn faults(faults: &[FaultStatistics]) -> Vec<String> {
    let mut table = Table::new(&[Side::Left, Side::Left, Side::Left, Side::Left]);
    table.row(["fault"]);
    for fault in faults {
        let window = match (fault.started, fault.ended) {
            (None, _) => "not reached".to_owned(),
            (Some(from), Some(until)) if from == until => time::mark(from),
            (Some(from), None) => format!("{} ..", time::mark(from)),
            (Some(from), Some(until)) => format!("{} .. {}", time::mark(from), time::mark(until)),
        };
        table.row([fault.name.clone(), window, fault.text.clone(), effects(fault)]);
    }
    table.lines()
}

/// `1204 segments held, 988 calls touched`: counters above zero, or a note that nothing happened.
fn effects(fault: &FaultStatistics) -> String {
    if fault.started.is_none() {
        return String::new();
    }
    let touched = [
        (fault.held, "segment", "held"),
        (fault.lost, "segment", "lost"),
        (fault.delayed, "segment", "delayed"),
        (fault.dropped, "segment", "dropped"),
        (fault.refused, "connect", "refused"),
        (fault.reset, "connection", "reset"),
    ];
    let own = fault.own.iter().map(|own| (own.count, own.what, own.how));
    let touched = touched.into_iter().chain(own).filter(|(count, ..)| *count > 0);
    let mut effects: Vec<String> = touched
        .map(|(count, what, how)| format!("{} {how}", plural(count, what)))
        .collect();
    effects.push(match fault.calls {
        0 => "no call touched".to_owned(),
        calls => format!("{} touched", plural(calls, "call")),
    });
    effects.join(", ")
}

/// An incident in one line.
pub fn incident(incident: &Incident) -> String {
    let (kind, what) = told(incident);
    format!("{kind}: {what}")
}

/// Its kind, and its description.
fn told(incident: &Incident) -> (&'static str, String) {
    match incident {
        Incident::HostFailed { host, at, error } => {
            let error = match &**error {
                "" => String::new(),
                error => format!(": {}", clean(error)),
            };
            let at = time::instant(*at);
            ("host", format!("{host} ended by itself at {at}{error}"))
        }
        Incident::Panicked {
            host,
            tasks,
            at,
            message,
        } => ("panic", panicked(&plural(*tasks, "task"), host, *at, message)),
        Incident::HandlersPanicked {
            host,
            handlers,
            at,
            message,
        } => (
            "panic",
            panicked(&plural(*handlers, "handler"), host, *at, message),
        ),
        Incident::Stray { host, tasks, .. } => {
            let tasks = plural(*tasks, "task");
            let what = format!("{tasks} of {host}: started with tokio::spawn, not stopped with their host");
            ("stray", what)
        }
        Incident::Escaped {
            host,
            times,
            at,
            what,
            ..
        } => {
            let times = plural(*times, "time");
            let since = time::instant(*at);
            ("escape", format!("{host} {what}, {times} since {since}"))
        }
    }
}

fn panicked(who: &str, host: &str, at: u64, message: &str) -> String {
    let (first, message) = (time::instant(at), clean(message));
    format!("{who} of {host}, the first at {first}: {message}")
}

/// The violation, then its place, then a remedy.
fn incident_lines(incident: &Incident, places: Option<&RunSummary>) -> Vec<String> {
    let (kind, what) = told(incident);
    let mut lines = vec![format!("{}{what}", word(kind))];
    match incident {
        Incident::HostFailed { .. } => {}
        Incident::Panicked { message, .. } | Incident::HandlersPanicked { message, .. } => {
            for site in places.into_iter().flat_map(|summary| summary.panics_of(message)) {
                lines.push(format!("{}at {}", word(""), clean(&site.location)));
                let steps = site.backtrace().into_iter();
                lines.extend(steps.map(|step| format!("{}   {}", word(""), clean(&step))));
            }
        }
        Incident::Stray { place, .. } => lines.push(format!("{}the first at {place}", word(""))),
        Incident::Escaped { what, place, .. } => {
            let remedy = match what {
                _ if what.starts_with("sleeps") => {
                    "virtual time stands still meanwhile: use tokio::time::sleep, in a component or a service"
                }
                _ if what.contains("socket") => {
                    "it is refused in a run: a service uses site.listen and site.connector, a component calls modules"
                }
                _ if what.contains("resolver") => {
                    "it is refused in a run: channels connect with site.connector(), all else with site.connect"
                }
                _ => {
                    "nothing that runs elsewhere repeats: a service uses tokio::spawn, a component Output::spawn"
                }
            };
            if !place.is_empty() {
                lines.push(format!("{}in {place}", word("")));
            }
            lines.push(format!("{}{remedy}", word("")));
        }
    }
    lines
}

fn judgments(verdict: &Verdict, style: Style) -> Vec<String> {
    let mut table = Table::new(&[Side::Left, Side::Left]);
    for judged in &verdict.expectations {
        table.row([&judged.text, &judged.measured]);
    }
    let mut lines = Vec::new();
    for (judged, row) in verdict.expectations.iter().zip(table.lines()) {
        lines.push(format!("{}{row}", held(judged.held, style)));
        lines.extend(first(judged));
    }
    for judged in verdict.oracles.iter().filter(|judged| !judged.held) {
        lines.push(format!("{}{}: {}", held(false, style), judged.name, judged.text));
        lines.extend(first(judged));
    }
    lines.extend(oracles_that_held(verdict, style));
    lines
}

/// How many, and how many of them held vacuously.
fn oracles_that_held(verdict: &Verdict, style: Style) -> Option<String> {
    let all = || verdict.oracles.iter().filter(|judged| judged.held);
    let count = all().count() as u64;
    let idle = all().filter(|judged| judged.judged == Some(0)).count();
    let idle = match idle {
        0 => String::new(),
        idle => format!(" ({idle} had nothing to judge)"),
    };
    (count > 0).then(|| format!("{}{}{idle}", held(true, style), plural(count, "oracle")))
}

fn first(judged: &Judged) -> Option<String> {
    let counterexample = judged.counterexample.as_ref()?;
    Some(format!(
        "{}first: {}",
        word(""),
        clean(&counterexample.to_string())
    ))
}

fn held(held: bool, style: Style) -> String {
    if held {
        coloured("held", AnsiColor::Green, style)
    } else {
        coloured("broken", AnsiColor::Red, style)
    }
}

fn result(verdict: &Verdict, style: Style) -> String {
    if verdict.held() {
        coloured("HELD", AnsiColor::Green, style)
    } else {
        coloured("BROKEN", AnsiColor::Red, style)
    }
}

fn coloured(text: &str, colour: AnsiColor, style: Style) -> String {
    let padding = " ".repeat(WORD.saturating_sub(text.len()));
    if !style.colours {
        return format!("{text}{padding}");
    }
    let ansi = colour.on_default().bold();
    format!("{ansi}{text}{ansi:#}{padding}")
}

fn word(text: &str) -> String {
    format!("{text:<WORD$}")
}

fn line(page: &mut String, word: &str, rest: impl Display) {
    page.push_str(&format!(" {word}{rest}\n"));
}

fn seconds(wall: Duration) -> String {
    format!("{:.2} s", wall.as_secs_f64())
}

/// `None` if the run was too short to measure.
fn speed(summary: &RunSummary) -> String {
    let wall = summary.wall_time.as_secs_f64();
    if wall <= 0.0 {
        return String::new();
    }
    let speed = summary.virtual_time.as_secs_f64() / wall;
    if speed < 10.0 {
        format!(" ({speed:.1}x)")
    } else {
        format!(" ({speed:.0}x)")
    }
}

/// A count with its noun.
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

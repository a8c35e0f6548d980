//! `[[workload]]`

mod target;

use std::ops::Range;
use std::time::Duration;

use super::{before_end, exactly_one, not_zero, span};
use crate::custom::SaidTarget;
use crate::draw::Ranged;
use crate::file::names::{Names, check_name};
use crate::file::raw::custom::WithCustom;
use crate::file::raw::workload as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::targets::Calls;
use crate::file::value::Count;
use crate::plan::Topology;
use crate::scenario::{End, OpenArrival, OpenWorkload};
use crate::units::Unit;

/// Each client has a task. The limit is far above the concurrent calls of one connection.
const CLIENTS_MAX: u64 = 100_000;

pub(super) fn resolve(
    said: &At<WithCustom<raw::Workload, SaidTarget>>,
    (topology, components): (&Topology, &Names),
    duration: Ranged<Duration>,
    problems: &mut Problems,
) -> Option<OpenWorkload> {
    let raw::Workload {
        source, stream: raw, ..
    } = &said.table;
    check_name("workload", &source.name, problems);
    let from = topology.select(&source.from, problems);
    let calls = Calls {
        span: &said.span,
        from: from.as_deref(),
        from_span: &source.from.span,
        target: &said.target,
        carried: &said.carried,
        topology,
        names: components,
    };
    let target = target::resolve(said, &calls, problems);
    let arrival = arrival(raw, &said.span, problems);
    let end = end(raw, duration, problems);
    at_least_one("limit", raw.limit.as_ref(), problems);
    not_zero("timeout", raw.timeout.as_ref(), problems);
    Some(OpenWorkload {
        name: source.name.value.clone(),
        from: from?,
        target: target?,
        arrival: arrival?,
        start: start(raw),
        end: end?,
        limit: raw.limit.as_ref().map(|limit| limit.0),
        timeout: raw.timeout.as_ref().map(|timeout| timeout.value),
    })
}

fn arrival(raw: &raw::Stream, place: &Range<usize>, problems: &mut Problems) -> Option<OpenArrival> {
    let keys = [("rate", span(&raw.rate)), ("clients", span(&raw.clients))];
    let one = exactly_one("[[workload]]", place, &keys, problems);
    if let (Some(rate), None, Some(think)) = (&raw.rate, &raw.clients, &raw.think) {
        let problem = Problem::new("an open loop has no `think`")
            .at(&think.span, "clients think")
            .at(&rate.span, "with a rate there are no clients")
            .help("drop `think`, or write `clients` instead of `rate`");
        problems.add(problem);
    }
    at_least_one("clients", raw.clients.as_ref(), problems);
    if let Some(clients) = raw.clients.as_ref().filter(|clients| clients.0.max > CLIENTS_MAX) {
        problems.add(
            Problem::new("too many clients").at(&clients.span, format!("expected at most {CLIENTS_MAX}")),
        );
        return None;
    }
    one?;
    Some(match (&raw.rate, &raw.clients) {
        (Some(rate), _) => OpenArrival::Open(rate.value),
        (None, clients) => OpenArrival::Closed {
            clients: clients.as_ref()?.0,
            think: raw
                .think
                .as_ref()
                .map_or(Ranged::exactly(Duration::ZERO), |think| think.value),
        },
    })
}

fn start(raw: &raw::Stream) -> Ranged<Duration> {
    raw.start
        .as_ref()
        .map_or(Ranged::exactly(Duration::ZERO), |start| start.value)
}

fn end(raw: &raw::Stream, duration: Ranged<Duration>, problems: &mut Problems) -> Option<End> {
    before_end("the workload starts", raw.start.as_ref(), duration, problems);
    not_zero("for", raw.r#for.as_ref(), problems);
    match (&raw.end, &raw.r#for) {
        (None, None) => Some(End::OfRun),
        (None, Some(length)) => Some(End::For(length.value)),
        (Some(end), None) => {
            if end.min <= start(raw).max {
                let start = start(raw).max.say();
                let problem = Problem::new("the workload ends before it starts")
                    .at(&end.span, format!("expected more than {start}, when it starts"));
                problems.add(problem);
            }
            Some(End::At(end.value))
        }
        (Some(end), Some(length)) => {
            let keys = [("end", Some(&end.span)), ("for", Some(&length.span))];
            exactly_one("[[workload]]", &end.span, &keys, problems);
            None
        }
    }
}

fn at_least_one(key: &str, count: Option<&At<Count>>, problems: &mut Problems) {
    if let Some(count) = count.filter(|count| count.0.min == 0) {
        problems.add(Problem::new(format!("`{key}` is 0")).at(&count.span, "expected at least 1"));
    }
}

//! The behaviour of a module, checked against its types.

use squall_core::file::latency;
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::plan::Ratio;
use squall_engine::ModuleSpec;
use squall_value::CType;

use super::ctype::{self, written};
use super::raw::{self, HandlerKind};
use crate::plan::{Answer, Flaky, Handler};

/// The handler of a module with these types.
pub(crate) fn handler(
    raw: &At<raw::Handler>,
    input: &CType,
    output: &CType,
    problems: &mut Problems,
) -> Option<Handler> {
    let delay = raw.delay.as_ref().map(|delay| latency::exact(delay, problems));
    let flaky = raw.flaky.as_ref().map(|flaky| flaky_times(flaky, problems));
    let answer = answer(raw, input, output, problems);
    Some(Handler {
        answer: answer?,
        delay: delay.map_or(Some(None), |delay| delay.map(Some))?,
        errors: raw.errors.as_ref().map_or(Ratio::ZERO, |errors| errors.0),
        flaky,
    })
}

fn flaky_times(raw: &At<raw::Flaky>, problems: &mut Problems) -> Flaky {
    for (key, time) in [("ok", &raw.ok), ("failing", &raw.failing)] {
        if time.0.is_zero() {
            problems.add(Problem::new(format!("`{key}` is 0")).at(&time.span, "expected more than 0"));
        }
    }
    Flaky {
        ok: raw.ok.0,
        failing: raw.failing.0,
    }
}

fn answer(raw: &At<raw::Handler>, input: &CType, output: &CType, problems: &mut Problems) -> Option<Answer> {
    let kind = raw.kind.0;
    let keys = [
        (
            "output",
            raw.output.as_ref().map(|it| &it.span),
            HandlerKind::Fixed,
        ),
        (
            "message",
            raw.message.as_ref().map(|it| &it.span),
            HandlerKind::Error,
        ),
    ];
    for (key, span, belongs_to) in keys {
        let Some(span) = span.filter(|_| kind != belongs_to) else {
            continue;
        };
        let problem = Problem::new(format!("this handler has no `{key}`"))
            .at(span, "this is for another kind")
            .at(&raw.kind.span, "this is the kind")
            .help(format!("drop `{key}`, or write another `kind`"));
        problems.add(problem);
    }
    match kind {
        HandlerKind::Fixed => {
            let Some(data) = &raw.output else {
                let problem = Problem::new("a fixed answer needs an `output`")
                    .at(&raw.span, "`output` is missing here")
                    .help(format!("add `output`, a value of type {}", written(output)));
                problems.add_missing(problem);
                return None;
            };
            ctype::value(data, output, problems).map(Answer::Fixed)
        }
        HandlerKind::Echo => {
            check_echo(raw, input, output, problems);
            Some(Answer::Echo)
        }
        HandlerKind::Error => {
            let message = raw.message.as_ref();
            Some(Answer::Error(message.map_or_else(
                || "it fails".to_owned(),
                |message| message.value.clone(),
            )))
        }
    }
}

/// The fields of the reply must exist.
fn check_echo(raw: &raw::Handler, input: &CType, output: &CType, problems: &mut Problems) {
    let given = ModuleSpec::inputs_of(input);
    let wanted = ModuleSpec::inputs_of(output);
    for (name, wanted) in wanted.iter() {
        let why = match given.get(name) {
            Some(given) if given == wanted => continue,
            Some(given) => format!("it is {} there", written(given)),
            None => "it is not there".to_owned(),
        };
        let problem = Problem::new(format!(
            "the output's `{name}`, {}, is not in the input",
            written(wanted)
        ))
        .at(&raw.kind.span, why)
        .help("an echo answers with those fields of its input that the output declares");
        problems.add(problem);
    }
}

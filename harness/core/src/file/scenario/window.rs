//! The window of an `[[expect]]`: resolves its faults and times.

use std::ops::Range;
use std::time::Duration;

use super::{exactly_one, span};
use crate::draw::Ranged;
use crate::file::names::unknown;
use crate::file::raw::expect as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::scenario::{Moment, OpenFault, OpenWindow};
use crate::units::Unit;

/// Resolves windows.
pub(crate) struct Windows<'a> {
    pub(crate) faults: &'a [OpenFault],
    pub(crate) duration: Ranged<Duration>,
    /// The table's position.
    pub(crate) place: &'a Range<usize>,
    pub(crate) problems: &'a mut Problems,
}

impl Windows<'_> {
    pub(crate) fn window(&mut self, raw: &raw::When) -> Option<OpenWindow> {
        let place = self.place;
        let at_most_one = |keys: &[(&str, Option<&Range<usize>>)], problems: &mut Problems| {
            let several = keys.iter().filter(|(_, span)| span.is_some()).count() > 1;
            if several {
                exactly_one("[[expect]]", place, keys, problems).map(|_| ())
            } else {
                Some(())
            }
        };
        let (during, after, from) = (span(&raw.during), span(&raw.after), span(&raw.from));
        let (before, until) = (span(&raw.before), span(&raw.until));
        at_most_one(
            &[("during", during), ("after", after), ("from", from)],
            self.problems,
        )?;
        at_most_one(
            &[("during", during), ("before", before), ("until", until)],
            self.problems,
        )?;
        if let (Some(settle), None) = (&raw.settle, &raw.after) {
            let problem = Problem::new("`settle` without `after`")
                .at(&settle.span, "after what?")
                .help("add `after`, or write `from` for a time");
            self.problems.add(problem);
        }
        if let Some(during) = &raw.during {
            let fault = self.fault(during)?;
            let is_instant = |(_, length): (&str, Ranged<Duration>)| length.max.is_zero();
            if self.faults[fault].length.is_some_and(is_instant) {
                let problem = Problem::new(format!("the fault `{}` happens at one instant", during.value))
                    .at(&during.span, "no call can start during it")
                    .help("write `after`, or `from` and `until`");
                self.problems.add(problem);
                return None;
            }
            let until = self.faults[fault].length.map(|_| Moment::End {
                fault,
                settle: Duration::ZERO,
            });
            let from = Moment::Start { fault };
            return Some(OpenWindow {
                from,
                until,
                text: format!("during {}", during.value),
            });
        }
        let lower = self.lower(raw);
        let upper = self.upper(raw);
        let ((from, mut text), upper) = (lower?, upper?);
        let (until, upper_text) = upper.unzip();
        if let Some(upper_text) = upper_text {
            text = if text.is_empty() {
                upper_text
            } else {
                format!("{text}, {upper_text}")
            };
        }
        self.check_not_empty(raw, from, until);
        Some(OpenWindow { from, until, text })
    }

    /// The start of the window, with its text.
    fn lower(&mut self, raw: &raw::When) -> Option<(Moment, String)> {
        if let Some(from) = &raw.from {
            return Some((Moment::Time(from.0), format!("from {}", from.0.say())));
        }
        let Some(after) = &raw.after else {
            return Some((Moment::Time(Duration::ZERO), String::new()));
        };
        let settle = raw.settle.as_ref().map(|settle| settle.0);
        let text = settle.map_or_else(
            || format!("after {}", after.value),
            |settle| format!("from {} after {}", settle.say(), after.value),
        );
        let settle = settle.unwrap_or_default();
        if let Ok(time) = Duration::parse(after) {
            return Some((Moment::Time(time + settle), text));
        }
        let fault = self.fault(after)?;
        if self.faults[fault].length.is_none() {
            let problem = Problem::new(format!("the fault `{}` has no end", after.value))
                .at(&after.span, "there is no time after it")
                .help("give the fault a `for`, or write `during`");
            self.problems.add(problem);
            return None;
        }
        Some((Moment::End { fault, settle }, text))
    }

    /// The end of the window, with its text; an inner `None` is the end of the run.
    fn upper(&mut self, raw: &raw::When) -> Option<Option<(Moment, String)>> {
        if let Some(until) = &raw.until {
            return Some(Some((Moment::Time(until.0), format!("until {}", until.0.say()))));
        }
        let Some(before) = &raw.before else {
            return Some(None);
        };
        let moment = match Duration::parse(before) {
            Ok(time) => Moment::Time(time),
            Err(_) => Moment::Start {
                fault: self.fault(before)?,
            },
        };
        Some(Some((moment, format!("before {}", before.value))))
    }

    /// The index of a fault.
    fn fault(&mut self, name: &At<String>) -> Option<usize> {
        let place = self.faults.iter().position(|fault| fault.name == name.value);
        if place.is_none() {
            let names = self.faults.iter().map(|fault| fault.name.as_str());
            unknown("fault", name, &name.span, names, self.problems);
        }
        place
    }

    /// Adds a problem if a window is empty for some seed: an expectation without events proves nothing.
    fn check_not_empty(&mut self, raw: &raw::When, from: Moment, until: Option<Moment>) {
        let latest = from.range(self.faults).max;
        let run_end = self.duration.min;
        let until = until.map(|until| until.range(self.faults).min);
        let earliest = until.map_or(run_end, |until| until.min(run_end));
        if latest < earliest {
            return;
        }
        let lower = span(&raw.after).or(span(&raw.from));
        let upper = span(&raw.before).or(span(&raw.until));
        let end = if until.is_some_and(|until| until <= run_end) {
            "the window"
        } else {
            "the run"
        };
        let label = format!(
            "it begins at {}, and {end} ends at {}",
            latest.say(),
            earliest.say()
        );
        let problem = Problem::new("the window of this expectation is empty")
            .at(lower.or(upper).unwrap_or(self.place), label)
            .help("no call can start in it: move its ends apart, for every seed");
        self.problems.add(problem);
    }
}

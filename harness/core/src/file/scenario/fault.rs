//! `[[fault]]`: the checks common to all kinds. Their own checks are in [`crate::faults`].

mod overlaps;

use std::time::Duration;

use super::{before_end, exactly_one, not_zero};
use crate::custom::Extended;
use crate::draw::Ranged;
use crate::faults::{Lasts, Said};
use crate::file::names::check_name;
use crate::file::raw::fault as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::Topology;
use crate::scenario::OpenFault;
use crate::units::Unit;

pub(super) use overlaps::check as check_overlaps;

/// A fault that outlasts the run is not cut: the run ends first.
pub(super) fn resolve(
    place: usize,
    raw: &At<raw::Fault>,
    topology: &Topology,
    duration: Ranged<Duration>,
    problems: &mut Problems,
) -> Option<OpenFault> {
    if let Some(name) = &raw.name {
        check_fault_name(name, problems);
    }
    before_end("the fault strikes", Some(&raw.at), duration, problems);
    not_zero("for", raw.r#for.as_ref(), problems);
    let given = |key: &str| raw.kinds.iter().find(|kind| kind.key() == key);
    let kinds = problems.kinds();
    let keys: Vec<_> = kinds
        .all_faults()
        .map(|kind| (kind.key, given(kind.key).map(|kind| kind.span())))
        .collect();
    let one = exactly_one("[[fault]]", &raw.span, &keys, problems);
    // With several keys, the duration is checked for the first with its own: the others must be removed anyway.
    let said = raw.kinds.iter().find(|kind| !matches!(kind.lasts(), Lasts::For));
    let said = said.or(raw.kinds.first());
    let length = said.and_then(|kind| length(&**kind, raw, problems));
    let kind = given(one?)?;
    Some(OpenFault {
        name: raw
            .name
            .as_ref()
            .map_or_else(|| format!("#{}", place + 1), |name| name.value.clone()),
        at: raw.at.value,
        length,
        kind: kind.check(topology, problems)?,
    })
}

fn check_fault_name(name: &At<String>, problems: &mut Problems) {
    check_name("fault", name, problems);
    if Duration::parse(name).is_ok() {
        let problem = Problem::new(format!("`{}` cannot be the name of a fault", name.value))
            .at(&name.span, "this reads as a time")
            .help("in `after` and `before` of an [[expect]] it would be taken for one: choose another name");
        problems.add(problem);
    }
}

/// Its duration, with the key that sets it.
fn length(
    kind: &dyn Said,
    raw: &raw::Fault,
    problems: &mut Problems,
) -> Option<(&'static str, Ranged<Duration>)> {
    let has_none = || Problem::new(format!("a {} has no `for`", kind.key()));
    match kind.lasts() {
        Lasts::For => raw.r#for.as_ref().map(|length| ("for", length.value)),
        Lasts::Own(key, own) => {
            not_zero(key, Some(own), problems);
            if let Some(length) = &raw.r#for {
                let problem = has_none()
                    .at(&length.span, "how long the fault lasts")
                    .at(&own.span, format!("`{key}` says that already"))
                    .help("drop `for`");
                problems.add(problem);
            }
            Some((key, own.value))
        }
        Lasts::Instant(help) => {
            if let Some(length) = &raw.r#for {
                let problem = has_none()
                    .at(&length.span, "how long the fault lasts")
                    .at(kind.span(), "this happens at one instant")
                    .help(help);
                problems.add(problem);
            }
            Some(("for", Ranged::exactly(Duration::ZERO)))
        }
    }
}

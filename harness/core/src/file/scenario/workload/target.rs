//! The target of a workload. Each kind is checked by its system.

use std::sync::Arc;

use crate::custom::{Extended, SaidTarget};
use crate::file::raw::custom::WithCustom;
use crate::file::raw::workload as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::scenario::exactly_one;
use crate::file::targets::Calls;
use crate::plan::Target;

pub(super) fn resolve(
    said: &At<WithCustom<raw::Workload, SaidTarget>>,
    calls: &Calls<'_>,
    problems: &mut Problems,
) -> Option<Arc<dyn Target>> {
    let kinds = problems.kinds();
    let own = |key: &str| said.custom.iter().find(|own| own.name.value == key);
    let all = || kinds.lists.all_targets();
    let built_in = all().map(|kind| (kind.key.name, calls.target.span(kind.key.name)));
    let of_own = kinds.targets.iter();
    let of_own = of_own.map(|key| (*key, own(key).map(|own| &own.name.span)));
    let keys: Vec<_> = built_in.chain(of_own).collect();
    let one = exactly_one("[[workload]]", &said.span, &keys, problems)?;
    if let Some(own) = own(one) {
        let help = format!("what every call carries is the value of `{one}`");
        check_carried(None, &help, calls, problems);
        return kinds.lists.own_target?(own, calls, problems);
    }
    let kind = all().find(|kind| kind.key.name == one)?;
    check_carried(Some(kind.carries.name), kind.carries_what, calls, problems);
    (kind.check)(calls, problems)
}

/// Checks that there are no payload keys of other kinds.
fn check_carried(carries: Option<&str>, help: &str, calls: &Calls<'_>, problems: &mut Problems) {
    let carried = problems.kinds().lists.carried;
    for key in carried.iter().filter(|key| carries != Some(key.name)) {
        if let Some(place) = calls.carried.span(key.name) {
            let problem = Problem::new(format!("this workload has no `{}`", key.name))
                .at(place, "this is for another kind of call")
                .help(help);
            problems.add(problem);
        }
    }
}

//! `[[fault]]`

mod of_a_module;
mod of_a_provider;
mod overlaps;
mod rollouts;

use std::ops::Range;
use std::time::Duration;

use super::{before_end, exactly_one, not_zero, span};
use crate::draw::Ranged;
use crate::file::hosts::{Ends, pairs};
use crate::file::latency;
use crate::file::names::check_name;
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::plan::{Connects, FaultKind, Pairs, Topology};
use crate::scenario::{OpenFault, OpenFaultKind};
use crate::units::Unit;

pub(super) use overlaps::check as check_overlaps;
pub(super) use rollouts::check as check_rollouts;

/// A fault that reaches past the run's end stays as it is: the run ends first.
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
    let keys = [
        ("partition", span(&raw.partition)),
        ("latency", span(&raw.latency)),
        ("loss", span(&raw.loss)),
        ("bandwidth", span(&raw.bandwidth)),
        ("hold", span(&raw.hold)),
        ("reset", span(&raw.reset)),
        ("refuse", span(&raw.refuse)),
        ("blackhole", span(&raw.blackhole)),
        ("kill", span(&raw.kill)),
        ("crash", span(&raw.crash)),
        ("restart", span(&raw.restart)),
        ("pause", span(&raw.pause)),
        ("clock", span(&raw.clock)),
        ("drain", span(&raw.drain)),
        ("remove", span(&raw.remove)),
        ("move", span(&raw.r#move)),
        ("close", span(&raw.close)),
        ("announce", span(&raw.announce)),
        ("heartbeat_loss", span(&raw.heartbeat_loss)),
        ("drain_provider", span(&raw.drain_provider)),
        ("canary", span(&raw.canary)),
    ];
    let one = exactly_one("[[fault]]", &raw.span, &keys, problems);
    let length = length(raw, problems);
    one?;
    Some(OpenFault {
        name: raw
            .name
            .as_ref()
            .map_or_else(|| format!("#{}", place + 1), |name| name.value.clone()),
        at: raw.at.value,
        length,
        kind: kind(raw, topology, problems)?,
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

/// What happens at one instant, where that stands, and what to do for it to last.
fn instant(raw: &raw::Fault) -> Option<(&'static str, &Range<usize>, &'static str)> {
    let reset = span(&raw.reset).map(|place| {
        let help = "drop `for`; to keep connections from coming back, add a `refuse` or a `blackhole`";
        ("reset", place, help)
    });
    let drain = span(&raw.drain_provider).map(|place| {
        let help = "drop `for`: a provider that was drained has left; how long it may take is its `deadline`";
        ("drain_provider", place, help)
    });
    let canary = span(&raw.canary).map(|place| {
        let help = "drop `for`: a canary ends by itself, one `observation_window` after the other";
        ("canary", place, help)
    });
    reset.or(drain).or(canary)
}

/// How long it lasts, and the key that says so.
fn length(raw: &raw::Fault, problems: &mut Problems) -> Option<(&'static str, Ranged<Duration>)> {
    if let Some((what, place, help)) = instant(raw) {
        if let Some(length) = &raw.r#for {
            let problem = Problem::new(format!("a {what} has no `for`"))
                .at(&length.span, "how long the fault lasts")
                .at(place, "this happens at one instant")
                .help(help);
            problems.add(problem);
        }
        return Some(("for", Ranged::exactly(Duration::ZERO)));
    }
    let Some(restart) = &raw.restart else {
        return raw.r#for.as_ref().map(|length| ("for", length.value));
    };
    not_zero("down", Some(&restart.down), problems);
    if let Some(length) = &raw.r#for {
        let problem = Problem::new("a restart has no `for`")
            .at(&length.span, "how long the fault lasts")
            .at(&restart.down.span, "`down` says that already")
            .help("drop `for`");
        problems.add(problem);
    }
    Some(("down", restart.down.value))
}

fn kind(raw: &raw::Fault, topology: &Topology, problems: &mut Problems) -> Option<OpenFaultKind> {
    let mut hosts = |targets: &raw::Targets| topology.select(&targets.hosts, problems);
    let plain = if let Some(targets) = &raw.kill {
        FaultKind::Kill {
            hosts: hosts(targets)?,
        }
    } else if let Some(targets) = &raw.crash {
        FaultKind::Crash {
            hosts: hosts(targets)?,
        }
    } else if let Some(targets) = &raw.pause {
        FaultKind::Pause {
            hosts: hosts(targets)?,
        }
    } else if let Some(restart) = &raw.restart {
        FaultKind::Kill {
            hosts: topology.select(&restart.hosts, problems)?,
        }
    } else if let Some(partition) = &raw.partition {
        FaultKind::Partition(partition_pairs(partition, topology, problems)?)
    } else if let Some(loss) = &raw.loss {
        let ends = Ends {
            between: &loss.between,
            and: &loss.and,
            from: &loss.from,
            to: &loss.to,
        };
        let pairs = ends.pairs("`loss`", &loss.span, topology, problems)?;
        return Some(OpenFaultKind::Loss {
            pairs,
            ratio: loss.ratio.value,
        });
    } else if let Some(bandwidth) = &raw.bandwidth {
        let ends = Ends {
            between: &bandwidth.between,
            and: &bandwidth.and,
            from: &bandwidth.from,
            to: &bandwidth.to,
        };
        let pairs = ends.pairs("`bandwidth`", &bandwidth.span, topology, problems)?;
        return Some(OpenFaultKind::Bandwidth {
            pairs,
            rate: bandwidth.rate.value,
        });
    } else if let Some(links) = &raw.hold {
        FaultKind::Hold(link_pairs("`hold`", links, topology, problems)?)
    } else if let Some(links) = &raw.reset {
        FaultKind::Reset(link_pairs("`reset`", links, topology, problems)?)
    } else if let Some(raw) = &raw.refuse {
        FaultKind::Refuse(connects("`refuse`", raw, topology, problems)?)
    } else if let Some(raw) = &raw.blackhole {
        FaultKind::Blackhole(connects("`blackhole`", raw, topology, problems)?)
    } else if let Some(clock) = &raw.clock {
        return clock_shift(clock, topology, problems);
    } else if let Some(kind) = of_a_module::kind(raw, topology, problems) {
        return kind;
    } else if let Some(kind) = of_a_provider::kind(raw, topology, problems) {
        return kind;
    } else {
        return link_latency(raw.latency.as_ref()?, topology, problems);
    };
    Some(OpenFaultKind::Plain(plain))
}

fn link_pairs(
    table: &str,
    raw: &At<raw::Links>,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<Pairs> {
    let ends = Ends {
        between: &raw.between,
        and: &raw.and,
        from: &raw.from,
        to: &raw.to,
    };
    ends.pairs(table, &raw.span, topology, problems)
}

fn connects(
    table: &str,
    raw: &At<raw::Connects>,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<Connects> {
    let ends = Ends {
        between: &raw.between,
        and: &raw.and,
        from: &raw.from,
        to: &raw.to,
    };
    let Some(hosts) = &raw.hosts else {
        if ends.first().is_none() {
            let problem = Problem::new(format!("{table} does not say which connects"))
                .at(&raw.span, "no hosts are named here")
                .help("name the `hosts` that are connected to; or both sides, `between` and `and`, or `from` and `to`");
            problems.add_missing(problem);
            return None;
        }
        return ends
            .pairs(table, &raw.span, topology, problems)
            .map(Connects::Between);
    };
    if let Some((key, other)) = ends.first() {
        let problem = Problem::new(format!("{table} has both `hosts` and `{key}`"))
            .at(&other.span, "this names one side")
            .at(&hosts.span, "these are connected to by all others")
            .help(format!("drop `hosts`, or drop `{key}`"));
        problems.add(problem);
        return None;
    }
    topology.select(hosts, problems).map(Connects::To)
}

fn clock_shift(raw: &At<raw::Clock>, topology: &Topology, problems: &mut Problems) -> Option<OpenFaultKind> {
    let hosts = topology.select(&raw.hosts, problems);
    let keys = [("ahead", span(&raw.ahead)), ("behind", span(&raw.behind))];
    let key = exactly_one("`clock`", &raw.span, &keys, problems)?;
    let by = raw.ahead.as_ref().or(raw.behind.as_ref());
    not_zero(key, by, problems);
    Some(OpenFaultKind::Clock {
        hosts: hosts?,
        by: by?.value,
        ahead: raw.ahead.is_some(),
    })
}

fn link_latency(
    raw: &At<raw::LinkLatency>,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<OpenFaultKind> {
    let ends = Ends {
        between: &raw.between,
        and: &raw.and,
        from: &raw.from,
        to: &raw.to,
    };
    let pairs = ends.pairs("`latency`", &raw.span, topology, problems);
    let keys = [("add", span(&raw.add)), ("set", span(&raw.set))];
    exactly_one("`latency`", &raw.span, &keys, problems)?;
    let latency = raw
        .add
        .as_ref()
        .or(raw.set.as_ref())
        .and_then(|raw| latency::ranged(raw, problems));
    Some(OpenFaultKind::Latency {
        pairs: pairs?,
        latency: latency?,
        added: raw.add.is_some(),
    })
}

fn partition_pairs(raw: &At<raw::Partition>, topology: &Topology, problems: &mut Problems) -> Option<Pairs> {
    let Some(isolate) = &raw.isolate else {
        let ends = Ends {
            between: &raw.between,
            and: &raw.and,
            from: &raw.from,
            to: &raw.to,
        };
        return ends.pairs("`partition`", &raw.span, topology, problems);
    };
    let others = Ends {
        between: &raw.between,
        and: &raw.and,
        from: &raw.from,
        to: &raw.to,
    };
    if let Some((key, hosts)) = others.first() {
        let problem = Problem::new(format!("`partition` has both `isolate` and `{key}`"))
            .at(&hosts.span, "this names one side")
            .at(&isolate.span, "this is cut off from all others")
            .help(format!("drop `isolate`, or drop `{key}`"));
        problems.add(problem);
        return None;
    }
    let hosts = topology.select(isolate, problems)?;
    let rest = topology.all_but(&hosts);
    if rest.is_empty() {
        let problem = Problem::new("these are all hosts")
            .at(&isolate.span, "nobody is left to be isolated from")
            .help("isolate some of the hosts");
        problems.add(problem);
        return None;
    }
    pairs(hosts, rest, true, &isolate.span, problems)
}

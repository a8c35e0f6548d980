//! What faults do, in words.

use std::time::Duration;

use crate::plan::{ClockShift, Connects, FaultKind, Latency, Pairs};
use crate::time;
use crate::units::Unit;

/// What a fault does, in a few words: `partition common-module | http-module`.
#[must_use]
pub fn fault_text(kind: &FaultKind) -> String {
    match kind {
        FaultKind::Partition(pairs) => {
            let sign = if pairs.both_ways { "|" } else { "-|" };
            format!("partition {} {sign} {}", names(&pairs.from), names(&pairs.to))
        }
        FaultKind::Latency {
            pairs,
            latency,
            added,
        } => {
            let sign = if *added { "+" } else { "" };
            format!("latency {sign}{} {}", latency_text(latency), pairs_text(pairs))
        }
        FaultKind::Loss { pairs, ratio } => {
            format!("loss {} {}", ratio.say(), pairs_text(pairs))
        }
        FaultKind::Bandwidth { pairs, rate } => {
            format!("bandwidth {} {}", rate.say(), pairs_text(pairs))
        }
        FaultKind::Hold(pairs) => format!("hold {}", pairs_text(pairs)),
        FaultKind::Reset(pairs) => format!("reset {}", pairs_text(pairs)),
        FaultKind::Refuse(connects) => format!("refuse {}", connects_text(connects)),
        FaultKind::Blackhole(connects) => format!("blackhole {}", connects_text(connects)),
        FaultKind::Kill { hosts } => format!("kill {}", names(hosts)),
        FaultKind::Crash { hosts } => format!("crash {}", names(hosts)),
        FaultKind::Pause { hosts } => format!("pause {}", names(hosts)),
        FaultKind::Clock { hosts, shift } => {
            let (by, way) = match shift {
                ClockShift::Ahead(by) => (by, "ahead"),
                ClockShift::Behind(by) => (by, "behind"),
            };
            format!("clock {} {} {way}", names(hosts), time::exact(time::nanos(*by)))
        }
        FaultKind::Drain { hosts, grace } => {
            format!(
                "drain {}, grace {}",
                names(hosts),
                time::exact(time::nanos(*grace))
            )
        }
        FaultKind::Remove { node } => format!("remove {node}"),
        FaultKind::Move { node, to, late, .. } => format!("move {node} to {to}{}", lateness(*late)),
        FaultKind::Close { node } => format!("close {node}"),
        FaultKind::Announce {
            module, hosts, late, ..
        } => {
            let place = match &hosts[..] {
                [] => "nowhere".to_owned(),
                hosts => format!("on {}", names(hosts)),
            };
            format!("announce {module} {place}{}", lateness(*late))
        }
        FaultKind::HeartbeatLoss { provider, acks, .. } => match acks {
            false => format!("heartbeat loss {provider}"),
            true => format!("heartbeat ack loss {provider}"),
        },
        FaultKind::DrainProvider {
            provider, deadline, ..
        } => match deadline {
            None => format!("drain provider {provider}"),
            Some(deadline) => format!(
                "drain provider {provider}, deadline {}",
                time::exact(time::nanos(*deadline))
            ),
        },
        FaultKind::Canary(canary) => format!(
            "canary {}, window {}",
            names(&canary.hosts),
            time::exact(time::nanos(canary.observation_window))
        ),
    }
}

fn pairs_text(pairs: &Pairs) -> String {
    let sign = if pairs.both_ways { "<->" } else { "->" };
    format!("{} {sign} {}", names(&pairs.from), names(&pairs.to))
}

fn connects_text(connects: &Connects) -> String {
    match connects {
        Connects::To(hosts) => names(hosts),
        Connects::Between(pairs) => pairs_text(pairs),
    }
}

fn latency_text(latency: &Latency) -> String {
    let show = |duration: &Duration| time::exact(time::nanos(*duration));
    match latency {
        Latency::Constant(delay) => show(delay),
        Latency::Uniform { min, max } => format!("{} .. {}", show(min), show(max)),
        Latency::LogNormal { median, p99 } => format!("median {} p99 {}", show(median), show(p99)),
    }
}

/// The first few names: a glob may stand for hundreds.
fn names(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// How much later some hear of it, if they do.
fn lateness(late: Duration) -> String {
    match late.is_zero() {
        true => String::new(),
        false => format!(", up to {} late", time::exact(time::nanos(late))),
    }
}

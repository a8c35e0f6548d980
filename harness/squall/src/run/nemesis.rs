//! The faults of a plan: each strikes and ends at its time, with a line in the journal for both.

use std::sync::Arc;
use std::time::Duration;

use squall_sim::{Effect, HostPairs, Sim};
use tokio::time::Instant;

use super::fleet::Fleet;
use super::recorder::Recorder;
use super::stage::{Hearing, Place};
use super::world::{World, host_pairs};
use super::{bandwidth, chance, latency};
use crate::journal::Event;
use crate::plan::{ClockShift, Connects, Fault, FaultKind, Plan};
use crate::report::fault_text;

/// What faults strike. Clones are the same.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) sim: Sim,
    pub(super) plan: Arc<Plan>,
    pub(super) world: World,
    pub(super) fleet: Fleet,
    pub(super) recorder: Recorder,
}

/// Starts every fault's timer. A fault never strikes at or after the end of the plan.
pub(super) fn release(scene: &Scene, start: Instant) {
    for index in 0..scene.plan.faults.len() {
        let scene = scene.clone();
        scene.sim.clone().spawn(async move {
            let (number, fault) = (index as u32, &scene.plan.faults[index]);
            scene.sim.sleep_until(start + fault.at).await;
            scene.recorder.record(Event::FaultStarted {
                fault: number,
                name: fault.name.as_str().into(),
                text: fault_text(&fault.kind).into(),
            });
            strike(&scene, number, fault);
            if let Some(until) = fault.until {
                scene.sim.sleep_until(start + until).await;
                end(&scene, number, fault);
                scene.recorder.record(Event::FaultEnded { fault: number });
            }
        });
    }
}

fn strike(scene: &Scene, number: u32, fault: &Fault) {
    let Scene {
        sim,
        plan,
        world,
        fleet,
        recorder,
    } = scene;
    match &fault.kind {
        FaultKind::Partition(pairs) => sim.start_effect(number, Effect::Hold(host_pairs(sim, pairs))),
        FaultKind::Latency {
            pairs,
            latency: value,
            added,
        } => {
            let (pairs, value) = (host_pairs(sim, pairs), latency(value));
            let effect = if *added {
                Effect::AddLatency(pairs, value)
            } else {
                Effect::SetLatency(pairs, value)
            };
            sim.start_effect(number, effect);
        }
        FaultKind::Loss { pairs, ratio } => {
            sim.start_effect(number, Effect::SetLoss(host_pairs(sim, pairs), chance(*ratio)));
        }
        FaultKind::Bandwidth { pairs, rate } => {
            sim.start_effect(
                number,
                Effect::SetBandwidth(host_pairs(sim, pairs), bandwidth(*rate)),
            );
        }
        FaultKind::Hold(pairs) => sim.start_effect(number, Effect::Stall(host_pairs(sim, pairs))),
        FaultKind::Reset(pairs) => sim.reset(number, &host_pairs(sim, pairs)),
        FaultKind::Refuse(which) => sim.start_effect(number, Effect::Refuse(connects(sim, plan, which))),
        FaultKind::Blackhole(which) => {
            sim.start_effect(number, Effect::Blackhole(connects(sim, plan, which)));
        }
        FaultKind::Kill { hosts } => hosts
            .iter()
            .filter_map(|host| sim.host(host))
            .for_each(|id| sim.kill(id)),
        FaultKind::Crash { hosts } => hosts
            .iter()
            .filter_map(|host| sim.host(host))
            .for_each(|id| sim.crash(id)),
        FaultKind::Pause { hosts } => hosts
            .iter()
            .filter_map(|host| sim.host(host))
            .for_each(|id| sim.pause(id)),
        FaultKind::Clock { hosts, shift } => shift_clocks(sim, hosts, *shift),
        FaultKind::Drain { hosts, .. } => world.stage().drain(hosts),
        FaultKind::Remove { node } => put(sim, world, node, Place::Nowhere, AT_ONCE),
        FaultKind::Move {
            node,
            to,
            late,
            twice,
        } => put(sim, world, node, Place::Module(to.clone()), (*late, *twice)),
        FaultKind::Close { node } => close(sim, plan, world, node, true),
        FaultKind::Announce {
            module,
            hosts,
            late,
            twice,
        } => world.stage().announce(sim, module, hosts, *late, *twice),
        FaultKind::HeartbeatLoss { hosts, acks, .. } => fleet.mute(hosts, *acks, true),
        FaultKind::DrainProvider {
            hosts,
            deadline,
            reason,
            ..
        } => fleet.drain(sim, hosts, reason, *deadline),
        FaultKind::Canary(canary) => fleet.try_out(sim, canary, recorder),
    }
}

fn shift_clocks(sim: &Sim, hosts: &[String], shift: ClockShift) {
    for id in hosts.iter().filter_map(|host| sim.host(host)) {
        sim.shift_clock(id, shift);
    }
}

/// A node that is removed is still its module's own: nobody has to hear of it.
const AT_ONCE: Hearing = (Duration::ZERO, false);

fn put(sim: &Sim, world: &World, node: &str, place: Place, hearing: Hearing) {
    world
        .stage()
        .put(sim, node, place, hearing, |module| world.running(sim, module));
}

fn close(sim: &Sim, plan: &Plan, world: &World, node: &str, closed: bool) {
    if let Some(owner) = plan.topology.owner(node) {
        world.stage().close(node, closed, &world.running(sim, owner));
    }
}

/// By who dials whom.
fn connects(sim: &Sim, plan: &Plan, which: &Connects) -> HostPairs {
    let set = |names: &mut dyn Iterator<Item = &str>| names.filter_map(|name| sim.host(name)).collect();
    match which {
        Connects::To(hosts) => HostPairs {
            from: set(&mut plan.topology.all_hosts()),
            to: set(&mut hosts.iter().map(String::as_str)),
            both_ways: false,
        },
        Connects::Between(pairs) => host_pairs(sim, pairs),
    }
}

fn end(scene: &Scene, number: u32, fault: &Fault) {
    let Scene {
        sim,
        plan,
        world,
        fleet,
        ..
    } = scene;
    match &fault.kind {
        FaultKind::Partition(_)
        | FaultKind::Latency { .. }
        | FaultKind::Loss { .. }
        | FaultKind::Bandwidth { .. }
        | FaultKind::Hold(_)
        | FaultKind::Refuse(_)
        | FaultKind::Blackhole(_) => sim.end_effect(number),
        // It was over as soon as it struck.
        FaultKind::Reset(_) | FaultKind::DrainProvider { .. } | FaultKind::Canary(_) => {}
        FaultKind::HeartbeatLoss { hosts, acks, .. } => fleet.mute(hosts, *acks, false),
        FaultKind::Kill { hosts } | FaultKind::Crash { hosts } => {
            hosts
                .iter()
                .filter_map(|host| sim.host(host))
                .for_each(|id| sim.start(id));
        }
        FaultKind::Pause { hosts } => hosts
            .iter()
            .filter_map(|host| sim.host(host))
            .for_each(|id| sim.resume(id)),
        FaultKind::Clock { hosts, shift } => shift_clocks(sim, hosts, shift.reversed()),
        FaultKind::Drain { hosts, .. } => {
            for id in hosts.iter().filter_map(|host| sim.host(host)) {
                sim.kill(id);
                sim.start(id);
            }
        }
        FaultKind::Remove { node } => put(sim, world, node, Place::Home, AT_ONCE),
        FaultKind::Move {
            node, late, twice, ..
        } => put(sim, world, node, Place::Home, (*late, *twice)),
        FaultKind::Close { node } => close(sim, plan, world, node, false),
        FaultKind::Announce {
            module, late, twice, ..
        } => {
            if let Some(module) = plan.topology.modules.get(module) {
                let stage = world.stage();
                stage.announce(sim, &module.name, &module.hosts, *late, *twice);
            }
        }
    }
}

//! The hosts of a world: names, power state, and processes.

use std::net::IpAddr;
use std::sync::Arc;

use super::World;
use crate::engine::Owner;
use crate::host::{Host, HostId, Main, Power, Process, address, host_at};
use crate::observe::{Down, SimEvent};
use crate::platform::SimPlatform;
use crate::sim::{HostOptions, Left, Mislead};
use crate::task;

impl World {
    pub(crate) fn add_host(&self, name: &str, options: HostOptions, main: Main) -> HostId {
        let mut state = self.state();
        let id = HostId(state.hosts.len() as u32);
        let name: Arc<str> = name.into();
        // Of two hosts with one name, the first one wins.
        state.by_name.entry(name.clone()).or_insert(id);
        state.hosts.push(Host {
            name,
            main: Some(main),
            process: None,
            power: Power::Idle,
            poll_costs: Vec::new(),
            adopts: options.adopts,
        });
        state.engine.add_host(id);
        id
    }

    pub(crate) fn power(&self, host: HostId) -> Power {
        self.state().hosts[host.0 as usize].power
    }

    pub(crate) fn process(&self, host: HostId) -> Option<Arc<Process>> {
        self.state().hosts[host.0 as usize]
            .process
            .clone()
            .filter(|process| process.is_alive())
    }

    /// The process with this identifier, alive or not.
    pub(crate) fn process_of(&self, owner: Owner) -> Option<Arc<Process>> {
        let state = self.state();
        let newest = state.hosts[owner.host.0 as usize].process.as_ref();
        let mut processes = newest.into_iter().chain(&state.ended);
        processes.find(|process| process.owner() == owner).cloned()
    }

    /// Every host's address, by name.
    pub(crate) fn addresses(&self) -> Vec<(String, IpAddr)> {
        let state = self.state();
        let hosts = state.hosts.iter().enumerate().skip(1);
        let hosts = hosts.filter(|(_, host)| !host.name.is_empty());
        hosts
            .map(|(place, host)| (host.name.to_string(), address(HostId(place as u32))))
            .collect()
    }

    /// The host of a name or an address; of several, the first.
    pub(crate) fn resolve(&self, name: &str) -> Option<HostId> {
        let state = self.state();
        if let Ok(IpAddr::V4(address)) = name.parse() {
            return host_at(address).filter(|host| (1..state.hosts.len() as u32).contains(&host.0));
        }
        match state.meaning(name) {
            Some(hosts) => hosts.first().copied(),
            None => state.by_name.get(name).copied(),
        }
    }

    /// All hosts of a name or an address.
    pub(crate) fn resolve_all(&self, name: &str) -> Vec<HostId> {
        if let Some(hosts) = self.state().meaning(name) {
            return hosts.to_vec();
        }
        self.resolve(name).into_iter().collect()
    }

    /// For an unknown name, the hosts with this name plus a number: `name-0`, `name-1`.
    pub(crate) fn replicas_of(&self, name: &str) -> Vec<String> {
        let state = self.state();
        if state.meaning(name).is_some() {
            return Vec::new();
        }
        let replicas = (0..3).map(|number| format!("{name}-{number}"));
        replicas
            .take_while(|it| state.by_name.contains_key(it.as_str()))
            .collect()
    }

    pub(crate) fn set_name(&self, name: &str, hosts: Vec<HostId>) {
        self.state().names.insert(name.into(), hosts);
    }

    /// The host with this name of its own, regardless of overrides.
    pub(crate) fn host_named(&self, name: &str) -> Option<HostId> {
        self.state().by_name.get(name).copied()
    }

    /// Overrides the name until `fault` ends.
    pub(crate) fn mislead(&self, fault: u32, name: &str, means: Mislead) {
        let hosts = match means {
            Mislead::Nothing => Vec::new(),
            Mislead::Nobody => vec![self.nowhere()],
        };
        let mut state = self.state();
        state.misled.push((fault, name.into(), hosts));
    }

    /// Ends the overrides of `fault`.
    pub(crate) fn end_mislead(&self, fault: u32) {
        self.state().misled.retain(|(of, _, _)| *of != fault);
    }

    /// A host that does not exist: an unused address.
    fn nowhere(&self) -> HostId {
        let known = self.state().nowhere;
        known.unwrap_or_else(|| {
            let host = self.add_host(
                "",
                HostOptions::default(),
                Arc::new(|_| Box::pin(async { Ok(()) })),
            );
            self.stop(host, Down::Crashed, String::new());
            self.state().nowhere = Some(host);
            host
        })
    }

    /// Adds to the virtual time of each poll of the host's tasks, until `fault` ends.
    pub(crate) fn slow_down(&self, fault: u32, host: HostId, cost: u64) {
        self.state().hosts[host.0 as usize].poll_costs.push((fault, cost));
        self.show_poll_cost(host);
    }

    /// Ends the slowdown by `fault`.
    pub(crate) fn end_slow_down(&self, fault: u32, host: HostId) {
        let mut state = self.state();
        state.hosts[host.0 as usize]
            .poll_costs
            .retain(|(of, _)| *of != fault);
        drop(state);
        self.show_poll_cost(host);
    }

    fn show_poll_cost(&self, host: HostId) {
        let cost = self.state().hosts[host.0 as usize].poll_cost();
        if let Some(process) = self.process(host) {
            process.set_poll_cost(cost);
        }
        self.observe(host, SimEvent::Slowed { per_poll: cost });
        self.mark_dirty();
    }

    /// Starts a process on a host without one.
    pub(crate) fn start(self: &Arc<Self>, host: HostId) {
        let (process, main) = {
            let mut state = self.state();
            let entry = &mut state.hosts[host.0 as usize];
            let Some(main) = entry.main.clone() else { return };
            if entry.power == Power::Up {
                return;
            }
            let incarnation = entry
                .process
                .as_ref()
                .map_or(0, |process| process.incarnation + 1);
            let process = Process::new(host, incarnation, entry, self.seed);
            process.set_poll_cost(entry.poll_cost());
            entry.process = Some(process.clone());
            entry.power = Power::Up;
            state.net.switch_on(self.now(), host);
            (process, main)
        };
        self.observe(
            host,
            SimEvent::Started {
                incarnation: process.incarnation,
            },
        );
        let world = self.clone();
        let platform = SimPlatform::new(self.clone(), process.clone());
        let of = process.clone();
        task::spawn(self, &process, async move {
            let mut fall = TakesHostDown {
                world: &world,
                host: of.host,
                armed: true,
            };
            let result = main(platform).await;
            fall.armed = false;
            if let Err(error) = result {
                world.stop(of.host, Down::Failed, error);
            }
        });
    }

    /// Takes a host's process down. Does nothing if none runs, except that a crash also takes an idle machine down.
    pub(crate) fn stop(&self, host: HostId, how: Down, error: String) {
        let process = self.process(host);
        if process.is_none() && how != Down::Crashed {
            return;
        }
        let sockets = self.change(|state, effects| {
            let entry = &mut state.hosts[host.0 as usize];
            entry.power = if how == Down::Crashed {
                Power::Off
            } else {
                Power::Idle
            };
            match (&process, how) {
                (_, Down::Crashed) => {
                    state.net.switch_off(self.now(), host);
                    state.engine.crash(host, effects)
                }
                (Some(process), _) => state.engine.kill(process.owner(), effects),
                (None, _) => 0,
            }
        });
        self.mark_dirty();
        let Some(process) = process else { return };
        let tasks = process.die();
        self.state().ended.push(process.clone());
        if process.adopts {
            // Waiting tasks are polled once more, and end.
            self.timers.wake(process.owner());
        }
        let incarnation = process.incarnation;
        self.observe(
            host,
            SimEvent::Stopped {
                incarnation,
                how,
                tasks,
                sockets,
                error,
            },
        );
    }

    pub(crate) fn set_paused(&self, host: HostId, paused: bool) {
        let Some(process) = self.process(host).filter(|process| process.is_paused() != paused) else {
            return;
        };
        self.mark_dirty();
        if paused {
            process.pause();
            self.observe(host, SimEvent::Paused);
        } else {
            self.observe(host, SimEvent::Resumed);
            process.resume();
            for socket in process.take_put_off() {
                self.change(|state, effects| state.engine.close(socket, effects));
            }
        }
    }

    /// Resources of ended processes. All should be zero.
    pub(crate) fn left_behind(&self) -> Left {
        let state = self.state();
        let mut left = Left::default();
        for process in &state.ended {
            let owner = process.owner();
            left.adopted += process.adopted();
            left.tasks += process.task_count() as u64;
            left.sockets += state.engine.sockets(owner);
            left.timers += self.timers.count(owner);
        }
        left
    }

    pub(crate) fn address(&self, host: HostId) -> IpAddr {
        address(host)
    }
}

/// A main that panics takes its host down, like a process.
struct TakesHostDown<'w> {
    world: &'w World,
    host: HostId,
    armed: bool,
}

impl Drop for TakesHostDown<'_> {
    fn drop(&mut self) {
        if self.armed && std::thread::panicking() {
            self.world
                .stop(self.host, Down::Failed, "its main task panicked".to_owned());
        }
    }
}

//! A table of flows, indexed by slot and number, and by the hosts at both ends.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::HostId;
use crate::segment::FlowId;

pub(super) struct Slots<T> {
    entries: Vec<Option<Entry<T>>>,
    free: Vec<u32>,
    next_number: u64,
    /// The slots of the flows with an end on each host, so that the end of a host visits no others.
    by_host: BTreeMap<HostId, BTreeSet<u32>>,
}

struct Entry<T> {
    id: FlowId,
    hosts: [HostId; 2],
    flow: Box<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            entries: Vec::new(),
            free: Vec::new(),
            next_number: 0,
            by_host: BTreeMap::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Adds a flow between two hosts.
    pub(super) fn insert(&mut self, hosts: [HostId; 2], make: impl FnOnce(FlowId) -> T) -> FlowId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        let number = self.next_number;
        self.next_number += 1;
        let id = FlowId { slot, number };
        for host in hosts {
            self.by_host.entry(host).or_default().insert(slot);
        }
        self.entries[slot as usize] = Some(Entry {
            id,
            hosts,
            flow: Box::new(make(id)),
        });
        id
    }

    pub(super) fn get(&mut self, id: FlowId) -> Option<&mut T> {
        let entry = self.entries.get_mut(id.slot as usize)?.as_mut();
        entry.filter(|entry| entry.id == id).map(|entry| &mut *entry.flow)
    }

    pub(super) fn peek(&self, id: FlowId) -> Option<&T> {
        let entry = self.entries.get(id.slot as usize)?.as_ref();
        entry.filter(|entry| entry.id == id).map(|entry| &*entry.flow)
    }

    /// The flow in this slot.
    pub(super) fn at(&self, slot: u32) -> Option<FlowId> {
        let entry = self.entries.get(slot as usize)?.as_ref();
        entry.map(|entry| entry.id)
    }

    pub(super) fn remove(&mut self, id: FlowId) {
        let Some(entry) = self.entries.get_mut(id.slot as usize) else {
            return;
        };
        if let Some(removed) = entry.take_if(|entry| entry.id == id) {
            self.free.push(id.slot);
            for host in removed.hosts {
                if let Some(slots) = self.by_host.get_mut(&host) {
                    slots.remove(&id.slot);
                }
            }
        }
    }

    /// All flows, in slot order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten().map(|entry| &*entry.flow)
    }

    /// The flows with an end on `host`, in slot order.
    pub(super) fn of(&self, host: HostId) -> impl Iterator<Item = &T> {
        let slots = self.by_host.get(&host).into_iter().flatten();
        slots.filter_map(|slot| self.entries[*slot as usize].as_ref().map(|entry| &*entry.flow))
    }

    /// The identifiers of those flows.
    pub(super) fn ids_of(&self, host: HostId) -> Vec<FlowId> {
        let slots = self.by_host.get(&host).into_iter().flatten();
        slots.filter_map(|slot| self.at(*slot)).collect()
    }
}

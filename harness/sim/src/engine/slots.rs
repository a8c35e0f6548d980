//! A table of flows, by the slot and the number that name them.

use crate::segment::FlowId;

pub(super) struct Slots<T> {
    entries: Vec<Option<(FlowId, Box<T>)>>,
    free: Vec<u32>,
    next_number: u64,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            entries: Vec::new(),
            free: Vec::new(),
            next_number: 0,
        }
    }
}

impl<T> Slots<T> {
    pub(super) fn insert(&mut self, make: impl FnOnce(FlowId) -> T) -> FlowId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        let number = self.next_number;
        self.next_number += 1;
        let id = FlowId { slot, number };
        self.entries[slot as usize] = Some((id, Box::new(make(id))));
        id
    }

    pub(super) fn get(&mut self, id: FlowId) -> Option<&mut T> {
        match self.entries.get_mut(id.slot as usize)? {
            Some((of, flow)) if *of == id => Some(flow),
            _ => None,
        }
    }

    /// Which flow has this slot.
    pub(super) fn at(&self, slot: u32) -> Option<FlowId> {
        let entry = self.entries.get(slot as usize)?.as_ref();
        entry.map(|(id, _)| *id)
    }

    pub(super) fn remove(&mut self, id: FlowId) {
        if self.get(id).is_some() {
            self.entries[id.slot as usize] = None;
            self.free.push(id.slot);
        }
    }

    pub(super) fn ids(&self) -> Vec<FlowId> {
        self.entries.iter().flatten().map(|(id, _)| *id).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten().map(|(_, flow)| &**flow)
    }
}

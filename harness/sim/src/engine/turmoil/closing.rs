//! Closes connections and listeners.

use super::end::Handle;
use super::{Effects, Listener, TurmoilEngine};
use crate::observe::Closed;
use crate::segment::{Direction, FlowId};

impl TurmoilEngine {
    pub(super) fn close_end(&mut self, id: FlowId, at: Direction, effects: &mut Effects) {
        let Some(flow) = self.flows.get(id) else { return };
        let end = &mut flow.ends[at.index()];
        if !end.is_open {
            return;
        }
        let host = end.owner.host;
        if matches!(end.handle, Handle::Connecting(_)) {
            // An accept in transit is answered with a reset.
            end.is_gone = true;
        } else if end.unread > 0 && !end.is_gone {
            // The stack answers with a reset. Earlier writes are sent before it.
            flow.broken.get_or_insert(Closed::Reset);
            self.run_stacks();
            if let Some(flow) = self.flows.get(id) {
                flow.ends[at.index()].is_gone = true;
            }
        }
        self.stacks.select(host);
        self.is_dirty = true;
        if let Some(flow) = self.flows.get(id) {
            flow.ends[at.index()].let_go(&mut effects.wakers);
        }
        self.reap_after_last_words(id, effects);
    }

    /// Keeps the reset that the stack of a flow has just sent, although the flow is removed at once.
    pub(super) fn reap_after_last_words(&mut self, id: FlowId, effects: &mut Effects) {
        let broken = self.flow(id).is_some_and(|flow| flow.broken.is_some());
        if broken {
            self.run_stacks();
        }
        self.reap(id, effects);
    }

    pub(super) fn close_listener(&mut self, number: u64, effects: &mut Effects) {
        let Some(listener) = self.listeners.remove(&number) else {
            return;
        };
        self.ports.release(listener.owner.host, listener.port);
        effects.wakers.extend(listener.waker);
        self.stacks.select(listener.owner.host);
        // The stack resets those that were never accepted.
        drop(listener.socket);
        self.is_dirty = true;
        self.run_stacks();
        for id in listener.backlog {
            if let Some(flow) = self.flows.get(id) {
                flow.broken.get_or_insert(Closed::Reset);
                flow.ends[0].abandon(&mut effects.wakers);
                self.reap(id, effects);
            }
        }
    }

    pub(super) fn numbers_of_listeners(&self, are_meant: impl Fn(&Listener) -> bool) -> Vec<u64> {
        let listeners = self.listeners.iter();
        let meant = listeners.filter(|(_, listener)| are_meant(listener));
        meant.map(|(number, _)| *number).collect()
    }
}

//! Stops, completions and failures.

use std::sync::Arc;

use serde_json::Value;

use super::{Local, lock};
use crate::mailbox::Message;
use crate::registry::{Gone, Phase, Slot};
use crate::unwind::guarded;
use crate::{Cause, ChildEnd, Error, Escalation, Event, SpawnSpec, events};

impl<E: Event> Local<E> {
    /// Stops an actor with its children. False: there was none.
    pub(crate) fn stop(&self, id: &str) -> bool {
        let gone = self.registry().stop_tree(id);
        let was_there = !gone.is_empty();
        self.let_go(gone);
        was_there
    }

    /// Stops this incarnation of an actor with its children.
    pub(super) fn stop_incarnation(&self, id: &str, incarnation: u64) {
        let gone = {
            let mut registry = self.registry();
            match registry.slot_of(id, incarnation) {
                Some(_) => registry.stop_tree(id),
                None => return,
            }
        };
        self.let_go(gone);
    }

    /// Closes what was taken from the registry.
    fn let_go(&self, gone: Vec<Gone<E>>) {
        let handler = if gone.is_empty() { None } else { self.handler() };
        for it in gone {
            it.shut.tell();
            if let Phase::Running = it.phase {
                events::stopped(&self.node, &it.spec, it.incarnation);
            }
            if let Phase::Starting(waiting) = it.phase {
                for sender in waiting {
                    drop(sender.send(Err(Error::Failed {
                        id: it.spec.id.clone(),
                        src: it.spec.src.clone(),
                        node: self.node.clone(),
                        reason: "it was stopped while it started".to_owned(),
                    })));
                }
            }
            if let Some(handler) = &handler {
                handler.superseded(&it.spec.id);
            }
        }
    }

    /// An actor has completed. It stays registered.
    pub(super) fn complete(&self, spec: &SpawnSpec, incarnation: u64, output: Value) {
        if !self.end(&spec.id, incarnation, || Phase::Done(output.clone())) {
            return;
        }
        events::completed(&self.node, spec, incarnation);
        self.tell_parent(spec, spec.on_done.as_ref(), Ok(output));
    }

    /// An actor has failed. Its parent hears of it, or else the handler of escalations. False: it did not run.
    pub(crate) async fn fail(&self, spec: &Arc<SpawnSpec>, incarnation: u64, cause: Cause) -> bool {
        let failed = || Phase::Failed {
            cause: Arc::clone(&cause),
            // Until the handler has decided, so that it is not forgotten meanwhile.
            is_awaited: true,
        };
        if !self.end(&spec.id, incarnation, failed) {
            return false;
        }
        events::failed(&self.node, spec, incarnation, &cause);
        let is_told = self.tell_parent(spec, spec.on_error.as_ref(), Err(Arc::clone(&cause)));
        let is_planned = !is_told && self.escalate(spec, incarnation, cause).await;
        if !is_planned {
            self.abandon(&spec.id, incarnation);
        }
        true
    }

    async fn escalate(&self, spec: &Arc<SpawnSpec>, incarnation: u64, cause: Cause) -> bool {
        let escalation = Escalation {
            actor: spec.reference(&self.node),
            parent: spec.parent.clone(),
            cause,
            spec: Arc::clone(spec),
            incarnation,
        };
        let earlier = lock(&self.last_escalation).replace(escalation.clone());
        drop(earlier);
        match self.handler() {
            // A handler that panics has planned nothing.
            Some(handler) => guarded(handler.escalated(&escalation)).await.unwrap_or(false),
            None => false,
        }
    }

    pub(crate) fn last_escalation(&self) -> Option<Escalation> {
        lock(&self.last_escalation).clone()
    }

    /// A running actor fails by a decision from outside. False: it does not run.
    pub(crate) async fn settle_error(&self, id: &str, cause: Cause) -> bool {
        let (spec, incarnation) = match self.registry().slots.get(id) {
            Some(slot) if slot.is_running() => (Arc::clone(&slot.spec), slot.incarnation),
            _ => return false,
        };
        self.fail(&spec, incarnation, cause).await
    }

    /// No restart is planned for a failed actor.
    pub(crate) fn abandon(&self, id: &str, incarnation: u64) {
        let mut registry = self.registry();
        if let Some(slot) = registry.slot_of(id, incarnation)
            && let Phase::Failed { is_awaited, .. } = &mut slot.phase
        {
            *is_awaited = false;
        }
    }

    /// Ends a running incarnation: its children are stopped, and its mailbox is closed.
    fn end(&self, id: &str, incarnation: u64, phase: impl FnOnce() -> Phase) -> bool {
        let (shut, gone, forgotten) = {
            let mut registry = self.registry();
            let Some(slot) = registry.slot_of(id, incarnation).filter(|slot| slot.is_running()) else {
                return false;
            };
            slot.phase = phase();
            let shut = slot.mailbox.shut();
            let gone = registry.stop_children(id);
            (shut, gone, registry.bury(id, incarnation, self.limits.ended))
        };
        shut.tell();
        self.let_go(gone);
        drop(forgotten);
        true
    }

    /// Tells the parent of an end, if it has asked for that and runs.
    fn tell_parent(&self, spec: &SpawnSpec, route: Option<&String>, result: Result<Value, Cause>) -> bool {
        let (Some(route), Some(parent)) = (route, &spec.parent) else {
            return false;
        };
        let end = ChildEnd {
            child: spec.reference(&self.node),
            route: route.clone(),
            result,
        };
        let mailbox = self.mailbox(parent);
        mailbox.and_then(|it| it.send(Message::Child(end))).is_some()
    }

    /// A task has ended, and says so by its signal.
    pub(super) fn task_ended(&self, id: &str) {
        let mut registry = self.registry();
        let is_over = |slot: &Slot<E>| matches!(slot.phase, Phase::Stopped) && slot.task_ended.is_given();
        if registry.slots.get(id).is_some_and(is_over) {
            let slot = registry.slots.remove(id);
            drop(registry);
            drop(slot);
        }
    }

    /// Stops everything. Messages in hand are abandoned at their next await point.
    pub(crate) fn shut_down(&self) {
        self.shutdown.give();
        for id in self.ids() {
            self.stop(&id);
        }
    }
}

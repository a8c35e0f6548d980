//! Spawns and restarts. An id is reserved before its behaviour runs, so it runs once however many ask for it.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::Local;
use super::task::{Task, run};
use crate::mailbox::Mailbox;
use crate::palette::{Behaviour, begin};
use crate::registry::{Phase, Registry, Slot};
use crate::signal::Signal;
use crate::unwind::caught;
use crate::{Actor, ActorRef, Cause, Error, Event, SpawnSpec, events};

/// The answer to who asks for an actor.
enum Claim<E: Event> {
    /// It runs.
    Runs(ActorRef),
    /// Someone else is starting it.
    Starts(oneshot::Receiver<Result<ActorRef, Error>>),
    /// The caller is to start it.
    Ours(Reservation<E>),
}

/// The right to start an actor.
struct Reservation<E: Event> {
    spec: Arc<SpawnSpec>,
    behaviour: Behaviour<E>,
    incarnation: u64,
    /// What was there before, for when the behaviour fails.
    before: Option<Before>,
    /// The task of the incarnation before.
    predecessor: Option<Arc<Signal>>,
}

struct Before {
    spec: Arc<SpawnSpec>,
    incarnation: u64,
    phase: Phase,
}

impl<E: Event> Local<E> {
    /// Spawns an actor, or finds it running.
    pub(crate) async fn spawn(self: &Arc<Self>, spec: SpawnSpec) -> Result<ActorRef, Error> {
        let id = spec.id.clone();
        let claim = self.claim(spec, &mut self.registry())?;
        match claim {
            Claim::Runs(reference) => Ok(reference),
            Claim::Starts(answer) => answer.await.unwrap_or_else(|_| {
                Err(Error::Cancelled {
                    node: self.node.clone(),
                })
            }),
            Claim::Ours(reservation) => {
                let started = self.start(reservation, None);
                if started.is_ok()
                    && let Some(handler) = self.handler()
                {
                    handler.superseded(&id);
                }
                started
            }
        }
    }

    /// Starts a failed actor again, unless this incarnation is no longer the last one.
    pub(crate) fn restart(self: &Arc<Self>, spec: &SpawnSpec, incarnation: u64) -> Result<bool, Error> {
        let reservation = {
            let mut registry = self.registry();
            match registry.slot_of(&spec.id, incarnation) {
                Some(slot) if matches!(slot.phase, Phase::Failed { .. }) => {}
                _ => return Ok(false),
            }
            match self.claim(spec.clone(), &mut registry)? {
                Claim::Ours(reservation) => reservation,
                _ => return Ok(false),
            }
        };
        self.start(reservation, None).map(|_| true)
    }

    /// Starts an actor with the state of a snapshot, under an id that is free.
    pub(crate) fn spawn_with_state(
        self: &Arc<Self>,
        spec: SpawnSpec,
        state: Option<Value>,
    ) -> Result<ActorRef, Error> {
        let wanted = spec.src.clone();
        let claim = self.claim(spec, &mut self.registry())?;
        match claim {
            Claim::Ours(reservation) => self.start(reservation, state),
            Claim::Runs(ActorRef { id, src, .. }) => Err(Error::Conflict { id, src, wanted }),
            Claim::Starts(_) => Err(Error::Cancelled {
                node: self.node.clone(),
            }),
        }
    }

    fn claim(&self, spec: SpawnSpec, registry: &mut Registry<E>) -> Result<Claim<E>, Error> {
        if self.shutdown.is_given() {
            return Err(Error::Cancelled {
                node: self.node.clone(),
            });
        }
        if let Some(slot) = registry.slots.get_mut(&spec.id) {
            let conflict = || Error::Conflict {
                id: spec.id.clone(),
                src: slot.spec.src.clone(),
                wanted: spec.src.clone(),
            };
            match &mut slot.phase {
                Phase::Starting(_) | Phase::Running if slot.spec.src != spec.src => return Err(conflict()),
                Phase::Running => return Ok(Claim::Runs(slot.spec.reference(&self.node))),
                Phase::Starting(waiting) => {
                    let (sender, receiver) = oneshot::channel();
                    waiting.push(sender);
                    return Ok(Claim::Starts(receiver));
                }
                _ => {}
            }
        }
        let behaviour = self.palette.get(&spec.src).ok_or_else(|| Error::UnknownSource {
            id: spec.id.clone(),
            src: spec.src.clone(),
            node: self.node.clone(),
        })?;
        if !registry.has_parent(&spec) {
            return Err(Error::Failed {
                id: spec.id,
                src: spec.src,
                node: self.node.clone(),
                reason: "its parent does not run".to_owned(),
            });
        }
        Ok(Claim::Ours(self.reserve(Arc::new(spec), behaviour, registry)))
    }

    fn reserve(
        &self,
        spec: Arc<SpawnSpec>,
        behaviour: Behaviour<E>,
        registry: &mut Registry<E>,
    ) -> Reservation<E> {
        let incarnation = registry.next_incarnation();
        let starting = Phase::Starting(Vec::new());
        let mut reservation = Reservation {
            spec: Arc::clone(&spec),
            behaviour,
            incarnation,
            before: None,
            predecessor: None,
        };
        if let Some(slot) = registry.slots.get_mut(&spec.id) {
            let phase = std::mem::replace(&mut slot.phase, starting);
            if matches!(phase, Phase::Stopped) {
                // A stop forgets the answers, whether or not the task has ended.
                slot.mailbox = self.new_mailbox();
            }
            reservation.predecessor = Some(Arc::clone(&slot.task_ended));
            reservation.before = Some(Before {
                spec: std::mem::replace(&mut slot.spec, spec),
                incarnation: std::mem::replace(&mut slot.incarnation, incarnation),
                phase,
            });
            return reservation;
        }
        let slot = Slot {
            spec: Arc::clone(&spec),
            incarnation,
            phase: starting,
            mailbox: self.new_mailbox(),
            children: Default::default(),
            task_ended: Arc::new(Signal::new_given()),
        };
        registry.slots.insert(spec.id.clone(), slot);
        reservation
    }

    fn new_mailbox(&self) -> Arc<Mailbox<E>> {
        Arc::new(Mailbox::new(self.limits.mailbox, self.limits.remembered))
    }

    /// Runs a behaviour, without the lock, and starts what comes of it: with this state, or from the start.
    fn start(self: &Arc<Self>, reservation: Reservation<E>, state: Option<Value>) -> Result<ActorRef, Error> {
        let spec = Arc::clone(&reservation.spec);
        let failed = |reason: String| Error::Failed {
            id: spec.id.clone(),
            src: spec.src.clone(),
            node: self.node.clone(),
            reason,
        };
        let is_restored = state.is_some();
        let begun = begin(&reservation.behaviour, spec.input.clone());
        match begun.and_then(|actor| self.with_state(actor, state)) {
            Ok(actor) => self
                .enter(reservation, actor, is_restored)
                .ok_or_else(|| failed("it was stopped while it started".to_owned())),
            Err(cause) => {
                let error = failed(cause.to_string());
                self.give_back(reservation, &error);
                Err(error)
            }
        }
    }

    fn with_state(
        &self,
        mut actor: Box<dyn Actor<E>>,
        state: Option<Value>,
    ) -> Result<Box<dyn Actor<E>>, Cause> {
        let Some(state) = state else {
            return Ok(actor);
        };
        let now = self.environment.wall_clock();
        match caught(|| actor.restore(state, now)) {
            Ok(Ok(())) => Ok(actor),
            Ok(Err(error)) => Err(error.into()),
            Err(panic) => Err(Arc::new(panic)),
        }
    }

    /// The actor runs from now on. `None`: it was stopped meanwhile.
    fn enter(
        self: &Arc<Self>,
        reservation: Reservation<E>,
        actor: Box<dyn Actor<E>>,
        is_restored: bool,
    ) -> Option<ActorRef> {
        let Reservation {
            spec,
            incarnation,
            before,
            predecessor,
            ..
        } = reservation;
        let reference = spec.reference(&self.node);
        let (waiting, task) = {
            let mut registry = self.registry();
            if !registry.has_parent(&spec) {
                // Its parent has ended meanwhile, and would have stopped it.
                drop(registry);
                self.stop_incarnation(&spec.id, incarnation);
                registry = self.registry();
            }
            let slot = registry.slot_of(&spec.id, incarnation)?;
            if matches!(slot.phase, Phase::Stopped) {
                if slot.task_ended.is_given() {
                    registry.slots.remove(&spec.id);
                }
                return None;
            }
            let phase = std::mem::replace(&mut slot.phase, Phase::Running);
            let task_ended = Arc::new(Signal::default());
            slot.task_ended = Arc::clone(&task_ended);
            slot.mailbox.open(incarnation);
            let task = Task {
                local: Arc::downgrade(self),
                spec: Arc::clone(&spec),
                incarnation,
                mailbox: Arc::clone(&slot.mailbox),
                predecessor,
                ended: task_ended,
                environment: Arc::clone(&self.environment),
                is_restored,
                shutdown: Arc::clone(&self.shutdown),
            };
            if let Some(before) = before {
                registry.detach(&before.spec);
            }
            registry.attach(&spec);
            (waiting(phase), task)
        };
        events::spawned(&self.node, &spec, incarnation);
        self.environment.spawn(Box::pin(run(task, actor)));
        for sender in waiting {
            drop(sender.send(Ok(reference.clone())));
        }
        Some(reference)
    }

    /// The behaviour has failed: everything is as before.
    fn give_back(&self, reservation: Reservation<E>, error: &Error) {
        let id = &reservation.spec.id;
        let waiting = {
            let mut registry = self.registry();
            let Some(slot) = registry.slot_of(id, reservation.incarnation) else {
                return;
            };
            let phase = match (reservation.before, &slot.phase) {
                (_, Phase::Stopped) | (None, _) => std::mem::replace(&mut slot.phase, Phase::Stopped),
                (Some(before), _) => {
                    slot.spec = before.spec;
                    slot.incarnation = before.incarnation;
                    std::mem::replace(&mut slot.phase, before.phase)
                }
            };
            if matches!(slot.phase, Phase::Stopped) && slot.task_ended.is_given() {
                registry.slots.remove(id);
            }
            waiting(phase)
        };
        for sender in waiting {
            drop(sender.send(Err(error.clone())));
        }
    }
}

fn waiting(phase: Phase) -> Vec<oneshot::Sender<Result<ActorRef, Error>>> {
    match phase {
        Phase::Starting(waiting) => waiting,
        _ => Vec::new(),
    }
}

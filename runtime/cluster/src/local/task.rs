//! The task of an actor: one message after the other.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::consume_budget;
use tokio::time::Instant;

use super::Local;
use crate::actor::{Actor, BoxError, Cause, Next};
use crate::environment::Environment;
use crate::mailbox::{Envelope, Mailbox, Message};
use crate::signal::Signal;
use crate::unwind::{Panicked, caught, guarded};
use crate::{Context, Delivered, Event, Outcome, SpawnSpec, events};

/// An actor is woken no more often: one that always wants to be woken at once would stop a virtual clock.
const WAKES_APART: Duration = Duration::from_millis(1);

/// One incarnation of an actor.
pub(super) struct Task<E: Event> {
    /// Weak: an idle actor does not keep its system.
    pub(super) local: Weak<Local<E>>,
    pub(super) spec: Arc<SpawnSpec>,
    pub(super) incarnation: u64,
    pub(super) mailbox: Arc<Mailbox<E>>,
    /// The incarnation before, which may still be handling a message.
    pub(super) predecessor: Option<Arc<Signal>>,
    pub(super) ended: Arc<Signal>,
    pub(super) environment: Arc<dyn Environment>,
    /// Its state comes from a snapshot: it started before.
    pub(super) is_restored: bool,
    pub(super) shutdown: Arc<Signal>,
}

impl<E: Event> Drop for Task<E> {
    fn drop(&mut self) {
        // Before the removal, which looks at it. A stop between the two removes the id itself.
        self.ended.give();
        if let Some(local) = self.local.upgrade() {
            local.task_ended(&self.spec.id);
        }
    }
}

/// Handles messages until the actor or its system ends. At a shutdown a message in hand is abandoned.
pub(super) async fn run<E: Event>(task: Task<E>, mut actor: Box<dyn Actor<E>>) {
    tokio::select! {
        biased;
        () = task.shutdown.given() => {}
        () = task.work(&mut *actor) => {}
    }
    // An actor whose `Drop` panics has ended all the same.
    drop(caught(|| drop(actor)));
}

/// What follows from a step.
enum Verdict {
    Continue(Outcome),
    Done(serde_json::Value),
    Failed(Cause),
}

impl Verdict {
    fn of(next: Result<Result<Next, BoxError>, Panicked>) -> Self {
        match flat(next) {
            Ok(Next::Handled) => Verdict::Continue(Outcome::Handled),
            Ok(Next::Ignored) => Verdict::Continue(Outcome::Ignored),
            Ok(Next::Rejected(why)) => Verdict::Continue(Outcome::Rejected(why)),
            Ok(Next::Done(output)) => Verdict::Done(output),
            Err(cause) => Verdict::Failed(cause),
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Verdict::Continue(Outcome::Handled) => "handled",
            Verdict::Continue(Outcome::Ignored) => "ignored",
            Verdict::Continue(Outcome::Rejected(_)) => "rejected",
            Verdict::Done(_) => "completed",
            Verdict::Continue(Outcome::Failed(_)) | Verdict::Failed(_) => "failed",
        }
    }
}

/// What an actor does next.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once, from a queue to a step"
)]
enum Turn<E> {
    Message(Envelope<E>),
    Wake,
}

impl<E: Event> Task<E> {
    async fn work(&self, actor: &mut dyn Actor<E>) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.given().await;
        }
        if !self.mailbox.is_open_for(self.incarnation) {
            // It was stopped meanwhile.
            return;
        }
        if !self.is_restored && !self.begin(actor).await {
            return;
        }
        let mut woken_last: Option<Instant> = None;
        let mut number = 0;
        loop {
            let mut wake_at = caught(|| actor.wake_at()).unwrap_or(None);
            if let (Some(at), Some(last)) = (&mut wake_at, woken_last) {
                *at = (*at).max(last + WAKES_APART);
            }
            let Some(turn) = self.next_turn(wake_at).await else {
                return;
            };
            let Some(local) = self.local.upgrade() else {
                return;
            };
            let goes_on = match turn {
                Turn::Message(envelope) => self.step(&local, actor, envelope, &mut number).await,
                Turn::Wake => {
                    woken_last = Some(Instant::now());
                    self.wake(&local, actor).await
                }
            };
            if !goes_on {
                return;
            }
            // A mailbox that never runs empty must not keep others from running.
            consume_budget().await;
        }
    }

    /// What comes first. `None`: the actor was stopped.
    async fn next_turn(&self, wake_at: Option<Instant>) -> Option<Turn<E>> {
        let message = self.mailbox.take(self.incarnation);
        let Some(at) = wake_at else {
            return message.await.map(Turn::Message);
        };
        tokio::select! {
            biased;
            () = self.environment.sleep_until(at) => {
                self.mailbox.is_open_for(self.incarnation).then_some(Turn::Wake)
            }
            envelope = message => envelope.map(Turn::Message),
        }
    }

    /// False: the actor has ended.
    async fn begin(&self, actor: &mut dyn Actor<E>) -> bool {
        let Some(local) = self.local.upgrade() else {
            return false;
        };
        let mut context = Context::new(&local, &self.spec, None);
        let started = guarded(async { actor.started(&mut context).await }).await;
        let is_stopping = context.is_stopping();
        let verdict = match flat(started) {
            Ok(()) => Verdict::Continue(Outcome::Handled),
            Err(cause) => Verdict::Failed(cause),
        };
        let (_, goes_on) = self.settle(&local, verdict, is_stopping).await;
        goes_on
    }

    /// False: the actor has ended.
    async fn step(
        &self,
        local: &Arc<Local<E>>,
        actor: &mut dyn Actor<E>,
        Envelope { message, ticket }: Envelope<E>,
        number: &mut u64,
    ) -> bool {
        let is_event = matches!(message, Message::Event { .. });
        let (next, is_stopping) = match message {
            Message::Event { event, sender } => {
                let mut context = Context::new(local, &self.spec, sender.as_ref());
                let next = guarded(async { actor.handle(event, &mut context).await }).await;
                (next, context.is_stopping())
            }
            Message::Child(end) => {
                let mut context = Context::new(local, &self.spec, None);
                let next = guarded(async { actor.child_ended(end, &mut context).await }).await;
                (next, context.is_stopping())
            }
            Message::Snapshot(now, answer) => {
                let state = caught(|| actor.snapshot(now)).unwrap_or_else(|panic| Err(panic.into()));
                drop(answer.send(state));
                (Ok(Ok(Next::Handled)), false)
            }
        };
        let verdict = Verdict::of(next);
        if is_event {
            *number += 1;
            let place = (self.incarnation, *number);
            events::handled(local.node(), &self.spec, place, ticket.id(), verdict.as_str());
        }
        let (outcome, goes_on) = self.settle(local, verdict, is_stopping).await;
        // Last: who was answered finds the consequences in place.
        self.mailbox.answer(ticket, &Delivered::to_actor(outcome));
        goes_on
    }

    /// False: the actor has ended.
    async fn wake(&self, local: &Arc<Local<E>>, actor: &mut dyn Actor<E>) -> bool {
        let mut context = Context::new(local, &self.spec, None);
        let next = guarded(async { actor.woken(&mut context).await }).await;
        let is_stopping = context.is_stopping();
        let (_, goes_on) = self.settle(local, Verdict::of(next), is_stopping).await;
        goes_on
    }

    async fn settle(&self, local: &Local<E>, verdict: Verdict, is_stopping: bool) -> (Outcome, bool) {
        match verdict {
            Verdict::Continue(outcome) => {
                if is_stopping {
                    local.stop_incarnation(&self.spec.id, self.incarnation);
                }
                (outcome, !is_stopping)
            }
            Verdict::Done(output) => {
                local.complete(&self.spec, self.incarnation, output);
                (Outcome::Handled, false)
            }
            Verdict::Failed(cause) => {
                let why = cause.to_string();
                local.fail(&self.spec, self.incarnation, cause).await;
                (Outcome::Failed(why), false)
            }
        }
    }
}

fn flat<T>(result: Result<Result<T, BoxError>, Panicked>) -> Result<T, Cause> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => Err(Arc::new(panic)),
    }
}

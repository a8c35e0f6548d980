//! A state machine as an actor.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use squall_machine::{
    Effect, FireError, Fired, Instance, Machine, RestoreOptions, Snapshot, TimerChange, Timers, Timestamp,
};
use tokio::time::Instant;

use crate::{Actor, BoxError, ChildEnd, Context, Event, Next};

/// Does what the actions of a machine want done.
#[async_trait]
pub trait MachineHost<E: Event>: Send + 'static {
    /// Does it. The step that wants it has been taken, whatever comes of this.
    ///
    /// # Errors
    /// The actor fails.
    async fn perform(&mut self, effect: Effect, context: &mut Context<'_, E>) -> Result<(), BoxError>;

    /// The event by which the machine hears of the end of a child. `None`: it does not.
    fn child_event(&mut self, child: ChildEnd) -> Option<E> {
        let _ = child;
        None
    }
}

/// Nothing is done.
#[async_trait]
impl<E: Event> MachineHost<E> for () {
    async fn perform(&mut self, _: Effect, _: &mut Context<'_, E>) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A state machine as an actor, which completes with its context in a final state.
///
/// An event without an enabled transition is rejected, and the machine stays as it was. A step that fails by its guards,
/// actions or assigns is a failure of the actor. Timers run by the node's clock.
pub struct MachineActor<C, E> {
    instance: Instance<C, E>,
    /// In nanoseconds since `origin`.
    timers: Timers<E>,
    origin: Instant,
    /// Of the first states, until the actor starts.
    first: Vec<Effect>,
    host: Box<dyn MachineHost<E>>,
}

/// The state of an actor whose machine has armed timers. Without any it is the machine's snapshot alone.
#[derive(Serialize, Deserialize)]
struct Envelope {
    snapshot: Snapshot,
    #[serde(default)]
    timers: Vec<Deadline>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deadline {
    id: String,
    due_unix_nano: i64,
    event: Value,
}

impl<C: squall_machine::Context, E: Event + squall_machine::Event> MachineActor<C, E> {
    /// An instance in the machine's initial state. Its effects are performed when the actor starts.
    ///
    /// # Errors
    /// When an action or an assign of an entered state fails.
    pub fn new(machine: &Machine<C, E>, context: C) -> Result<Self, BoxError> {
        let cast = machine.cast(context)?;
        let mut actor = MachineActor {
            instance: cast.instance,
            timers: Timers::new(),
            origin: Instant::now(),
            first: cast.effects,
            host: Box::new(()),
        };
        actor.timers.apply(&cast.timers, actor.now());
        Ok(actor)
    }

    /// Performs the machine's effects. Without a host they are dropped.
    #[must_use]
    pub fn host(mut self, host: impl MachineHost<E>) -> Self {
        self.host = Box::new(host);
        self
    }

    fn now(&self) -> Timestamp {
        let nanos = Instant::now().saturating_duration_since(self.origin).as_nanos();
        Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// What follows from a step.
    async fn stepped(
        &mut self,
        step: Result<Fired<E>, FireError>,
        context: &mut Context<'_, E>,
    ) -> Result<Next, BoxError> {
        let fired = match step {
            Ok(fired) => fired,
            Err(error) if error.problem.is_rejection() => return Ok(Next::Rejected(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        for effect in fired.effects {
            self.host.perform(effect, context).await?;
        }
        match self.instance.is_done() {
            true => Ok(Next::Done(serde_json::to_value(self.instance.context())?)),
            false => Ok(Next::Handled),
        }
    }

    async fn fire(&mut self, event: &E, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        let step = self.instance.fire(event);
        if let Ok(fired) = &step {
            self.timers.apply(&fired.timers, self.now());
        }
        self.stepped(step, context).await
    }
}

#[async_trait]
impl<C: squall_machine::Context, E: Event + squall_machine::Event> Actor<E> for MachineActor<C, E> {
    async fn started(&mut self, context: &mut Context<'_, E>) -> Result<(), BoxError> {
        for effect in std::mem::take(&mut self.first) {
            self.host.perform(effect, context).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, event: E, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        self.fire(&event, context).await
    }

    async fn child_ended(&mut self, child: ChildEnd, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        match self.host.child_event(child) {
            Some(event) => self.fire(&event, context).await,
            None => Ok(Next::Ignored),
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let due = self.timers.next()?;
        let after = Duration::from_nanos(u64::try_from(due.0).unwrap_or(0));
        // Later than any clock is never.
        self.origin.checked_add(after)
    }

    async fn woken(&mut self, context: &mut Context<'_, E>) -> Result<Next, BoxError> {
        let now = self.now();
        let ticked = self.timers.tick(&mut self.instance, now);
        for step in ticked.steps {
            // A timer whose event does not fit any more is spent.
            let next = self.stepped(step, context).await?;
            if matches!(next, Next::Done(_)) {
                return Ok(next);
            }
        }
        Ok(Next::Handled)
    }

    /// The machine's snapshot; with armed timers, an object of it and of their deadlines.
    fn snapshot(&self, now: SystemTime) -> Result<Option<Value>, BoxError> {
        let snapshot = self.instance.snapshot()?;
        if self.timers.is_empty() {
            return Ok(Some(serde_json::to_value(snapshot)?));
        }
        let (wall, own) = (Timestamp::from(now), self.now());
        let deadlines = self.timers.armed().map(|(id, due, event)| {
            Ok(Deadline {
                id: id.to_owned(),
                due_unix_nano: wall.after(due.0.saturating_sub(own.0)).0,
                event: serde_json::to_value(event)?,
            })
        });
        let timers = deadlines.collect::<Result<Vec<_>, serde_json::Error>>()?;
        Ok(Some(json!(Envelope { snapshot, timers })))
    }

    /// Deadlines are kept: a timer whose time has passed fires at once. Without any in the snapshot, timers of the state
    /// are armed for their full time.
    fn restore(&mut self, snapshot: Value, now: SystemTime) -> Result<(), BoxError> {
        let has_deadlines = snapshot.get("snapshot").is_some_and(Value::is_object);
        let envelope: Envelope = match has_deadlines {
            true => serde_json::from_value(snapshot)?,
            false => Envelope {
                snapshot: serde_json::from_value(snapshot)?,
                timers: Vec::new(),
            },
        };
        let machine = self.instance.machine().clone();
        let instance = machine.restore(&envelope.snapshot, RestoreOptions::default())?;
        let (wall, own) = (Timestamp::from(now), self.now());
        let mut timers = Timers::new();
        if !has_deadlines {
            let changes: Vec<TimerChange<E>> = instance.rearm();
            timers.apply(&changes, own);
        }
        for it in envelope.timers {
            let due = own.after(it.due_unix_nano.saturating_sub(wall.0));
            timers.arm(it.id, due, serde_json::from_value(it.event)?);
        }
        (self.instance, self.timers, self.first) = (instance, timers, Vec::new());
        Ok(())
    }
}

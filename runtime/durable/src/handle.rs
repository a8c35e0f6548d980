//! One running durable instance.

use squall_machine::{Context, Event, Fired, Instance, Ticked, Timestamp};

use crate::record::{Checkpoint, EffectRecord, Entry, Record};
use crate::replay::{Live, identified};
use crate::runner::{RunError, Runner};

/// A running instance. Its steps are recorded before anybody learns of them.
///
/// There must be one handle of an instance at a time. Of two, the second one to record a step is told so by the store,
/// as an error, and must be recovered.
pub struct Handle<C, E> {
    runner: Runner<C, E>,
    id: String,
    live: Live<C, E>,
    next_step: i64,
    /// Effects that are not dispatched yet, in order.
    pending: Vec<EffectRecord>,
    /// Whether a step was taken that may not be recorded. Also when the caller gave up in the middle.
    is_unsettled: bool,
}

impl<C: Context, E: Event> Handle<C, E> {
    pub(crate) fn new(
        runner: Runner<C, E>,
        id: &str,
        live: Live<C, E>,
        next_step: i64,
        pending: Vec<EffectRecord>,
    ) -> Self {
        let is_dispatching = runner.handler.is_some() && runner.store.dispatches().is_some();
        Handle {
            runner,
            id: id.to_owned(),
            live,
            next_step,
            pending: if is_dispatching { pending } else { vec![] },
            is_unsettled: false,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its state.
    pub fn instance(&self) -> &Instance<C, E> {
        &self.live.instance
    }

    /// The step that is recorded next.
    pub fn next_step(&self) -> i64 {
        self.next_step
    }

    /// When [`Handle::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.live.timers.next()
    }

    /// The step of an event: taken, recorded, and its effects dispatched, in this order.
    ///
    /// # Errors
    /// [`RunError::Fire`], and nothing was recorded. [`RunError::Dispatch`], and the step is recorded. After any other
    /// error it is not known whether it was: the instance must be recovered.
    pub async fn fire(&mut self, event: &E) -> Result<Fired<E>, RunError> {
        self.settled()?;
        let encode = |reason: String| RunError::Encode {
            id: self.id.clone(),
            reason,
        };
        let json = self
            .runner
            .codec
            .encode(event)
            .map_err(|error| encode(error.to_string()))?;
        let json = String::from_utf8(json).map_err(|error| encode(error.to_string()))?;
        let clock = self.runner.clock.clone();
        let (fired, now) = self.live.fire(event, &*clock)?;
        let step = self.next_step;
        self.record(Record {
            entries: now.map(Entry::clock).into_iter().collect(),
            effects: identified(step, &fired.effects),
            ..Record::event(step, json)
        })
        .await?;
        Ok(fired)
    }

    /// Fires all timers that are due. It takes one step, and one for each timer, also if none is due.
    ///
    /// # Errors
    /// As [`Handle::fire`]. The failure of a timer's step is no error of the tick.
    pub async fn tick(&mut self) -> Result<Ticked<E>, RunError> {
        self.settled()?;
        let now = (self.runner.clock)();
        let ticked = self.live.timers.tick(&mut self.live.instance, now);
        let step = self.next_step;
        let timers = u32::try_from(ticked.steps.len()).unwrap_or(u32::MAX);
        let effects = ticked.steps.iter().flatten().flat_map(|fired| &fired.effects);
        self.record(Record {
            effects: identified(step, effects),
            ..Record::tick(step, now, timers)
        })
        .await?;
        Ok(ticked)
    }

    fn settled(&self) -> Result<(), RunError> {
        match self.is_unsettled {
            true => Err(RunError::Unsettled { id: self.id.clone() }),
            false => Ok(()),
        }
    }

    /// Records a step that was taken.
    async fn record(&mut self, mut record: Record) -> Result<(), RunError> {
        self.is_unsettled = true;
        let (step, last) = (record.step, record.last_step());
        let crosses = |every: i64| (last + 1) / every > step / every;
        let is_due = self.runner.every.is_some_and(crosses);
        let is_dispatching = self.runner.handler.is_some() && self.runner.store.dispatches().is_some();
        let pending = if is_dispatching {
            record.effects.clone()
        } else {
            vec![]
        };
        if is_due && self.runner.store.history().is_some() {
            // A past state is rebuilt from the last one of these before it.
            record.snapshot = self.runner.state_of(&self.id, &self.live, &[])?;
        }
        self.runner.store.append(&self.id, record, None).await?;
        self.next_step = last + 1;
        self.pending.extend(pending);
        self.is_unsettled = false;

        let dispatched = self.dispatch().await;
        if is_due {
            // What could not be dispatched goes with it.
            let checkpoint = Checkpoint {
                step: last,
                next_step: self.next_step,
                state: self.runner.state_of(&self.id, &self.live, &self.pending)?,
            };
            self.runner.store.checkpoint(&self.id, checkpoint).await?;
        }
        dispatched
    }

    /// Dispatches what is pending, in order, up to the first failure.
    pub(crate) async fn dispatch(&mut self) -> Result<(), RunError> {
        let (Some(handler), Some(store)) = (&self.runner.handler, self.runner.store.dispatches()) else {
            return Ok(());
        };
        while let Some(effect) = self.pending.first() {
            let applied = handler.apply(&self.id, effect).await;
            applied.map_err(|error| RunError::Dispatch {
                id: self.id.clone(),
                effect: effect.id.clone(),
                message: error.to_string(),
            })?;
            store
                .mark_dispatched(&self.id, std::slice::from_ref(&effect.id))
                .await?;
            self.pending.remove(0);
        }
        Ok(())
    }
}

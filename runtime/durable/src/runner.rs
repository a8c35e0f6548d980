//! Starts, recovers and drives durable instances. Spec: cluster 4.4.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use squall_machine::{
    CastError, Codec, Context, Event, FireError, Fired, Json, Machine, Retain, Timers, Timestamp,
};

use crate::envelope::Envelope;
use crate::handle::Handle;
use crate::record::{BASELINE_STEP, Checkpoint, EffectRecord};
use crate::replay::{EventCodec, Live, identified};
use crate::store::{Store, StoreError};

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Does what effects say.
#[async_trait]
pub trait EffectHandler: Send + Sync + 'static {
    /// Does what one effect says. It is called again with the same id if it fails, or if the process ends before it is
    /// remembered that it was called: a handler for which that matters remembers ids itself.
    ///
    /// # Errors
    /// When it was not done: then it is tried again, before all later effects of the instance.
    async fn apply(&self, instance: &str, effect: &EffectRecord) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Why a durable instance did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is an instance of this id already.
    #[error("there is an instance {id:?} already: recover it")]
    Exists {
        /// The instance.
        id: String,
    },
    /// The instance could not begin.
    #[error(transparent)]
    Cast(#[from] CastError),
    /// The event has no transition, or its step failed. Nothing was recorded, and the instance is as it was.
    #[error(transparent)]
    Fire(#[from] FireError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The step was recorded, and an effect of this instance could not be dispatched. It is tried again with the next
    /// step, and on recovery.
    #[error("effect {effect:?} of instance {id:?} could not be dispatched: {message}")]
    Dispatch {
        /// The instance.
        id: String,
        /// The effect.
        effect: String,
        /// What its handler said.
        message: String,
    },
    /// The recorded past does not lead to a state with this machine.
    #[error("instance {id:?} cannot be recovered: step {step}: {reason}")]
    Replay {
        /// The instance.
        id: String,
        /// The step.
        step: i64,
        /// What does not fit.
        reason: String,
    },
    /// There are records, and no state that they begin with.
    #[error("instance {id:?} has no checkpoint to begin with: it was never started")]
    NoBaseline {
        /// The instance.
        id: String,
    },
    /// A step before this one may or may not have been recorded.
    #[error("it is not known what was recorded of instance {id:?}: recover it")]
    Unsettled {
        /// The instance.
        id: String,
    },
    /// An event or a context has no JSON.
    #[error("instance {id:?} cannot be written: {reason}")]
    Encode {
        /// The instance.
        id: String,
        /// Why.
        reason: String,
    },
}

/// Starts and recovers the instances of one machine in one store.
pub struct Runner<C, E> {
    pub(crate) machine: Machine<C, E>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) codec: EventCodec<E>,
    pub(crate) every: Option<i64>,
    pub(crate) handler: Option<Arc<dyn EffectHandler>>,
}

impl<C, E> Clone for Runner<C, E> {
    fn clone(&self) -> Self {
        Runner {
            machine: self.machine.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            codec: self.codec.clone(),
            every: self.every,
            handler: self.handler.clone(),
        }
    }
}

impl<C: Context, E: Event> Runner<C, E> {
    /// Instances of `machine` in `store`, whose timers go by `clock`. Without checkpoints, and without a handler for
    /// effects.
    pub fn new(
        machine: Machine<C, E>,
        store: Arc<dyn Store>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Runner {
            machine,
            store,
            clock: Arc::new(clock),
            codec: Arc::new(Json),
            every: None,
            handler: None,
        }
    }

    /// Makes a checkpoint after every so many steps.
    #[must_use]
    pub fn checkpoint_every(mut self, steps: u32) -> Self {
        self.every = (steps > 0).then(|| i64::from(steps));
        self
    }

    /// Who does what effects say. Without one, or with a store that does not remember it, effects are only recorded.
    #[must_use]
    pub fn effects(mut self, handler: Arc<dyn EffectHandler>) -> Self {
        self.handler = Some(handler);
        self
    }

    /// How events are written: with serde, unless said otherwise.
    #[must_use]
    pub fn event_codec(mut self, codec: impl Codec<E>) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    /// Begins an instance. The timers of its first states are armed.
    ///
    /// # Errors
    /// [`RunError::Exists`]; others when it cannot begin or cannot be written.
    pub async fn start(&self, id: &str, context: C) -> Result<Handle<C, E>, RunError> {
        let exists = || RunError::Exists { id: id.to_owned() };
        match self.store.load(id).await {
            Ok(_) => return Err(exists()),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let cast = self.machine.cast_with(context, Retain::All)?;
        let mut timers = Timers::new();
        if !cast.timers.is_empty() {
            timers.apply(&cast.timers, (self.clock)());
        }
        let live = Live {
            instance: cast.instance,
            timers,
        };
        let effects = identified(BASELINE_STEP, &cast.effects);
        let state = self.state_of(id, &live, &effects)?;
        match self.store.checkpoint(id, Checkpoint::baseline(state)).await {
            // Another one began it meanwhile.
            Err(StoreError::NotAdvancing { .. }) => return Err(exists()),
            result => result?,
        }
        let mut handle = Handle::new(self.clone(), id, live, 0, effects);
        handle.dispatch().await?;
        Ok(handle)
    }

    /// Goes on with an instance where its records end, and dispatches the effects that were not.
    ///
    /// # Errors
    /// When there is none, its records cannot be read, or do not fit the machine.
    pub async fn recover(&self, id: &str) -> Result<Handle<C, E>, RunError> {
        let loaded = self.store.load(id).await?;
        let checkpoint = loaded.checkpoint;
        let checkpoint = checkpoint.ok_or_else(|| RunError::NoBaseline { id: id.to_owned() })?;
        let unfit = |step: i64, reason: &dyn std::fmt::Display| RunError::Replay {
            id: id.to_owned(),
            step,
            reason: reason.to_string(),
        };
        let restored = Live::restore(&self.machine, &*self.codec, &checkpoint.state);
        let (mut live, mut effects) = restored.map_err(|error| unfit(checkpoint.step, &error))?;
        for record in &loaded.tail {
            let replayed = live.replay(&*self.codec, record);
            replayed.map_err(|error| unfit(record.step, &error))?;
            effects.extend(record.effects.iter().cloned());
        }
        let dispatched = match self.store.dispatches() {
            Some(store) => store.dispatched(id).await?,
            None => BTreeSet::new(),
        };
        effects.retain(|effect| !dispatched.contains(&effect.id));
        let mut handle = Handle::new(self.clone(), id, live, loaded.next_step, effects);
        handle.dispatch().await?;
        Ok(handle)
    }

    /// Recovers an instance for the step of one event.
    ///
    /// # Errors
    /// As [`Runner::recover`] and [`Handle::fire`].
    pub async fn fire(&self, id: &str, event: &E) -> Result<Fired<E>, RunError> {
        self.recover(id).await?.fire(event).await
    }

    /// The JSON of a checkpoint.
    pub(crate) fn state_of(
        &self,
        id: &str,
        live: &Live<C, E>,
        effects: &[EffectRecord],
    ) -> Result<String, RunError> {
        let encode = |reason: &dyn std::fmt::Display| RunError::Encode {
            id: id.to_owned(),
            reason: reason.to_string(),
        };
        let envelope = Envelope {
            snapshot: live.instance.snapshot().map_err(|error| encode(&error))?,
            timers: Envelope::pending(&live.timers, &*self.codec).map_err(|error| encode(&error))?,
            effects: effects.to_vec(),
        };
        envelope.to_json().map_err(|error| encode(&error))
    }
}

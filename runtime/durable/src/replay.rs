//! Replays records: the same events, and the same readings of the clock, lead to the same state.

use std::sync::Arc;

use squall_machine::{
    Codec, CodecError, Context, Effect, Event, FireError, Fired, Instance, Machine, RestoreError,
    RestoreOptions, Retain, Timers, Timestamp,
};

use crate::envelope::Envelope;
use crate::record::{EffectRecord, EntryKind, Record};

/// An instance with its timers.
#[derive(Debug, Clone)]
pub(crate) struct Live<C, E> {
    pub(crate) instance: Instance<C, E>,
    pub(crate) timers: Timers<E>,
}

/// Why a record, or the state before it, does not fit the machine.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("its state is neither a snapshot nor an envelope of one: {0}")]
    State(String),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("its timers cannot be read: {0}")]
    Timers(CodecError),
    #[error("its event cannot be read: {0}")]
    Event(CodecError),
    #[error("its event fails now: {0}")]
    Fire(FireError),
    #[error("it changes timers, and has no reading of the clock")]
    NoClock,
    #[error("its tick fires {fired} timers now, and fired {recorded} when it was recorded")]
    Tick { fired: usize, recorded: u32 },
    #[error("it has the result of a service or of an actor, which are not supported")]
    Unsupported,
}

impl<C: Context, E: Event> Live<C, E> {
    /// The state of a checkpoint. Its timers are armed before anything is replayed: a record may have fired them.
    pub(crate) fn restore(
        machine: &Machine<C, E>,
        codec: &dyn Codec<E>,
        state: &str,
    ) -> Result<(Self, Vec<EffectRecord>), Unfit> {
        let envelope = Envelope::from_json(state).map_err(|error| Unfit::State(error.to_string()))?;
        let options = RestoreOptions {
            retain: Some(Retain::All),
            ..RestoreOptions::default()
        };
        let live = Live {
            instance: machine.restore(&envelope.snapshot, options)?,
            timers: envelope.timers(codec).map_err(Unfit::Timers)?,
        };
        Ok((live, envelope.effects))
    }

    /// Takes the step of a record again.
    pub(crate) fn replay(&mut self, codec: &dyn Codec<E>, record: &Record) -> Result<(), Unfit> {
        let from_outside = |kind| matches!(kind, EntryKind::ServiceResult | EntryKind::ActorMessage);
        if record.entries.iter().any(|entry| from_outside(entry.kind)) {
            return Err(Unfit::Unsupported);
        }
        if record.tick {
            let now = record.clock().ok_or(Unfit::NoClock)?;
            let fired = self.timers.tick(&mut self.instance, now).steps.len();
            let recorded = record.tick_steps;
            if fired != recorded as usize {
                return Err(Unfit::Tick { fired, recorded });
            }
            return Ok(());
        }
        if record.event.is_empty() {
            return Ok(());
        }
        let event = codec.decode(record.event.as_bytes()).map_err(Unfit::Event)?;
        let fired = self.instance.fire(&event).map_err(Unfit::Fire)?;
        if !fired.timers.is_empty() {
            let now = record.clock().ok_or(Unfit::NoClock)?;
            self.timers.apply(&fired.timers, now);
        }
        Ok(())
    }

    /// Takes the step of an event. The clock is read only if the step arms or cancels timers.
    pub(crate) fn fire(
        &mut self,
        event: &E,
        clock: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(Fired<E>, Option<Timestamp>), FireError> {
        let fired = self.instance.fire(event)?;
        let now = (!fired.timers.is_empty()).then(clock);
        if let Some(now) = now {
            self.timers.apply(&fired.timers, now);
        }
        Ok((fired, now))
    }
}

/// Effects with their identities.
pub(crate) fn identified<'a>(step: i64, effects: impl IntoIterator<Item = &'a Effect>) -> Vec<EffectRecord> {
    let effects = effects.into_iter().enumerate();
    effects
        .map(|(ordinal, effect)| EffectRecord {
            id: format!("{step}#{ordinal}#{}", effect.kind),
            action: effect.action.clone(),
            kind: effect.kind.clone(),
            payload: effect.payload.clone(),
        })
        .collect()
}

pub(crate) type EventCodec<E> = Arc<dyn Codec<E>>;

//! Past states of durable instances, rebuilt from their records. Read-only: no effect is dispatched. Spec: cluster 4.5,
//! 4.6.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use squall_cluster::{HistoryError, TimeTravel};
use squall_machine::{Codec, Context, Event, Instance, Json, Machine};
use tokio::sync::Semaphore;

use crate::record::{BASELINE_STEP, Checkpoint, Record};
use crate::replay::{EventCodec, Live};
use crate::store::{Store, StoreError};

/// How many states are kept, so that the next one is not rebuilt from the start.
const CACHED_MAX: usize = 64;
/// How many states are rebuilt at a time.
const CONCURRENT_MAX: usize = 4;
/// After so many records others get their turn, and a caller that gave up is noticed.
const RECORDS_PER_TURN: usize = 16;

/// The past of the instances of one machine in one store.
///
/// In a store with history all states are there. In another one, those since the latest checkpoint. Guards, actions and
/// assigns run again, and must be functions of their arguments alone.
pub struct Past<C, E> {
    machine: Machine<C, E>,
    store: Arc<dyn Store>,
    codec: EventCodec<E>,
    cache: Mutex<Cache<C, E>>,
    turns: Semaphore,
}

/// The state of an instance after a step.
#[derive(Debug, Clone)]
pub struct View<C, E> {
    step: i64,
    instance: Instance<C, E>,
}

impl<C, E> View<C, E> {
    /// The step that was asked for.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// The instance. Changes of it change nothing else.
    pub fn instance(&self) -> &Instance<C, E> {
        &self.instance
    }

    /// The instance, to go on with.
    pub fn into_instance(self) -> Instance<C, E> {
        self.instance
    }
}

struct Cache<C, E> {
    states: BTreeMap<(String, i64), Live<C, E>>,
    /// The keys, oldest first.
    order: VecDeque<(String, i64)>,
}

impl<C: Clone, E: Clone> Cache<C, E> {
    /// The latest state not after `step`.
    fn before(&self, id: &str, step: i64) -> Option<(i64, Live<C, E>)> {
        let range = (id.to_owned(), i64::MIN)..=(id.to_owned(), step);
        let ((_, step), live) = self.states.range(range).next_back()?;
        Some((*step, live.clone()))
    }

    fn keep(&mut self, id: &str, step: i64, live: &Live<C, E>) {
        let key = (id.to_owned(), step);
        if self.states.insert(key.clone(), live.clone()).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > CACHED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.states.remove(&oldest);
            }
        }
    }
}

/// What there is of an instance.
struct Recorded {
    /// The state that the records begin with.
    first: Checkpoint,
    records: Vec<Arc<Record>>,
}

impl Recorded {
    fn last(&self) -> i64 {
        let last = self.records.last().map(|record| record.last_step());
        last.unwrap_or(self.first.step).max(self.first.step)
    }
}

impl<C: Context, E: Event> Past<C, E> {
    /// The past of instances of `machine` in `store`.
    pub fn new(machine: Machine<C, E>, store: Arc<dyn Store>) -> Self {
        Past {
            machine,
            store,
            codec: Arc::new(Json),
            cache: Mutex::new(Cache {
                states: BTreeMap::new(),
                order: VecDeque::new(),
            }),
            turns: Semaphore::new(CONCURRENT_MAX),
        }
    }

    /// How events were written: with serde, unless said otherwise. Contexts have the codec of the machine.
    #[must_use]
    pub fn event_codec(mut self, codec: impl Codec<E>) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    fn cache(&self) -> MutexGuard<'_, Cache<C, E>> {
        // Nothing in here panics halfway through a change.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of an instance after a step; [`BASELINE_STEP`](crate::BASELINE_STEP) is the state that it started
    /// with. Within a tick, the state after all of it. May be dropped at any time.
    ///
    /// # Errors
    /// When the step is not there, or its records do not fit the machine.
    pub async fn view(&self, id: &str, step: i64) -> Result<View<C, E>, HistoryError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let recorded = self.recorded(id).await?;
        check(id, step, &recorded)?;
        let unfit = |step, error: &dyn std::fmt::Display| HistoryError::Replay {
            id: id.to_owned(),
            step,
            reason: error.to_string(),
        };
        let codec = &*self.codec;
        let until = recorded.records.partition_point(|record| record.step <= step);
        let records = &recorded.records[..until];
        let reached = records.last().map_or(recorded.first.step, |record| record.step);

        let cached = self
            .cache()
            .before(id, reached)
            .filter(|(at, _)| *at >= recorded.first.step);
        let written = records.iter().rev().find(|record| !record.snapshot.is_empty());
        let (from, mut live) = match (cached, written) {
            (Some((at, live)), written) if written.is_none_or(|record| record.step <= at) => (at, live),
            (_, Some(record)) => {
                let restored = Live::restore(&self.machine, codec, &record.snapshot);
                (
                    record.step,
                    restored.map_err(|error| unfit(record.step, &error))?.0,
                )
            }
            (_, None) => {
                let first = &recorded.first;
                let restored = Live::restore(&self.machine, codec, &first.state);
                (first.step, restored.map_err(|error| unfit(first.step, &error))?.0)
            }
        };
        let start = records.partition_point(|record| record.step <= from);
        for (count, record) in records[start..].iter().enumerate() {
            if count % RECORDS_PER_TURN == RECORDS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            live.replay(codec, record)
                .map_err(|error| unfit(record.step, &error))?;
        }
        self.cache().keep(id, reached, &live);
        Ok(View {
            step,
            instance: live.instance,
        })
    }

    async fn recorded(&self, id: &str) -> Result<Recorded, HistoryError> {
        let error = |error| told(id, &error);
        let (first, records) = match self.store.history() {
            Some(store) => {
                let history = store.history(id).await.map_err(error)?;
                (history.baseline, history.records)
            }
            None => {
                let loaded = self.store.load(id).await.map_err(error)?;
                (loaded.checkpoint, loaded.tail)
            }
        };
        match first {
            Some(first) => Ok(Recorded { first, records }),
            None => Err(HistoryError::NoBaseline { id: id.to_owned() }),
        }
    }
}

fn check(id: &str, step: i64, recorded: &Recorded) -> Result<(), HistoryError> {
    let (first, last) = (recorded.first.step, recorded.last());
    if step < BASELINE_STEP || step > last {
        return Err(HistoryError::OutOfRange {
            id: id.to_owned(),
            step,
            first: BASELINE_STEP,
            last,
        });
    }
    if step < first {
        return Err(HistoryError::Compacted {
            id: id.to_owned(),
            step,
            oldest: first,
        });
    }
    Ok(())
}

/// What a store's error is to those who ask for the past.
fn told(id: &str, error: &StoreError) -> HistoryError {
    let id = id.to_owned();
    match error {
        // An id that no folder can have has no instance.
        StoreError::NotFound { .. } | StoreError::IdTooLong { .. } => HistoryError::NotFound { id },
        StoreError::Damaged { .. } => HistoryError::Damaged {
            id,
            reason: error.to_string(),
        },
        _ => HistoryError::Store {
            id,
            reason: error.to_string(),
        },
    }
}

/// The past as other nodes ask for it.
#[async_trait]
impl<C: Context, E: Event> TimeTravel for Past<C, E> {
    async fn state_at(&self, id: &str, step: i64) -> Result<Bytes, HistoryError> {
        let view = self.view(id, step).await?;
        let json = view.instance.snapshot_json();
        json.map(Bytes::from).map_err(|error| HistoryError::Replay {
            id: id.to_owned(),
            step,
            reason: error.to_string(),
        })
    }

    async fn steps(&self, id: &str) -> Result<Vec<i64>, HistoryError> {
        let records = match self.store.history() {
            Some(store) => store.history(id).await.map(|it| it.records),
            None => self.store.load(id).await.map(|it| it.tail),
        };
        let records = records.map_err(|error| told(id, &error))?;
        Ok(records.iter().map(|record| record.step).collect())
    }
}

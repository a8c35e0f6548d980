//! A store in memory: for tests, and for instances that may end with their process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::model::{Admitted, Model};
use crate::record::{Checkpoint, Record};
use crate::store::{DispatchStore, History, HistoryStore, Loaded, Store, StoreError};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemStore {
    instances: Mutex<BTreeMap<String, Model>>,
    has_history: bool,
}

impl MemStore {
    /// Forgets records that a checkpoint replaces.
    pub fn new() -> Self {
        MemStore::default()
    }

    /// Keeps all records.
    pub fn with_history() -> Self {
        MemStore {
            has_history: true,
            ..MemStore::default()
        }
    }

    fn instances(&self) -> MutexGuard<'_, BTreeMap<String, Model>> {
        // Nothing in here panics halfway through a change.
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, id: &str, read: impl FnOnce(&Model) -> T) -> Result<T, StoreError> {
        match self.instances().get(id) {
            Some(model) => Ok(read(model)),
            None => Err(StoreError::NotFound { id: id.to_owned() }),
        }
    }

    /// Changes an instance, or a new one. A new one stays only if the change is made.
    fn write<T>(
        &self,
        id: &str,
        write: impl FnOnce(&mut Model) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut instances = self.instances();
        if let Some(model) = instances.get_mut(id) {
            return write(model);
        }
        let mut model = Model::new(self.has_history);
        let result = write(&mut model)?;
        if model.exists() {
            instances.insert(id.to_owned(), model);
        }
        Ok(result)
    }
}

#[async_trait]
impl Store for MemStore {
    async fn append(&self, id: &str, record: Record, key: Option<&str>) -> Result<u64, StoreError> {
        self.write(id, |model| match model.admit(id, record, key)? {
            Admitted::Known(seq) => Ok(seq),
            Admitted::New(numbered) => {
                let seq = numbered.seq;
                model.add(numbered);
                Ok(seq)
            }
        })
    }

    async fn load(&self, id: &str) -> Result<Loaded, StoreError> {
        self.read(id, Model::loaded)
    }

    async fn checkpoint(&self, id: &str, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.write(id, |model| {
            model.admit_checkpoint(id, &checkpoint)?;
            model.replace(checkpoint);
            Ok(())
        })
    }

    fn history(&self) -> Option<&dyn HistoryStore> {
        self.has_history.then_some(self)
    }

    fn dispatches(&self) -> Option<&dyn DispatchStore> {
        Some(self)
    }
}

#[async_trait]
impl HistoryStore for MemStore {
    async fn history(&self, id: &str) -> Result<History, StoreError> {
        self.read(id, |model| match model.history() {
            Some(history) => history,
            None => {
                let Loaded { checkpoint, tail, .. } = model.loaded();
                History {
                    baseline: checkpoint,
                    records: tail,
                }
            }
        })
    }
}

#[async_trait]
impl DispatchStore for MemStore {
    async fn mark_dispatched(&self, id: &str, effects: &[String]) -> Result<(), StoreError> {
        self.write(id, |model| {
            model.mark(effects.iter().cloned());
            Ok(())
        })
    }

    async fn dispatched(&self, id: &str) -> Result<BTreeSet<String>, StoreError> {
        let instances = self.instances();
        Ok(instances
            .get(id)
            .map(|model| model.dispatched().clone())
            .unwrap_or_default())
    }
}

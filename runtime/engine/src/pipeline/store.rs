//! Stores pipelines by name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Pipeline;
use crate::names;

/// The maximum number of pipelines in a store.
pub const PIPELINES_MAX: usize = 10_000;

/// Pipelines by name, in memory: they are lost when the process ends. Names are like those of modules.
#[derive(Debug, Default)]
pub struct PipelineStore {
    pipelines: RwLock<BTreeMap<Arc<str>, Arc<Pipeline>>>,
}

impl PipelineStore {
    /// An empty store.
    pub fn new() -> Self {
        PipelineStore::default()
    }

    /// Stores a pipeline, or replaces one of the same name. Runs in progress are not affected.
    ///
    /// # Errors
    /// When the name is invalid, or [`PIPELINES_MAX`] are stored.
    pub fn set(&self, name: impl Into<Arc<str>>, pipeline: Arc<Pipeline>) -> Result<(), StoreError> {
        let name = name.into();
        if let Err(why) = names::check(&name) {
            return Err(StoreError::Name { name, why });
        }
        let mut pipelines = self.pipelines.write().unwrap_or_else(PoisonError::into_inner);
        if pipelines.len() >= PIPELINES_MAX && !pipelines.contains_key(&name) {
            return Err(StoreError::Full);
        }
        pipelines.insert(name, pipeline);
        Ok(())
    }

    /// The pipeline of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Pipeline>> {
        let pipelines = self.pipelines.read().unwrap_or_else(PoisonError::into_inner);
        pipelines.get(name).cloned()
    }

    /// All names and pipelines, sorted by name.
    pub fn list(&self) -> Vec<(Arc<str>, Arc<Pipeline>)> {
        let pipelines = self.pipelines.read().unwrap_or_else(PoisonError::into_inner);
        let copy = |(name, pipeline): (&Arc<str>, &Arc<Pipeline>)| (name.clone(), pipeline.clone());
        pipelines.iter().map(copy).collect()
    }

    /// Removes a pipeline; false when there is none of that name.
    pub fn remove(&self, name: &str) -> bool {
        let mut pipelines = self.pipelines.write().unwrap_or_else(PoisonError::into_inner);
        pipelines.remove(name).is_some()
    }
}

/// Why a pipeline is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The name is invalid.
    #[error("'{name}' is no name of a pipeline: {why}")]
    Name {
        /// The given name.
        name: Arc<str>,
        /// The mistake.
        why: String,
    },
    /// The store is full.
    #[error("{PIPELINES_MAX} pipelines are kept, and no more can be")]
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(source: &str) -> Arc<Pipeline> {
        Arc::new(Pipeline::parse(source).unwrap())
    }

    #[test]
    fn a_pipeline_is_found_by_its_name_until_it_is_removed() {
        let store = PipelineStore::new();
        let (first, second) = (pipeline("out a = 1"), pipeline("out a = 2"));
        store.set("b", first.clone()).unwrap();
        store.set("a", first.clone()).unwrap();
        store.set("b", second.clone()).unwrap();
        assert_eq!(store.list(), [("a".into(), first), ("b".into(), second.clone())]);
        assert_eq!(store.get("b"), Some(second));
        assert!(store.remove("b"));
        assert_eq!((store.get("b"), store.remove("b")), (None, false));
    }

    #[test]
    fn a_name_that_no_module_could_have_is_refused() {
        let store = PipelineStore::new();
        let refused = store.set("not a name", pipeline("out a = 1"));
        assert!(matches!(refused, Err(StoreError::Name { .. })), "{refused:?}");
        assert_eq!(store.list(), []);
    }

    #[test]
    fn a_full_store_refuses_new_names_and_replaces_old_ones() {
        let store = PipelineStore::new();
        let pipeline = pipeline("out a = 1");
        for index in 0..PIPELINES_MAX {
            store.set(format!("p{index}"), pipeline.clone()).unwrap();
        }
        assert_eq!(store.set("another", pipeline.clone()), Err(StoreError::Full));
        assert_eq!(store.set("p0", pipeline), Ok(()));
    }
}

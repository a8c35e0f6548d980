//! Reads the files of one instance, and replaces them as a whole.

use std::io;
use std::path::Path;

use squall_platform::{Storage, StorageFile};

use super::format::{self, CheckpointFile, Damage, Entry};
use super::{Root, failed};
use crate::model::Model;
use crate::record::{BASELINE_STEP, Checkpoint};
use crate::store::StoreError;

/// The base of a log that needs no checkpoint.
const NO_CHECKPOINT: i64 = BASELINE_STEP - 1;

/// Whether a file that was to be replaced is still the old one.
pub(super) enum Replace {
    Before(StoreError),
    /// It may be either, until the folder is read again.
    After(StoreError),
}

/// The folder of an instance.
pub(super) struct Files<'a, S: Storage> {
    pub(super) root: &'a Root<S>,
    pub(super) folder: &'a Path,
}

impl<S: Storage> Files<'_, S> {
    /// What the files say. The length of the log is `None` when it must be written anew.
    pub(super) async fn read(&self) -> Result<(Model, Option<u64>), StoreError> {
        let mut model = Model::new(self.root.options.history);
        let names = match self.root.storage.list(self.folder).await {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((model, None)),
            Err(error) => return Err(failed(self.folder, "listed", &error)),
        };
        for name in names.iter().filter(|name| name.ends_with(".new")) {
            let path = self.folder.join(name);
            let removed = self.root.storage.remove(&path).await;
            removed.map_err(|error| failed(&path, "removed", &error))?;
        }
        // The process may have ended between a rename and its sync: from here on the new names are relied upon.
        let synced = self.root.storage.sync_dir(self.folder).await;
        synced.map_err(|error| failed(self.folder, "synced", &error))?;
        let has = |name: &str| names.iter().any(|it| it == name);
        let checkpoint = match has("checkpoint") {
            true => Some(self.read_file("checkpoint", format::read_checkpoint).await?.0),
            false => None,
        };
        if !has("log") {
            // The log is created first.
            return match checkpoint {
                None => Ok((model, None)),
                Some(_) => Err(self.damaged("log", Damage::missing("there is a checkpoint, and no log"))),
            };
        }
        let (log, length) = self.read_file("log", format::read_log).await?;
        let is_settled = log.is_settled;
        let needed = log.entries.iter().filter_map(|entry| match entry {
            Entry::Checkpointed(step) => Some(*step),
            _ => None,
        });
        let needed = needed.chain([log.base]).max().unwrap_or(NO_CHECKPOINT);
        let found = checkpoint
            .as_ref()
            .map_or(NO_CHECKPOINT, |file| file.checkpoint.step);
        if found < needed {
            let reason = format!("the log needs a checkpoint of step {needed} or later");
            return Err(self.damaged("checkpoint", Damage::missing(reason)));
        }
        model.restore(checkpoint, log.entries);
        Ok((model, is_settled.then_some(length)))
    }

    async fn read_file<T>(
        &self,
        name: &str,
        read: impl FnOnce(&[u8]) -> Result<T, Damage>,
    ) -> Result<(T, u64), StoreError> {
        let path = self.folder.join(name);
        let bytes = self.root.storage.read(&path).await;
        let bytes = bytes.map_err(|error| failed(&path, "read", &error))?;
        let content = read(&bytes).map_err(|damage| self.damaged(name, damage))?;
        Ok((content, bytes.len() as u64))
    }

    fn damaged(&self, name: &str, damage: Damage) -> StoreError {
        StoreError::Damaged {
            path: self.folder.join(name),
            offset: damage.offset,
            reason: damage.reason,
        }
    }

    pub(super) async fn open_log(&self) -> Result<S::File, StoreError> {
        let path = self.folder.join("log");
        let log = self.root.storage.open(&path).await;
        log.map_err(|error| failed(&path, "opened", &error))
    }

    /// Writes the log of a model, as a new file.
    pub(super) async fn rewrite(&self, model: &Model) -> Result<(S::File, u64), StoreError> {
        let storage = &self.root.storage;
        let created = storage.create_dir(self.folder).await;
        created.map_err(|error| failed(self.folder, "created", &error))?;
        let synced = storage.sync_dir(&self.root.path).await;
        synced.map_err(|error| failed(&self.root.path, "synced", &error))?;
        let bytes = log_of(model);
        let length = bytes.len() as u64;
        match self.replace("log", bytes).await {
            Ok(log) => Ok((log, length)),
            Err(Replace::Before(error) | Replace::After(error)) => Err(error),
        }
    }

    /// Replaces a file as a whole: after a crash it is the old one or the new one.
    pub(super) async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<S::File, Replace> {
        let storage = &self.root.storage;
        let (path, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let write = async {
            let file = storage.create(&new).await?;
            file.write_at(0, bytes).await?;
            file.sync().await?;
            Ok(file)
        };
        let file = write.await;
        let file = file.map_err(|error| Replace::Before(failed(&new, "written", &error)))?;
        let renamed = storage.rename(&new, &path).await;
        renamed.map_err(|error| Replace::After(failed(&path, "replaced", &error)))?;
        let synced = storage.sync_dir(self.folder).await;
        synced.map_err(|error| Replace::After(failed(self.folder, "synced", &error)))?;
        Ok(file)
    }
}

impl Damage {
    fn missing(reason: impl Into<String>) -> Self {
        Damage {
            offset: 0,
            reason: reason.into(),
        }
    }
}

impl Model {
    /// What is in a checkpoint's file besides it.
    pub(super) fn file_of(&self, checkpoint: &Checkpoint) -> CheckpointFile {
        CheckpointFile {
            checkpoint: checkpoint.clone(),
            replaced: self.replaced_by(checkpoint.step),
            keys: self.keys_before(checkpoint.step),
            dispatched: self.dispatched().iter().cloned().collect(),
        }
    }

    /// What files say.
    fn restore(&mut self, checkpoint: Option<CheckpointFile>, entries: Vec<Entry>) {
        if let Some(file) = checkpoint {
            // The first checkpoint of a store with history is in its log, and takes precedence.
            for entry in &entries {
                if let Entry::Baseline(baseline) = entry {
                    self.replace(baseline.clone());
                }
            }
            self.resume(file.keys, file.replaced);
            if self.checkpoint() != Some(&file.checkpoint) {
                self.replace(file.checkpoint);
            }
            self.mark(file.dispatched);
        }
        for entry in entries {
            match entry {
                Entry::Append(numbered) => self.add(numbered),
                Entry::Dispatched(effects) => self.mark(effects),
                Entry::Checkpointed(_) | Entry::Baseline(_) => {}
            }
        }
    }
}

/// The bytes of a log with all that a model keeps besides its checkpoint.
pub(super) fn log_of(model: &Model) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut add = |entry: &Entry| format::frame(&mut frames, format::FRAMES, &format::json(entry));
    let base = model.checkpoint().map_or(NO_CHECKPOINT, |it| it.step);
    if let Some(baseline) = model.baseline() {
        add(&Entry::Baseline(baseline.clone()));
    }
    for numbered in model.kept() {
        add(&Entry::Append(numbered.clone()));
    }
    if !model.dispatched().is_empty() {
        add(&Entry::Dispatched(model.dispatched().iter().cloned().collect()));
    }
    let mut bytes = format::head(base, format::FRAMES + frames.len() as u64);
    bytes.extend(frames);
    bytes
}

//! The files of one instance.
//!
//! ```text
//! append: model <- entry, entry staged -> settle: whoever has the writer writes all staged entries and syncs once
//! ```
//!
//! The model is ahead of the files by what is staged. Nobody is told of an entry before it is synced; and when a write fails,
//! the model is given up.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_platform::{Storage, StorageFile};

use super::format::{self, CheckpointFile, Damage, Entry};
use super::{Root, failed};
use crate::model::{Admitted, Model};
use crate::record::{BASELINE_STEP, Checkpoint, Record};
use crate::store::{History, Loaded, StoreError};

/// The base of a log that needs no checkpoint.
const NO_CHECKPOINT: i64 = BASELINE_STEP - 1;

/// One instance, open.
pub(super) struct Instance<S: Storage> {
    root: Arc<Root<S>>,
    id: String,
    folder: PathBuf,
    state: Mutex<State>,
    writer: tokio::sync::Mutex<Writer<S::File>>,
}

struct State {
    model: Model,
    /// The JSON of entries that are not written yet.
    staged: Vec<Vec<u8>>,
    /// How many entries were ever staged.
    ticket: u64,
    /// What went wrong: then the files must be read again.
    broken: Option<StoreError>,
}

struct Writer<F> {
    log: F,
    /// Of the log, synced.
    length: u64,
    /// The slot that is written next.
    slot: usize,
    /// All entries up to this one are synced.
    ticket: u64,
    /// The length of the log after it was last shortened, or when it was opened.
    live: u64,
}

impl<S: Storage> Instance<S> {
    /// Reads the files of an instance, and makes them ready to be written. Creates them, if there are none.
    pub(super) async fn open(
        root: Arc<Root<S>>,
        id: String,
        folder: PathBuf,
    ) -> Result<Arc<Self>, StoreError> {
        let files = Files {
            root: &root,
            folder: &folder,
        };
        let (model, log) = files.read().await?;
        let (log, length) = match log {
            Some(length) => (files.open_log().await?, length),
            // There is none, or its end is torn or not known to be synced: it is written anew.
            None => files.rewrite(&model).await?,
        };
        let state = State {
            model,
            staged: vec![],
            ticket: 0,
            broken: None,
        };
        let writer = Writer {
            log,
            length,
            slot: 1,
            ticket: 0,
            live: length,
        };
        Ok(Arc::new(Instance {
            root,
            id,
            folder,
            state: Mutex::new(state),
            writer: tokio::sync::Mutex::new(writer),
        }))
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> Files<'_, S> {
        Files {
            root: &self.root,
            folder: &self.folder,
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.state().broken.is_none()
    }

    /// The last staged entry.
    pub(super) fn ticket(&self) -> u64 {
        self.state().ticket
    }

    pub(super) fn append(&self, record: Record, key: Option<&str>) -> Result<(u64, u64), StoreError> {
        let mut state = self.state();
        state.usable()?;
        match state.model.admit(&self.id, record, key)? {
            // It may be staged: whoever hears of it waits for it.
            Admitted::Known(seq) => Ok((seq, state.ticket)),
            Admitted::New(numbered) => {
                let seq = numbered.seq;
                let json = format::json(&Entry::Append(numbered.clone()));
                if json.len() > format::ENTRY_BYTES_MAX {
                    return Err(StoreError::TooLong {
                        id: self.id.clone(),
                        bytes: json.len(),
                        max: format::ENTRY_BYTES_MAX,
                    });
                }
                state.stage(json);
                state.model.add(numbered);
                Ok((seq, state.ticket))
            }
        }
    }

    pub(super) fn mark(&self, effects: &[String]) -> Result<u64, StoreError> {
        let mut state = self.state();
        state.usable()?;
        let new = effects
            .iter()
            .filter(|it| !state.model.dispatched().contains(*it));
        let new: Vec<String> = new.cloned().collect();
        if !new.is_empty() {
            state.stage(format::json(&Entry::Dispatched(new.clone())));
            state.model.mark(new);
        }
        Ok(state.ticket)
    }

    pub(super) fn loaded(&self) -> Option<Loaded> {
        let state = self.state();
        state.model.exists().then(|| state.model.loaded())
    }

    pub(super) fn history(&self) -> Option<History> {
        let state = self.state();
        state.model.history().filter(|_| state.model.exists())
    }

    pub(super) fn dispatched(&self) -> BTreeSet<String> {
        self.state().model.dispatched().clone()
    }

    /// Returns once all entries up to this one are synced.
    pub(super) async fn settle(&self, ticket: u64) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        if writer.ticket >= ticket {
            return Ok(());
        }
        let result = self.write_staged(&mut writer).await;
        self.keep_failure(result)
    }

    /// A failure makes the instance unusable.
    fn keep_failure<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.state().broken.get_or_insert_with(|| error.clone());
        }
        result
    }

    async fn write_staged(&self, writer: &mut Writer<S::File>) -> Result<(), StoreError> {
        let (staged, ticket) = {
            let mut state = self.state();
            state.usable()?;
            (std::mem::take(&mut state.staged), state.ticket)
        };
        if !staged.is_empty() {
            let path = self.folder.join("log");
            let write = writer.write(&staged).await;
            write.map_err(|error| failed(&path, "written", &error))?;
        }
        writer.ticket = ticket;
        Ok(())
    }

    pub(super) async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        // Before anything is replaced, all that it replaces is synced.
        let written = self.write_staged(&mut writer).await;
        self.keep_failure(written)?;
        let (file, is_first) = {
            let state = self.state();
            state.model.admit_checkpoint(&self.id, &checkpoint)?;
            (
                state.model.file_of(&checkpoint),
                state.model.checkpoint().is_none(),
            )
        };
        if is_first && self.root.options.history {
            self.state()
                .stage(format::json(&Entry::Baseline(checkpoint.clone())));
            let written = self.write_staged(&mut writer).await;
            self.keep_failure(written)?;
        }
        let replaced = self
            .files()
            .replace("checkpoint", format::checkpoint(&file))
            .await;
        match replaced {
            Ok(_) => {}
            // The old one is still there.
            Err(Replace::Before(error)) => return Err(error),
            Err(Replace::After(error)) => return self.keep_failure(Err(error)),
        }
        {
            let mut state = self.state();
            // Goes with the next entry: the checkpoint is there already.
            state.stage(format::json(&Entry::Checkpointed(checkpoint.step)));
            state.model.replace(checkpoint);
        }
        let shortened = self.shorten(&mut writer).await;
        self.keep_failure(shortened)
    }

    /// Writes a log anew that has become much longer than what is in it.
    async fn shorten(&self, writer: &mut Writer<S::File>) -> Result<(), StoreError> {
        let options = self.root.options;
        let dead = writer.length.saturating_sub(format::FRAMES);
        // After a checkpoint nearly all of it is replaced.
        if options.history || dead < options.compact_bytes || writer.length < writer.live.saturating_mul(2) {
            return Ok(());
        }
        let (bytes, ticket) = {
            let mut state = self.state();
            state.staged.clear();
            (log_of(&state.model), state.ticket)
        };
        let length = bytes.len() as u64;
        match self.files().replace("log", bytes).await {
            Ok(log) => {
                *writer = Writer {
                    log,
                    length,
                    slot: 1,
                    ticket,
                    live: length,
                };
                Ok(())
            }
            Err(Replace::Before(error) | Replace::After(error)) => Err(error),
        }
    }
}

impl State {
    fn usable(&self) -> Result<(), StoreError> {
        match &self.broken {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    fn stage(&mut self, json: Vec<u8>) {
        self.staged.push(json);
        self.ticket += 1;
    }
}

impl<F: StorageFile> Writer<F> {
    /// Adds entries, and syncs once.
    async fn write(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for json in entries {
            format::frame(&mut bytes, self.length, json);
        }
        let length = self.length + bytes.len() as u64;
        self.log.write_at(self.length, bytes).await?;
        self.log.sync().await?;
        self.length = length;
        // This is synced with the next entries. Without it, an opened log is written anew.
        let (place, slot) = format::slot(self.slot, length);
        self.slot = 1 - self.slot;
        self.log.write_at(place, slot).await
    }
}

/// Whether a file that was to be replaced is still the old one.
enum Replace {
    Before(StoreError),
    /// It may be either, until the folder is read again.
    After(StoreError),
}

/// The folder of an instance.
struct Files<'a, S: Storage> {
    root: &'a Root<S>,
    folder: &'a Path,
}

impl<S: Storage> Files<'_, S> {
    /// What the files say. The length of the log is `None` when it must be written anew.
    async fn read(&self) -> Result<(Model, Option<u64>), StoreError> {
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

    async fn open_log(&self) -> Result<S::File, StoreError> {
        let path = self.folder.join("log");
        let log = self.root.storage.open(&path).await;
        log.map_err(|error| failed(&path, "opened", &error))
    }

    /// Writes the log of a model, as a new file.
    async fn rewrite(&self, model: &Model) -> Result<(S::File, u64), StoreError> {
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
    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<S::File, Replace> {
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
    fn file_of(&self, checkpoint: &Checkpoint) -> CheckpointFile {
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
fn log_of(model: &Model) -> Vec<u8> {
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

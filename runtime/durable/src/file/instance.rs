//! The files of one instance.
//!
//! ```text
//! append: model <- entry, entry staged -> settle: whoever has the writer writes all staged entries and syncs once
//! ```
//!
//! The model is ahead of the files by what is staged. Nobody is told of an entry before it is synced; and when a write
//! fails, the model is given up.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_platform::{Storage, StorageFile};

use super::files::{Files, Replace, log_of};
use super::format::{self, Entry};
use super::{Root, failed};
use crate::model::{Admitted, Model};
use crate::record::{Checkpoint, Record};
use crate::store::StoreError;

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
    /// The JSON of all entries that are not written yet.
    staged: Vec<Vec<u8>>,
    /// How many entries were ever staged that somebody waits for.
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

    /// Reads what is there, once all of it is synced: nobody is to see what a crash may take back.
    pub(super) async fn read<T>(&self, read: impl FnOnce(&Model) -> T) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().await;
        loop {
            {
                let state = self.state();
                state.usable()?;
                if state.ticket == writer.ticket {
                    return Ok(read(&state.model));
                }
            }
            let written = self.write_staged(&mut writer).await;
            self.keep_failure(written)?;
        }
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
            // Nobody waits for it: the checkpoint is there already.
            state
                .staged
                .push(format::json(&Entry::Checkpointed(checkpoint.step)));
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

//! A disk in memory with a page cache: a crash loses what was not synced, in any part.
//!
//! Writes are lost by sectors, and a file that grew may have any length between the old and the new one. Changes of
//! names are lost from the last one backwards, folder by folder, as with a file system that has a journal.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use squall_platform::{Storage, StorageFile};
use tokio::sync::Notify;

const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct MemDisk {
    state: Arc<Mutex<State>>,
    crashed: Arc<Notify>,
}

#[derive(Clone, Default)]
struct State {
    files: BTreeMap<u64, File>,
    names: Names,
    durable: Names,
    /// What `durable` does not have yet, in order.
    changes: Vec<(PathBuf, Change)>,
    locks: BTreeSet<PathBuf>,
    operations: u64,
    syncs: u64,
    crash_at: Option<u64>,
    fail_at: Option<u64>,
    is_down: bool,
}

#[derive(Clone, Default, PartialEq)]
struct Names {
    files: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Clone)]
enum Change {
    Folder(PathBuf),
    Put(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Default)]
struct File {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// What `durable` does not have yet.
    writes: Vec<(usize, Vec<u8>)>,
}

impl Names {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Folder(path) => drop(self.folders.insert(path.clone())),
            Change::Put(path, file) => drop(self.files.insert(path.clone(), *file)),
            Change::Remove(path) => drop(self.files.remove(path)),
            Change::Rename(from, to) => {
                if let Some(file) = self.files.remove(from) {
                    self.files.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Names {
    /// What is in a folder that is gone is gone.
    fn lose_unreachable(&mut self) {
        let folders = self.folders.clone();
        let is_reachable = |path: &Path| {
            let around = path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
            around.into_iter().all(|folder| folders.contains(folder))
        };
        self.folders.retain(|path| is_reachable(path));
        self.files.retain(|path, _| is_reachable(path));
    }
}

/// Pseudo-random numbers of a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

impl MemDisk {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The machine stops in the middle of an operation, after so many.
    pub(crate) fn crash_after(&self, operations: u64) {
        let mut state = self.state();
        state.crash_at = Some(state.operations + operations);
    }

    /// An operation fails, after so many.
    pub(crate) fn fail_after(&self, operations: u64) {
        let mut state = self.state();
        state.fail_at = Some(state.operations + operations);
    }

    /// Waits until the machine has stopped.
    pub(crate) async fn crashed(&self) {
        let waits = self.crashed.notified();
        if !self.state().is_down {
            waits.await;
        }
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The machine starts again, without what the dice say was lost.
    pub(crate) fn restart(&self, dice: &mut Dice) {
        let mut state = self.state();
        let state = &mut *state;
        for file in state.files.values_mut() {
            lose(file, dice);
        }
        let folders: BTreeSet<PathBuf> = state.changes.iter().map(|(folder, _)| folder.clone()).collect();
        for folder in folders {
            let changes = state.changes.iter().filter(|(it, _)| *it == folder);
            let changes: Vec<Change> = changes.map(|(_, change)| change.clone()).collect();
            for change in &changes[..dice.below(changes.len() + 1)] {
                state.durable.apply(change);
            }
        }
        state.changes.clear();
        state.durable.lose_unreachable();
        state.names = state.durable.clone();
        state.locks.clear();
        (state.crash_at, state.fail_at, state.is_down) = (None, None, false);
    }

    /// The process starts again, and the machine did not stop: the page cache has all that was written.
    pub(crate) fn restart_process(&self) {
        let mut state = self.state();
        state.locks.clear();
        (state.crash_at, state.fail_at, state.is_down) = (None, None, false);
    }

    /// A copy with its own state.
    pub(crate) fn copy(&self) -> Self {
        let mut state = self.state().clone();
        state.locks.clear();
        MemDisk {
            state: Arc::new(Mutex::new(state)),
            crashed: Arc::default(),
        }
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.state().names.files.keys().cloned().collect()
    }

    pub(crate) fn content(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.files[&state.names.files[path]].cached.clone()
    }

    pub(crate) fn set_content(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.state();
        let file = state.names.files[path];
        state.files.insert(
            file,
            File {
                cached: content.clone(),
                durable: content,
                writes: vec![],
            },
        );
    }

    pub(crate) fn delete(&self, path: &Path) {
        let mut state = self.state();
        state.names.files.remove(path);
        state.durable.files.remove(path);
    }

    /// Does something to the page cache, unless the machine stops or the operation fails now.
    fn run<T: Send>(
        &self,
        is_sync: bool,
        operation: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> impl Future<Output = io::Result<T>> + Send {
        // What is lost is dropped without the state's lock, which a lock needs then.
        let mut lost = None;
        let result = {
            let mut state = self.state();
            state.operations += 1;
            state.syncs += u64::from(is_sync);
            let now = state.operations;
            let is_now = |at: Option<u64>| at.is_some_and(|at| at < now);
            if state.is_down {
                None
            } else if is_now(state.crash_at) {
                // What it writes may come as far as the disk; what it syncs does not for certain.
                if !is_sync {
                    lost = Some(operation(&mut state));
                }
                state.is_down = true;
                self.crashed.notify_waiters();
                None
            } else if is_now(state.fail_at) {
                state.fail_at = None;
                if is_sync {
                    // The cache forgets that it was not written, and reads still see it.
                    for file in state.files.values_mut() {
                        file.writes.clear();
                    }
                }
                Some(Err(io::ErrorKind::StorageFull.into()))
            } else {
                Some(operation(&mut state))
            }
        };
        drop(lost);
        async move {
            match result {
                Some(result) => result,
                None => pending().await,
            }
        }
    }
}

/// What a crash leaves of a file.
fn lose(file: &mut File, dice: &mut Dice) {
    let grown = file.cached.len();
    let mut content = file.durable.clone();
    // All, none, or some of the sectors.
    let luck = dice.below(4);
    for (offset, bytes) in std::mem::take(&mut file.writes) {
        let mut at = offset;
        while at < offset + bytes.len() {
            let end = (at - at % SECTOR + SECTOR).min(offset + bytes.len());
            if luck == 0 || (luck > 1 && dice.below(2) == 0) {
                content.resize(content.len().max(end), 0);
                content[at..end].copy_from_slice(&bytes[at - offset..end - offset]);
            }
            at = end;
        }
    }
    let kept = file.durable.len();
    if grown > kept && luck != 0 {
        let length = kept + dice.below(grown - kept + 1);
        content.resize(length.max(kept), 0);
    }
    file.cached.clone_from(&content);
    file.durable = content;
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Storage for MemDisk {
    type File = MemFile;
    type Lock = MemLock;

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.run(false, |state| {
            for folder in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
                if folder.as_os_str().is_empty() || state.names.folders.contains(folder) {
                    continue;
                }
                let change = Change::Folder(folder.to_owned());
                state.names.apply(&change);
                let parent = folder_of(folder);
                state.changes.push((parent, change));
            }
            Ok(())
        })
        .await
    }

    async fn create(&self, path: &Path) -> io::Result<MemFile> {
        self.run(false, |state| {
            let file = state.files.len() as u64;
            state.files.insert(file, File::default());
            let change = Change::Put(path.to_owned(), file);
            state.names.apply(&change);
            state.changes.push((folder_of(path), change));
            Ok(MemFile {
                disk: self.clone(),
                file,
            })
        })
        .await
    }

    async fn open(&self, path: &Path) -> io::Result<MemFile> {
        self.run(false, |state| {
            let file = *state.names.files.get(path).ok_or_else(not_found)?;
            Ok(MemFile {
                disk: self.clone(),
                file,
            })
        })
        .await
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.run(false, |state| {
            let file = state.names.files.get(path).ok_or_else(not_found)?;
            Ok(state.files[file].cached.clone())
        })
        .await
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.run(false, |state| {
            if !state.names.folders.contains(path) {
                return Err(not_found());
            }
            let all = state.names.files.keys().chain(&state.names.folders);
            let within = all.filter(|it| it.parent() == Some(path));
            let names = within.map(|it| it.file_name().unwrap().to_str().unwrap().to_owned());
            Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
        })
        .await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(false, |state| {
            let change = Change::Rename(from.to_owned(), to.to_owned());
            state.names.apply(&change);
            state.changes.push((folder_of(to), change));
            Ok(())
        })
        .await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(false, |state| {
            let change = Change::Remove(path.to_owned());
            state.names.apply(&change);
            state.changes.push((folder_of(path), change));
            Ok(())
        })
        .await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run(true, |state| {
            let (changes, rest) = std::mem::take(&mut state.changes)
                .into_iter()
                .partition(|(folder, _)| folder == path);
            state.changes = rest;
            let changes: Vec<(PathBuf, Change)> = changes;
            for (_, change) in changes {
                state.durable.apply(&change);
            }
            Ok(())
        })
        .await
    }

    async fn lock(&self, path: &Path) -> io::Result<MemLock> {
        self.run(false, |state| match state.locks.insert(path.to_owned()) {
            true => Ok(MemLock {
                disk: self.clone(),
                path: path.to_owned(),
            }),
            false => Err(io::ErrorKind::WouldBlock.into()),
        })
        .await
    }
}

pub(crate) struct MemFile {
    disk: MemDisk,
    file: u64,
}

impl StorageFile for MemFile {
    async fn write_at(&self, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        let write = |state: &mut State| {
            let file = state.files.get_mut(&self.file).unwrap();
            let start = offset as usize;
            let end = start + bytes.len();
            file.cached.resize(file.cached.len().max(end), 0);
            file.cached[start..end].copy_from_slice(&bytes);
            file.writes.push((start, bytes));
            Ok(())
        };
        self.disk.run(false, write).await
    }

    async fn sync(&self) -> io::Result<()> {
        let sync = |state: &mut State| {
            let file = state.files.get_mut(&self.file).unwrap();
            for (offset, bytes) in std::mem::take(&mut file.writes) {
                let end = offset + bytes.len();
                file.durable.resize(file.durable.len().max(end), 0);
                file.durable[offset..end].copy_from_slice(&bytes);
            }
            Ok(())
        };
        // Others get their turn meanwhile, as on a real disk.
        tokio::task::yield_now().await;
        let synced = self.disk.run(true, sync).await;
        tokio::task::yield_now().await;
        synced
    }
}

pub(crate) struct MemLock {
    disk: MemDisk,
    path: PathBuf,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

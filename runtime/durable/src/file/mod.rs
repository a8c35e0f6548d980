//! A store in files.
//!
//! ```text
//! <root>/lock                  locked while a store is open
//! <root>/<instance>/log        records since the checkpoint, and what was dispatched
//! <root>/<instance>/checkpoint the latest checkpoint, replaced as a whole
//! <root>/<instance>/*.new      being written; removed when the instance is opened
//! ```
//!
//! The name of an instance's folder is its id, escaped. Both files are text with checksums:
//!
//! ```text
//! squall-log 1 base=-2                            3c0e5c1d7f2a9b44
//! synced=00000000000000000271 8d7c6b5a49382716
//! synced=00000000000000000000 1f2e3d4c5b6a7988
//! 00000048 81d2c4e5f6a7b8c9 3f2e1d0c {"append":{"seq":1,"key":"step:0","record":{"step":0,"event":"\"go\""}}}
//! ```
//!
//! What this promises:
//! - **What was acknowledged is there** when the store is opened again, after a crash of the process or of the machine.
//!   Appends that come while another one is being synced share the next sync.
//! - **What is damaged is refused**, with the file and the place. Only the end of a log that a crash left torn is cut
//!   off: nothing of it was acknowledged.
//! - **A failed write is not built upon.** The instance is read again from its files before it is used again, and what
//!   was not known to be synced is written anew.
//! - **One store per folder**, in all processes.
//!
//! An instance is opened when it is first used, and stays open: its records since the checkpoint are in memory.

mod files;
mod format;
mod instance;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use squall_platform::{Platform, Storage};
use tokio::sync::{OnceCell, oneshot};

use self::instance::Instance;
use crate::model::Model;
use crate::record::{Checkpoint, Record};
use crate::store::{DispatchStore, History, HistoryStore, Loaded, Store, StoreError};

/// How a [`FileStore`] keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether all records are kept for ever. Logs only grow then. An instance must always be opened with the same
    /// choice.
    pub history: bool,
    /// A log is shortened once it has so many bytes that a checkpoint has replaced, and more of these than of others.
    pub compact_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            history: false,
            compact_bytes: 64 * 1024,
        }
    }
}

/// A store in files. See the [module](self).
pub struct FileStore<P: Platform, S: Storage> {
    platform: P,
    root: Arc<Root<S>>,
    instances: Mutex<BTreeMap<String, Cell<S>>>,
}

type Cell<S> = Arc<OnceCell<Arc<Instance<S>>>>;

/// What an instance needs of its store.
struct Root<S: Storage> {
    storage: S,
    path: PathBuf,
    options: Options,
    /// A write that nobody waits for any more may outlive the store: the lock is released after it.
    _lock: S::Lock,
}

impl<P: Platform, S: Storage> FileStore<P, S> {
    /// Opens the store in a folder, which is created unless it is there. Tasks of the platform write its files.
    ///
    /// # Errors
    /// [`StoreError::InUse`]; others when the folder cannot be used.
    pub async fn open(
        platform: P,
        storage: S,
        root: impl Into<PathBuf>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let path = root.into();
        if path.as_os_str().is_empty() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the name of the folder is empty");
            return Err(failed(&path, "opened", &error));
        }
        create(&storage, &path).await?;
        let lock = storage.lock(&path.join("lock")).await;
        let lock = lock.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StoreError::InUse { path: path.clone() },
            _ => failed(&path, "locked", &error),
        })?;
        Ok(FileStore {
            platform,
            root: Arc::new(Root {
                storage,
                path,
                options,
                _lock: lock,
            }),
            instances: Mutex::default(),
        })
    }

    fn instances(&self) -> MutexGuard<'_, BTreeMap<String, Cell<S>>> {
        // Nothing in here panics halfway through a change.
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance that is open, or is opened now. Unless it may be created, there is none without a folder.
    async fn instance(&self, id: &str, may_create: bool) -> Result<Option<Arc<Instance<S>>>, StoreError> {
        let folder = self.root.path.join(names::folder_of(id)?);
        let is_known = self.instances().contains_key(id);
        // Asking for what is not there must not fill the memory.
        if !is_known && !may_create {
            match self.root.storage.list(&folder).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(&folder, "listed", &error)),
                Ok(_) => {}
            }
        }
        let cell = self.cell(id);
        let root = self.root.clone();
        let open = Instance::open(root, id.to_owned(), folder);
        let instance = cell.get_or_try_init(|| async { self.detached(id, open).await? });
        instance.await.map(|instance| Some(instance.clone()))
    }

    /// Where an instance is, once it is open. One that a failed write left unusable is opened again: its files say what
    /// was written.
    fn cell(&self, id: &str) -> Cell<S> {
        let mut instances = self.instances();
        let cell = instances.entry(id.to_owned()).or_default();
        if cell.get().is_some_and(|instance| !instance.is_usable()) {
            *cell = Cell::default();
        }
        cell.clone()
    }

    /// Runs something to its end, also when its caller no longer waits for it: half a write must not be left behind.
    async fn detached<T: Send + 'static>(
        &self,
        id: &str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (send, receive) = oneshot::channel();
        self.platform.spawn(async move {
            // Nobody may wait for it any more.
            drop(send.send(task.await));
        });
        receive.await.map_err(|_| StoreError::Ended { id: id.to_owned() })
    }

    /// Waits until all entries up to this one are synced.
    async fn settle(&self, instance: Arc<Instance<S>>, ticket: u64) -> Result<(), StoreError> {
        let id = instance.id().to_owned();
        self.detached(&id, async move { instance.settle(ticket).await })
            .await?
    }

    /// Reads an instance; `None` when there is none.
    async fn read<T: Send + 'static>(
        &self,
        id: &str,
        read: impl FnOnce(&Model) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let Some(instance) = self.instance(id, false).await? else {
            return Ok(None);
        };
        let read = |model: &Model| model.exists().then(|| read(model));
        self.detached(id, async move { instance.read(read).await })
            .await?
    }
}

#[async_trait]
impl<P: Platform, S: Storage> Store for FileStore<P, S> {
    async fn append(&self, id: &str, record: Record, key: Option<&str>) -> Result<u64, StoreError> {
        let Some(instance) = self.instance(id, true).await? else {
            return Err(StoreError::NotFound { id: id.to_owned() });
        };
        let (seq, ticket) = instance.append(record, key)?;
        self.settle(instance, ticket).await?;
        Ok(seq)
    }

    async fn load(&self, id: &str) -> Result<Loaded, StoreError> {
        let loaded = self.read(id, Model::loaded).await?;
        loaded.ok_or_else(|| StoreError::NotFound { id: id.to_owned() })
    }

    async fn checkpoint(&self, id: &str, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let Some(instance) = self.instance(id, true).await? else {
            return Err(StoreError::NotFound { id: id.to_owned() });
        };
        self.detached(id, async move { instance.checkpoint(checkpoint).await })
            .await?
    }

    fn history(&self) -> Option<&dyn HistoryStore> {
        self.root.options.history.then_some(self)
    }

    fn dispatches(&self) -> Option<&dyn DispatchStore> {
        Some(self)
    }
}

#[async_trait]
impl<P: Platform, S: Storage> HistoryStore for FileStore<P, S> {
    async fn history(&self, id: &str) -> Result<History, StoreError> {
        let history = self.read(id, Model::history).await?.flatten();
        history.ok_or_else(|| StoreError::NotFound { id: id.to_owned() })
    }
}

#[async_trait]
impl<P: Platform, S: Storage> DispatchStore for FileStore<P, S> {
    async fn mark_dispatched(&self, id: &str, effects: &[String]) -> Result<(), StoreError> {
        if effects.is_empty() {
            return Ok(());
        }
        let Some(instance) = self.instance(id, true).await? else {
            return Err(StoreError::NotFound { id: id.to_owned() });
        };
        let ticket = instance.mark(effects)?;
        self.settle(instance, ticket).await
    }

    async fn dispatched(&self, id: &str) -> Result<BTreeSet<String>, StoreError> {
        let dispatched = self.read(id, |model| model.dispatched().clone()).await?;
        Ok(dispatched.unwrap_or_default())
    }
}

/// Creates a folder that survives a loss of power, as do those around it. Which of them are new is not known: a process
/// before this one may have ended when it had created them.
async fn create<S: Storage>(storage: &S, path: &Path) -> Result<(), StoreError> {
    let created = storage.create_dir(path).await;
    created.map_err(|error| failed(path, "created", &error))?;
    for around in path.ancestors().skip(1) {
        let around = if around.as_os_str().is_empty() {
            Path::new(".")
        } else {
            around
        };
        // One that may not be read was not made here, and some file systems have nothing to sync.
        let harmless = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::InvalidInput,
            io::ErrorKind::Unsupported,
        ];
        match storage.sync_dir(around).await {
            Err(error) if !harmless.contains(&error.kind()) => return Err(failed(around, "synced", &error)),
            _ => {}
        }
    }
    Ok(())
}

fn failed(path: &Path, what: &'static str, error: &io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        what,
        kind: error.kind(),
        message: error.to_string(),
    }
}

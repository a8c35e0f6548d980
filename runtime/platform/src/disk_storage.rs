//! The real file system. Its calls block, so they run on tokio's threads for that.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where the seam meets the real world"
)]

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::storage::{Storage, StorageFile};

/// The file system of this machine. Needs a tokio runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskStorage;

/// A file of this machine.
#[derive(Debug)]
pub struct DiskFile(Arc<Mutex<File>>);

/// The lock of a file of this machine. The operating system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct DiskLock {
    _file: File,
}

async fn blocking<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let result = tokio::task::spawn_blocking(call).await;
    result.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn open(path: &Path, is_new: bool) -> io::Result<DiskFile> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(is_new).truncate(is_new);
    Ok(DiskFile(Arc::new(Mutex::new(options.open(path)?))))
}

impl Storage for DiskStorage {
    type File = DiskFile;
    type Lock = DiskLock;

    async fn create_dir(&self, path: &Path) -> io::Result<()> {
        let path = path.to_owned();
        blocking(move || fs::create_dir_all(path)).await
    }

    async fn create(&self, path: &Path) -> io::Result<DiskFile> {
        let path = path.to_owned();
        blocking(move || open(&path, true)).await
    }

    async fn open(&self, path: &Path) -> io::Result<DiskFile> {
        let path = path.to_owned();
        blocking(move || open(&path, false)).await
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = path.to_owned();
        blocking(move || fs::read(path)).await
    }

    async fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let path = path.to_owned();
        let list = move || {
            let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
            let mut names: Vec<_> = names.filter_map(Result::transpose).collect::<io::Result<_>>()?;
            names.sort();
            Ok(names)
        };
        blocking(list).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        blocking(move || fs::rename(from, to)).await
    }

    async fn remove(&self, path: &Path) -> io::Result<()> {
        let path = path.to_owned();
        blocking(move || fs::remove_file(path)).await
    }

    async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let path = path.to_owned();
        blocking(move || File::open(path)?.sync_all()).await
    }

    async fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let path = path.to_owned();
        let lock = move || {
            let mut options = File::options();
            let file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            match file.try_lock() {
                Ok(()) => Ok(DiskLock { _file: file }),
                Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        blocking(lock).await
    }
}

impl StorageFile for DiskFile {
    async fn write_at(&self, offset: u64, bytes: Vec<u8>) -> io::Result<()> {
        let file = self.0.clone();
        let write = move || {
            // A panic here is impossible, and would harm nothing: each write says where.
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)
        };
        blocking(write).await
    }

    async fn sync(&self) -> io::Result<()> {
        let file = self.0.clone();
        blocking(move || file.lock().unwrap_or_else(PoisonError::into_inner).sync_data()).await
    }
}

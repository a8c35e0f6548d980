//! The files of production code. [`DiskStorage`] is the real file system; a test or a simulator has its own, with a
//! page cache that a crash loses.
//!
//! A write is in the page cache until [`StorageFile::sync`]; a new, renamed or removed name is only in the page cache
//! until [`Storage::sync_dir`] of its folder.

use std::future::Future;
use std::io;
use std::path::Path;

/// Where production code keeps its files. A cheap handle: clones are the same place.
///
/// An operation whose future is dropped may or may not take place.
pub trait Storage: Clone + Send + Sync + 'static {
    /// An open file.
    type File: StorageFile;
    /// Holds a lock, and releases it when dropped.
    type Lock: Send + Sync + 'static;

    /// Creates a folder and those around it, unless they are there.
    ///
    /// # Errors
    /// Those of the operating system.
    fn create_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;

    /// Creates an empty file, in place of one that is there.
    ///
    /// # Errors
    /// Those of the operating system.
    fn create(&self, path: &Path) -> impl Future<Output = io::Result<Self::File>> + Send;

    /// Opens a file that is there.
    ///
    /// # Errors
    /// Those of the operating system: `NotFound`.
    fn open(&self, path: &Path) -> impl Future<Output = io::Result<Self::File>> + Send;

    /// The content of a file.
    ///
    /// # Errors
    /// Those of the operating system: `NotFound`.
    fn read(&self, path: &Path) -> impl Future<Output = io::Result<Vec<u8>>> + Send;

    /// The names of all entries of a folder, sorted. Names that are no UTF-8 are left out.
    ///
    /// # Errors
    /// Those of the operating system: `NotFound`, `NotADirectory`.
    fn list(&self, path: &Path) -> impl Future<Output = io::Result<Vec<String>>> + Send;

    /// Renames a file, in place of one that has the new name. Whoever reads the new name sees one file or the other.
    ///
    /// # Errors
    /// Those of the operating system.
    fn rename(&self, from: &Path, to: &Path) -> impl Future<Output = io::Result<()>> + Send;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the operating system: `NotFound`.
    fn remove(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;

    /// Returns once the names in a folder survive a loss of power.
    ///
    /// # Errors
    /// Those of the operating system. What was not synced before may be lost for good: a second call does not help.
    fn sync_dir(&self, path: &Path) -> impl Future<Output = io::Result<()>> + Send;

    /// Locks a file, which is created unless it is there, against all other processes and other calls of this method.
    ///
    /// # Errors
    /// `WouldBlock` when it is locked already; those of the operating system.
    fn lock(&self, path: &Path) -> impl Future<Output = io::Result<Self::Lock>> + Send;
}

/// An open file of a [`Storage`].
pub trait StorageFile: Send + Sync + 'static {
    /// Writes all of `bytes` at an offset, beyond the end too. After an error any part of them may be there.
    ///
    /// # Errors
    /// Those of the operating system: `StorageFull`.
    fn write_at(&self, offset: u64, bytes: Vec<u8>) -> impl Future<Output = io::Result<()>> + Send;

    /// Returns once all that was written survives a loss of power.
    ///
    /// # Errors
    /// Those of the operating system. What was not synced before may be lost for good: a second call does not help.
    fn sync(&self) -> impl Future<Output = io::Result<()>> + Send;
}

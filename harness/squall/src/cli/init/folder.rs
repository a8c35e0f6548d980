//! The directory of a new project: writes all files, or none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::shown;

/// A file of a new project.
pub(super) struct Planned {
    /// Relative to the directory.
    pub(super) path: &'static str,
    pub(super) text: String,
}

/// A directory that exists, or can be created.
pub(super) struct Folder<'a> {
    path: &'a Path,
}

impl<'a> Folder<'a> {
    /// The error says why nothing is written there, and has the remedy.
    pub(super) fn at(path: &'a Path) -> Result<Self, String> {
        let name = shown(path);
        if name != path.display().to_string() {
            return Err(format!(
                "the name of the folder {name} has characters that steer a terminal: choose another"
            ));
        }
        match fs::symlink_metadata(path) {
            Ok(it) if it.is_symlink() => Err(format!(
                "{name} is a symbolic link: name the folder that it leads to"
            )),
            Ok(it) if !it.is_dir() => Err(format!("{name} is a file: name a folder, or one to be made")),
            Ok(_) => Ok(Folder { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Folder { path }),
            Err(error) => Err(format!("cannot look at the folder {name}: {error}")),
        }
    }

    /// A file's path, for messages.
    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        match self.is_here() {
            true => name.as_ref().to_owned(),
            false => self.path.join(name),
        }
    }

    /// Whether it is the current directory.
    pub(super) fn is_here(&self) -> bool {
        self.path == Path::new(".")
    }

    /// Whether an entry with this name exists, including a dangling link.
    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.join(name)).is_ok()
    }

    /// The existing entries that conflict with these files, with reasons.
    pub(super) fn obstacles(&self, files: &[Planned]) -> Vec<String> {
        let mut found = Vec::new();
        for file in files {
            if self.has(file.path) {
                found.push(format!("{} is there already", shown(&self.join(file.path))));
            }
            // The last one is the directory itself, which was checked.
            let above = Path::new(file.path).ancestors().skip(1);
            for folder in above.filter(|it| !it.as_os_str().is_empty()) {
                let folder = self.join(folder);
                match fs::symlink_metadata(&folder) {
                    // The target of a link may belong to another project.
                    Ok(it) if it.is_symlink() => found.push(format!(
                        "{} is a symbolic link, and nothing is written through it",
                        shown(&folder)
                    )),
                    Ok(it) if !it.is_dir() => found.push(format!("{} is no folder", shown(&folder))),
                    _ => {}
                }
            }
        }
        found.dedup();
        found
    }

    /// Writes the files. If one fails, all created ones are removed.
    pub(super) fn write(&self, files: &[Planned]) -> Result<(), String> {
        let mut made = Made::default();
        for file in files {
            let path = self.join(file.path);
            made.file(&path, &file.text)
                .map_err(|error| format!("cannot write {}: {error}. Nothing is written", shown(&path)))?;
        }
        made.keep();
        Ok(())
    }
}

/// Created files and directories, removed on drop unless kept.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    fn file(&mut self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        // Fails if another process has created it in the meantime.
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes())
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        let missing = path
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let missing: Vec<_> = missing.map(Path::to_owned).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(&folder)?;
            self.folders.push(folder);
        }
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // A file that cannot be removed stays: the original error is already reported.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(paths: &[&'static str]) -> Vec<Planned> {
        let file = |path: &&'static str| Planned {
            path,
            text: "text".to_owned(),
        };
        paths.iter().map(file).collect()
    }

    #[test]
    fn what_was_made_goes_again_when_a_later_file_cannot_be_written() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("new/folder");
        let folder = Folder::at(&path).unwrap();
        // The second needs a directory where the first is a file.
        let error = folder.write(&planned(&["a/b", "a/b/c"])).unwrap_err();
        assert!(
            error.contains("cannot write") && error.contains("a/b/c"),
            "{error}"
        );
        assert!(!outside.path().join("new").exists(), "it leaves nothing behind");

        folder.write(&planned(&["a/b", "a/c"])).unwrap();
        assert_eq!(fs::read_to_string(path.join("a/c")).unwrap(), "text");
    }

    #[test]
    fn a_file_that_somebody_makes_in_the_meantime_is_left_as_it_is() {
        let outside = tempfile::tempdir().unwrap();
        let folder = Folder::at(outside.path()).unwrap();
        fs::write(outside.path().join("b"), "mine").unwrap();
        assert!(folder.write(&planned(&["a", "b"])).is_err());
        assert_eq!(fs::read_to_string(outside.path().join("b")).unwrap(), "mine");
        assert!(!outside.path().join("a").exists());
    }
}

//! Files that a command writes. What a run writes besides its report is opened before it, so that a path that cannot be
//! written to costs no run. What is there already is never lost by a slip: it is only replaced by another of its kind, or
//! when the command line says so.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::journal::lines;

/// So many bytes are looked at to tell what a file is.
const HEAD_BYTES: u64 = 64 * 1024;
/// How a pcapng begins.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Journal,
    Capture,
    /// People go on with what was imported, so that none is replaced unless they say so.
    Topology {
        force: bool,
    },
}

/// A file that is open to be written.
pub(super) struct Output {
    kind: Kind,
    path: PathBuf,
    file: File,
    /// Whether it was made for this command.
    is_new: bool,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Journal => "journal",
            Kind::Capture => "capture",
            Kind::Topology { .. } => "topology",
        }
    }

    /// What is wrong with a file that has something else in it.
    fn refusal(self, path: &Path) -> String {
        let (name, path) = (self.name(), path.display());
        match self {
            Kind::Topology { .. } => {
                format!(
                    "{path} is there already: it is left as it is. Name another file, or add --force to replace it"
                )
            }
            _ => format!(
                "{path} is there already, and is no {name}: it is left as it is. Name another file, or remove it"
            ),
        }
    }

    /// Whether what stands in a file may be replaced: it is one of ours, or nothing.
    fn is_in(self, file: &File) -> io::Result<bool> {
        let mut head = BufReader::new(file.take(HEAD_BYTES));
        match self {
            Kind::Journal => {
                let mut line = String::new();
                // What is no text is no journal.
                let read = head.read_line(&mut line).unwrap_or_default();
                Ok(read == 0 || lines::read(line.as_bytes()).is_ok_and(|it| !it.entries.is_empty()))
            }
            Kind::Topology { force } => Ok(force || head.fill_buf()?.is_empty()),
            Kind::Capture => {
                let mut bytes = Vec::new();
                head.take(512).read_to_end(&mut bytes)?;
                let is_ours = bytes.windows(6).any(|window| window == b"squall");
                Ok(bytes.is_empty() || (bytes.starts_with(&PCAPNG) && is_ours))
            }
        }
    }
}

impl Output {
    /// Opens a file, and changes nothing in it.
    ///
    /// The error says what is in the way, and what to do about it.
    pub(super) fn open(kind: Kind, path: &Path) -> Result<Self, String> {
        let name = kind.name();
        let cannot = |error: io::Error| format!("cannot write the {name} to {}: {error}", path.display());
        let new = OpenOptions::new().write(true).create_new(true).open(path);
        let (file, is_new) = match new {
            Ok(file) => (file, true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (Self::open_old(kind, path)?, false)
            }
            Err(error) => return Err(cannot(error)),
        };
        Ok(Output {
            kind,
            path: path.to_owned(),
            file,
            is_new,
        })
    }

    fn open_old(kind: Kind, path: &Path) -> Result<File, String> {
        let name = kind.name();
        let cannot = |error: io::Error| format!("cannot write the {name} to {}: {error}", path.display());
        let is_file = fs::metadata(path).map_err(cannot)?.is_file();
        // A pipe or a device has nothing that could be lost.
        let mut file = OpenOptions::new()
            .read(is_file)
            .write(true)
            .open(path)
            .map_err(cannot)?;
        if is_file {
            if !kind.is_in(&file).map_err(cannot)? {
                return Err(kind.refusal(path));
            }
            file.rewind().map_err(cannot)?;
        }
        Ok(file)
    }

    /// Puts what `write` writes in the place of what was there.
    pub(super) fn write(
        self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), String> {
        let written = || -> io::Result<()> {
            if self.file.metadata()?.is_file() {
                self.file.set_len(0)?;
            }
            let mut buffered = BufWriter::new(self.file);
            write(&mut buffered)?;
            buffered.flush()
        };
        let (name, path) = (self.kind.name(), self.path.display());
        written().map_err(|error| format!("cannot write the {name} to {path}: {error}"))
    }

    /// Nothing came of it: a file that was made for it goes again.
    pub(super) fn abandon(self) {
        if self.is_new {
            // If it stays, it is empty.
            let _ = fs::remove_file(&self.path);
        }
    }
}

//! Output files of commands. They are opened before a run, so that an unwritable path wastes no run. Existing content is
//! never lost by accident: a file is only replaced by one of its own kind, or if the command line permits it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::journal::lines;

/// How many bytes are read to detect a file's kind.
const HEAD_BYTES: u64 = 64 * 1024;
/// The start of a pcapng file.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// The kind of an output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Journal,
    Capture,
    /// Users edit imported topologies, so one is only replaced with their permission.
    Topology {
        force: bool,
    },
}

/// A file opened for writing.
pub(super) struct Output {
    kind: Kind,
    path: PathBuf,
    file: File,
    /// Whether this command created it.
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

    /// The error for a file with other content.
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

    /// Whether a file's content may be replaced: it is of this kind, or empty.
    fn is_in(self, file: &File) -> io::Result<bool> {
        let mut head = BufReader::new(file.take(HEAD_BYTES));
        match self {
            Kind::Journal => {
                let mut line = String::new();
                // A file that is not text is not a journal.
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
    /// Opens a file, without changing it.
    ///
    /// The error has the obstacle, and the remedy.
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
        // A pipe or a device has no content to lose.
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

    /// Replaces the content by what `write` writes.
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

    /// Removes a file that was created for this command.
    pub(super) fn abandon(self) {
        if self.is_new {
            // If this fails, the file stays empty.
            let _ = fs::remove_file(&self.path);
        }
    }
}

//! Output to a pipe that may be closed early: `squall run ... | head`.

use std::io::{self, Write};

/// Writes until the reader is gone. Later output is discarded, so that the command completes, and its exit code has the
/// verdict.
pub(super) struct Pipe<W> {
    inner: W,
    is_closed: bool,
}

impl<W> Pipe<W> {
    pub(super) fn new(inner: W) -> Self {
        Pipe {
            inner,
            is_closed: false,
        }
    }

    fn unless_closed<T>(
        &mut self,
        otherwise: T,
        write: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.is_closed {
            return Ok(otherwise);
        }
        match write(&mut self.inner) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts a few bytes, then returns this error.
    struct Narrow(usize, io::ErrorKind);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0 {
                0 => Err(self.1.into()),
                _ => {
                    let taken = self.0.min(bytes.len());
                    self.0 -= taken;
                    Ok(taken)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        let mut pipe = Pipe::new(Narrow(3, io::ErrorKind::BrokenPipe));
        assert!(pipe.write_all(b"more than it takes").is_ok());
        assert!(pipe.write_all(b"and more").is_ok() && pipe.flush().is_ok());
        let mut disk = Pipe::new(Narrow(3, io::ErrorKind::StorageFull));
        assert!(disk.write_all(b"more than it takes").is_err());
    }
}

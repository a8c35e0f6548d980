//! The tests of manifests in one binary, so that it links once.

mod reading;
mod source;

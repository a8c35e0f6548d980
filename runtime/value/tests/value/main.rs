//! The tests of values in one binary, so that it links once.

mod conformance;
mod value;

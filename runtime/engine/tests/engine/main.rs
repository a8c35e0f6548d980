//! The tests of the engine in one binary, so that it links once.

mod engine;
mod pipeline;

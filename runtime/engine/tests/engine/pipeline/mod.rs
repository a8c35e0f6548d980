//! Pipelines: what is read, what fits, and what happens when one runs.

mod changing;
mod checking;
mod failing;
mod mistakes;
mod properties;
mod reading;
mod room;
mod running;
mod support;
mod timing;

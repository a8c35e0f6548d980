//! The flow engine against real TCP.
//!
//! Each behaviour is written once, generic over the platform, and says what it saw. It runs on tokio's
//! TCP over loopback and on the flow engine between two simulated hosts, plain and with tasks put back;
//! all must have seen exactly what the test states. Linux is the truth: where the two differ, the engine
//! is wrong.

mod connecting;
mod ending;
mod pair;
mod streaming;

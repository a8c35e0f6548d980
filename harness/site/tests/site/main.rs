//! tonic's own server and channel, as anybody uses them, on simulated hosts and on real sockets.

mod calls;
mod chaos;
mod events;
mod faults;
mod net;
mod support;

//! `TcpListener` and `TcpStream` in place of tokio's, with the methods that servers and clients use, by the same names.
//!
//! In a task of a simulated host they are that host's simulated sockets; everywhere else they are tokio's own. Code needs
//! nothing to be handed to it for that: a `use squall_site::net::TcpStream;` in place of `use tokio::net::TcpStream;`.
//!
//! On a simulated host `localhost`, and addresses that mean the machine itself, are that host. A listener is bound at
//! every address of it, whatever address is given. Deliberately absent: options of sockets (what there is of them does
//! nothing on a simulated host), `peek`, `readable` and `try_read`.
//!
//! To take a stream apart, its own `split` and `into_split` are better than `tokio::io::split`, whose halves share a lock:
//! a half that ends with its process in a read leaves it poisoned, and the other one panics, once, after its death.

mod halves;
mod listener;
mod stream;

pub use crate::address::Address;
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
pub use listener::TcpListener;
pub use stream::TcpStream;

//! `TcpListener` and `TcpStream` in place of tokio's, with the methods that servers and clients use, under the same
//! names.
//!
//! In a task of a simulated host they are that host's simulated sockets; everywhere else they are tokio's own. Code
//! needs no handle for that: `use squall_site::net::TcpStream;` replaces `use tokio::net::TcpStream;`.
//!
//! On a simulated host, `localhost` and local addresses are that host. A listener is bound at all addresses, whatever
//! address is given. Deliberately absent: socket options (the existing ones do nothing on a simulated host), `peek`,
//! `readable` and `try_read`.
//!
//! Use the stream's own `split` and `into_split`, not `tokio::io::split`, whose halves share a lock: a half that ends
//! with its process during a read poisons it, and the other one panics, once, after its death.

mod halves;
mod listener;
mod stream;

pub use crate::address::Address;
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
pub use listener::TcpListener;
pub use stream::TcpStream;

//! The real platform: tokio's TCP and tasks, the system's clock and randomness.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is where the seam meets the real world"
)]

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::{
    Authority, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, Listener, Platform, TaskHandle, UNSENT_MAX, USER_TIMEOUT,
    host_and_port,
};

/// Real sockets, tasks, clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct TokioPlatform {
    /// The address to listen on.
    ip: IpAddr,
}

impl TokioPlatform {
    /// Listens at every IPv4 address of the machine.
    pub fn new() -> Self {
        TokioPlatform::at(Ipv4Addr::UNSPECIFIED.into())
    }

    /// Listens on 127.0.0.1 only: for tests and for several modules on one machine.
    pub fn loopback() -> Self {
        TokioPlatform::at(Ipv4Addr::LOCALHOST.into())
    }

    /// Listens at this address of the machine only.
    pub fn at(ip: IpAddr) -> Self {
        TokioPlatform { ip }
    }
}

impl Default for TokioPlatform {
    fn default() -> Self {
        TokioPlatform::new()
    }
}

impl Platform for TokioPlatform {
    type Stream = TcpStream;
    type Listener = TokioListener;

    async fn bind(&self, port: u16) -> io::Result<TokioListener> {
        TcpListener::bind((self.ip, port)).await.map(TokioListener)
    }

    async fn connect(&self, to: &Authority) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(host_and_port(to)?).await?;
        prepare(&stream)?;
        Ok(stream)
    }

    async fn resolve(&self, name: &Authority) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host(host_and_port(name)?).await?.collect())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        TaskHandle::new(tokio::spawn(task).abort_handle())
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn random_u64(&self) -> u64 {
        rand::random()
    }
}

/// Sets the socket options of a stream.
#[expect(
    clippy::disallowed_types,
    reason = "this is where the seam meets the real world"
)]
fn prepare(stream: &TcpStream) -> io::Result<()> {
    // A gRPC message is often smaller than a packet: Nagle's algorithm would delay it until an ack.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE);
    // A system without one of these options detects a dead peer later; its streams work nevertheless.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", windows))]
    let keepalive = keepalive.with_interval(KEEPALIVE_INTERVAL);
    drop(socket.set_tcp_keepalive(&keepalive));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        drop(socket.set_tcp_user_timeout(Some(USER_TIMEOUT)));
        drop(socket.set_tcp_notsent_lowat(UNSENT_MAX));
    }
    Ok(())
}

/// A real listening socket.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "this is where the seam meets the real world"
)]
pub struct TokioListener(TcpListener);

#[expect(
    clippy::disallowed_types,
    reason = "this is where the seam meets the real world"
)]
impl Listener for TokioListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept().await?;
        prepare(&stream)?;
        Ok((stream, peer))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_cross_a_loopback_connection_both_ways() {
        let platform = TokioPlatform::loopback();
        let mut listener = platform.bind(0).await.expect("a free port");
        let to = listener
            .local_addr()
            .expect("bound")
            .to_string()
            .parse()
            .expect("an authority");
        platform.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.expect("four bytes");
            stream.write_all(&bytes).await.expect("the peer reads");
        });
        let mut stream = platform.connect(&to).await.expect("the listener is there");
        stream.write_all(b"ping").await.expect("the peer reads");
        let mut reply = [0; 4];
        stream.read_exact(&mut reply).await.expect("the echo");
        assert_eq!(&reply, b"ping");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn both_ends_of_a_connection_notice_a_dead_machine_and_take_little_in_advance() {
        let platform = TokioPlatform::loopback();
        let mut listener = platform.bind(0).await.expect("a free port");
        let to = listener
            .local_addr()
            .expect("bound")
            .to_string()
            .parse()
            .expect("an authority");
        let (dialled, accepted) = tokio::join!(platform.connect(&to), listener.accept());
        let (dialled, (accepted, _)) = (
            dialled.expect("the listener is there"),
            accepted.expect("a connection"),
        );
        for stream in [dialled, accepted] {
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().expect("an option"));
            assert!(socket.keepalive().expect("an option"));
            assert_eq!(socket.tcp_keepalive_time().expect("an option"), KEEPALIVE_IDLE);
            assert_eq!(
                socket.tcp_keepalive_interval().expect("an option"),
                KEEPALIVE_INTERVAL
            );
            assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(USER_TIMEOUT));
            assert_eq!(socket.tcp_notsent_lowat().expect("an option"), UNSENT_MAX);
        }
    }

    #[tokio::test]
    async fn an_address_without_a_port_is_refused_with_the_remedy() {
        let error = TokioPlatform::loopback()
            .connect(&Authority::from_static("localhost"))
            .await
            .expect_err("there is no port to connect to");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("write host:port"), "{error}");
    }

    #[tokio::test]
    async fn nobody_listening_is_connection_refused() {
        let platform = TokioPlatform::loopback();
        let listener = platform.bind(0).await.expect("a free port");
        let to = listener
            .local_addr()
            .expect("bound")
            .to_string()
            .parse()
            .expect("an authority");
        drop(listener);
        let error = platform.connect(&to).await.expect_err("nobody listens there");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn names_and_addresses_resolve_with_their_port() {
        let platform = TokioPlatform::loopback();
        let resolve = async |name: &'static str| platform.resolve(&Authority::from_static(name)).await;
        let addresses = resolve("localhost:50051").await.expect("every machine has it");
        assert!(!addresses.is_empty());
        assert!(
            addresses
                .iter()
                .all(|it| it.ip().is_loopback() && it.port() == 50051),
            "{addresses:?}"
        );
        let address = resolve("[::1]:7").await.expect("an address is its own");
        assert_eq!(address, ["[::1]:7".parse().expect("an address")]);
        let error = resolve("localhost").await.expect_err("no port");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

//! Sockets in place of tokio's.

use std::io;

use squall_site::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{host, on_host, simulate};

/// An echo of one connection, as anybody writes it with tokio.
async fn echo(listener: TcpListener) -> io::Result<()> {
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    assert_eq!(stream.peer_addr()?, peer);
    let (mut read, mut write) = stream.into_split();
    let mut bytes = [0; 16];
    loop {
        match read.read(&mut bytes).await? {
            0 => return Ok(()),
            count => write.write_all(&bytes[..count]).await?,
        }
    }
}

const HEARD: &str = "whole split tokio's halves";

/// Says something in each way of taking a stream apart, and hears it again.
async fn talk(address: String) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"whole ").await?;
    let mut heard = vec![0; 6];
    stream.read_exact(&mut heard).await?;
    {
        let (mut read, mut write) = stream.split();
        write.write_all(b"split ").await?;
        let mut bytes = [0; 6];
        read.read_exact(&mut bytes).await?;
        heard.extend(bytes);
    }
    let (mut read, mut write) = tokio::io::split(stream);
    write.write_all(b"tokio's ").await?;
    let mut bytes = [0; 8];
    read.read_exact(&mut bytes).await?;
    heard.extend(bytes);
    let (mut read, mut write) = read.unsplit(write).into_split();
    let reader = tokio::spawn(async move {
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    write.write_all(b"halves").await?;
    drop(write);
    heard.extend(reader.await.expect("it does not panic")?);
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

#[test]
fn an_echo_on_simulated_hosts() {
    for to in ["server:7", "10.0.0.1:7"] {
        let heard = simulate(move |sim| async move {
            host(&sim, "server", |_| async {
                let listener = TcpListener::bind("0.0.0.0:7").await?;
                assert_eq!(listener.local_addr()?.port(), 7);
                echo(listener).await?;
                Ok(())
            });
            on_host(&sim, "client", move |_| talk(to.to_owned())).await
        });
        assert_eq!(heard.value.expect("an echo"), HEARD);
    }
}

#[tokio::test]
async fn an_echo_on_real_sockets() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let at = listener.local_addr().expect("bound").to_string();
    let (echoed, heard) = tokio::join!(echo(listener), talk(at));
    echoed.expect("an echo");
    assert_eq!(heard.expect("an echo"), HEARD);
}

#[test]
fn a_host_reaches_itself_as_localhost() {
    for to in ["localhost:7", "127.0.0.1:7", "[::1]:7"] {
        let heard = simulate(move |sim| async move {
            on_host(&sim, "server", move |_| async move {
                let listener = TcpListener::bind("127.0.0.1:7").await?;
                tokio::spawn(echo(listener));
                talk(to.to_owned()).await
            })
            .await
        });
        assert_eq!(heard.value.expect("an echo"), HEARD, "{to}");
    }
}

#[test]
fn what_does_not_work_says_why() {
    simulate(|sim| async move {
        host(&sim, "server", |_| async { std::future::pending().await });
        on_host(&sim, "client", |_| async {
            let connect = async |to: &'static str| TcpStream::connect(to).await.expect_err("nobody is there");
            assert_eq!(connect("server:7").await.kind(), io::ErrorKind::ConnectionRefused);
            assert_eq!(connect("server").await.kind(), io::ErrorKind::InvalidInput);
            let unknown = connect("elsewhere:7").await.to_string();
            assert!(unknown.contains("elsewhere"), "{unknown}");
            let taken = TcpListener::bind("0.0.0.0:7").await.expect("it is free");
            let again = TcpListener::bind("0.0.0.0:7").await.expect_err("it is taken");
            assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
            drop(taken);
        })
        .await;
    });
}

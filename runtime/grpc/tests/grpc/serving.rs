//! How a server ends, and what it refuses.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use squall_grpc::{Dial, Drained, Streaming, open};
use squall_memory::Network;
use squall_platform::Platform;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};
use tonic::body::Body;
use tower_service::Service;

use crate::support::{Echo, PATH, ask, asked, channel, serve};

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_was_asked_and_accepts_nothing_more() {
    let network = Network::default();
    let echo = Echo::after(Duration::from_secs(3));
    let server = serve(&network.host(), echo.clone(), Duration::from_secs(10)).await;
    let channel = channel(&network, &server.address);
    let started = Instant::now();
    let ending = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.shutdown.send(()).unwrap();
        server.drained.await.unwrap()
    };
    let ((answer, _), drained) = tokio::join!(ask(&channel, "hello"), ending);
    assert_eq!(answer.unwrap(), "hello");
    assert_eq!(drained, Drained { aborted: 0 });
    assert_eq!(
        started.elapsed(),
        Duration::from_secs(3),
        "no longer than it had to"
    );
    assert!(ask(&channel, "late").await.0.is_err());
    assert_eq!(echo.served.load(Ordering::SeqCst), 1);
    assert_eq!(network.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_after_the_grace_is_cut_and_counted() {
    let network = Network::default();
    let server = serve(
        &network.host(),
        Echo::after(Duration::from_secs(60)),
        Duration::from_secs(2),
    )
    .await;
    let channel = channel(&network, &server.address);
    let started = Instant::now();
    let ending = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.shutdown.send(()).unwrap();
        server.drained.await.unwrap()
    };
    let ((answer, _), drained) = tokio::join!(ask(&channel, "hello"), ending);
    assert!(answer.is_err());
    assert_eq!(drained, Drained { aborted: 1 });
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_leaves_no_connection() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), Duration::ZERO).await;
    let channel = channel(&network, &server.address);
    ask(&channel, "hello").await.0.unwrap();
    assert_eq!(network.open_streams(), 2);
    drop(server.task);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_grpc_is_refused_as_grpc_asks_for() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), Duration::ZERO).await;
    let (sender, driver) = open(&network.host(), &Dial::default(), &server.address)
        .await
        .unwrap();
    network.host().spawn(async move { drop(driver.await) });
    let mut connection = Streaming::new(sender, server.address.clone());
    for (method, content_type, http) in [
        ("GET", "application/grpc", 405),
        ("POST", "application/json", 415),
        ("POST", "application/grpc-web", 415),
        ("POST", "application/grpc+proto", 200),
        ("POST", "application/grpc;charset=utf-8", 200),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://peer{PATH}"))
            .header("content-type", content_type)
            .body(Body::new(Full::new(Bytes::from_static(b"\0\0\0\0\0"))))
            .unwrap();
        let response = connection.call(request).await.unwrap();
        assert_eq!(response.status(), http, "{method} {content_type}");
        assert_eq!(response.headers().contains_key("grpc-status"), http != 200);
    }
}

/// The request of [`asked`], without its body.
fn head() -> Request<()> {
    let request = Request::post(format!("http://peer{PATH}")).header("content-type", "application/grpc");
    request.body(()).unwrap()
}

/// A stream that does not read while it is deaf.
struct Deaf<S> {
    stream: S,
    deaf: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Deaf<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.deaf.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deaf<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_crosses_the_goodbye_is_served() {
    let network = Network::default();
    let echo = Echo::after(Duration::from_millis(300));
    let server = serve(&network.host(), echo, Duration::from_secs(10)).await;
    let deaf = Arc::<AtomicBool>::default();
    let stream = Deaf {
        stream: network.host().connect(&server.address).await.unwrap(),
        deaf: Arc::clone(&deaf),
    };
    let (mut sender, mut connection) = h2::client::handshake(stream).await.unwrap();
    let a_while = Duration::from_millis(100);
    timeout(a_while, &mut connection).await.unwrap_err();
    deaf.store(true, Ordering::SeqCst);
    server.shutdown.send(()).unwrap();
    tokio::time::sleep(a_while).await;
    // The server has said goodbye, and the client asks before it reads that.
    let (answer, mut body) = sender.send_request(head(), false).unwrap();
    body.send_data(asked("late"), true).unwrap();
    timeout(a_while, &mut connection).await.unwrap_err();
    deaf.store(false, Ordering::SeqCst);
    network.host().spawn(async move { drop(connection.await) });
    let mut answer = answer.await.expect("it is served").into_body();
    assert!(answer.data().await.is_some());
    let trailers = answer.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    drop((answer, sender));
    assert_eq!(server.drained.await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_gets_all_of_its_last_answer() {
    let network = Network::default();
    let server = serve(
        &network.host(),
        Echo::after(Duration::from_millis(300)),
        Duration::from_secs(60),
    )
    .await;
    let stream = network.host().connect(&server.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let mut sender = sender.ready().await.unwrap();
    network.host().spawn(async move { drop(connection.await) });
    let (answer, mut body) = sender.send_request(head(), false).unwrap();
    let large = "x".repeat(900_000);
    body.send_data(asked(&large), true).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    server.shutdown.send(()).unwrap();
    let mut answer = answer.await.unwrap().into_body();
    let mut length = 0;
    while let Some(data) = answer.data().await {
        tokio::time::sleep(Duration::from_millis(500)).await;
        length += data.as_ref().unwrap().len();
        answer
            .flow_control()
            .release_capacity(data.unwrap().len())
            .unwrap();
    }
    assert!(length > 900_000);
    assert!(answer.trailers().await.unwrap().is_some());
    assert!(begun.elapsed() > Duration::from_secs(20), "it took its time");
    drop((answer, sender));
    assert_eq!(server.drained.await.unwrap(), Drained { aborted: 0 });
}

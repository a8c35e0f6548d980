//! How a server ends, and what it refuses.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use squall_grpc::{Dial, Drained, Streaming, open};
use squall_memory::Network;
use squall_platform::Platform;
use tokio::time::Instant;
use tonic::body::Body;
use tower_service::Service;

use crate::support::{Echo, PATH, ask, channel, serve};

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

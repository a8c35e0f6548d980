//! Clients that ping too often.

use std::time::Duration;

use squall_grpc::{Channel, Dial, Keepalive, Limits, PingPolicy, Serving};
use squall_memory::Network;
use squall_platform::Platform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::support::{Echo, ask, serve_as};

const STRICT: Serving = Serving {
    keepalive: None,
    pings: Some(PingPolicy::grpc()),
    compress: false,
    limits: Limits::generous(),
};

/// How long a call of ten minutes lasts at a strict server, and what becomes of it.
async fn call_of_ten_minutes(keepalive: Keepalive) -> (Duration, bool) {
    let network = Network::default();
    let echo = Echo::after(Duration::from_secs(600));
    let server = serve_as(&network.host(), STRICT, echo, Duration::ZERO).await;
    let dial = Dial {
        keepalive: Some(keepalive),
        ..Dial::default()
    };
    let channel = Channel::new(network.host(), dial, server.address.clone());
    let begun = Instant::now();
    let (answer, _) = ask(&channel, "hello").await;
    (begun.elapsed(), answer.is_ok())
}

#[tokio::test(start_paused = true)]
async fn a_strict_server_drives_a_client_away_that_pings_every_ten_seconds_and_not_ours() {
    let (lasted, is_ok) = call_of_ten_minutes(Keepalive::client()).await;
    assert!(is_ok, "it ended after {lasted:?}");
    let (lasted, is_ok) = call_of_ten_minutes(Keepalive::tiny_systems()).await;
    assert!(!is_ok);
    // The first ping, three that come too early, and each up to a quarter later than it could.
    let expected = Duration::from_secs(40)..Duration::from_secs(60);
    assert!(expected.contains(&lasted), "{lasted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_driven_away_reads_why() {
    let network = Network::default();
    let server = serve_as(
        &network.host(),
        STRICT,
        Echo::after(Duration::ZERO),
        Duration::ZERO,
    )
    .await;
    let mut stream = network.host().connect(&server.address).await.unwrap();
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(hello).await.unwrap();
    for _ in 0..4 {
        sleep(Duration::from_secs(60)).await;
        stream.write_all(b"\0\0\x08\x06\0\0\0\0\0squall..").await.unwrap();
    }
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let goaway = b"\0\0\x16\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo_many_pings";
    assert!(said.ends_with(goaway), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_policy_does_not_mind() {
    let network = Network::default();
    let echo = Echo::after(Duration::from_secs(600));
    let server = serve_as(&network.host(), Serving::default(), echo, Duration::ZERO).await;
    let dial = Dial {
        keepalive: Some(Keepalive::tiny_systems()),
        ..Dial::default()
    };
    let channel = Channel::new(network.host(), dial, server.address.clone());
    assert_eq!(ask(&channel, "hello").await.0.unwrap(), "hello");
}

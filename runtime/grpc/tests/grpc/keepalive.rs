//! Pings, and what tells that a peer is gone. Spec: gRPC proposals A8 and A9.

use std::time::Duration;

use squall_grpc::{Channel, Dial, Keepalive, Outcome};
use squall_memory::Network;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use crate::frames::Frames;
use crate::support::{Echo, ask, channel, serve};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_pings_as_rarely_as_a_stock_server_permits() {
    let network = Network::default();
    let server = Frames {
        answers_pings: true,
        ..Frames::default()
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let begun = Instant::now();
    assert!(timeout(secs(700), ask(&channel, "hello")).await.is_err());
    assert_eq!(server.pings_since(begun), [10, 310, 610]);
    sleep(secs(100_000)).await;
    assert_eq!(server.pings_since(begun).len(), 3, "none without calls");
}

#[tokio::test(start_paused = true)]
async fn modules_of_tinysystems_ping_every_ten_seconds_with_or_without_calls() {
    let network = Network::default();
    let server = Frames {
        answers_pings: true,
        ..Frames::default()
    };
    let dial = Dial {
        keepalive: Some(Keepalive::tiny_systems()),
        ..Dial::default()
    };
    let channel = Channel::new(network.host(), dial, server.start(&network.host()).await);
    assert!(timeout(secs(1), ask(&channel, "hello")).await.is_err());
    let begun = Instant::now();
    sleep(secs(100)).await;
    let pings = server.pings_since(begun);
    assert!((7..=10).contains(&pings.len()), "{pings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_data_come_is_alive_though_no_ping_is_answered() {
    let network = Network::default();
    let server = Frames {
        trickle: Some((secs(11), 20)),
        ..Frames::default()
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let begun = Instant::now();
    let (answer, progress) = ask(&channel, "hello").await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(progress.outcome_if_lost(), Outcome::Unknown);
    // The last byte came after 220 s or so. HTTP/2 sends no second ping before the first is answered.
    let lived = begun.elapsed().as_secs();
    assert!((250..=262).contains(&lived), "{lived}");
    let text = status.message();
    assert!(text.starts_with("keepalive: nothing came for 3"), "{text}");
    assert!(text.contains("20s after a ping"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up_and_the_error_says_how_long_it_was_silent() {
    let network = Network::default();
    let server = Frames::default();
    let channel = channel(&network, &server.start(&network.host()).await);
    let begun = Instant::now();
    let call = async {
        let status = ask(&channel, "hello").await.0.unwrap_err();
        (status, begun.elapsed())
    };
    let suspicion = async {
        sleep(secs(12)).await;
        assert!(!channel.is_suspect());
        sleep(secs(2)).await;
        assert!(channel.is_suspect(), "13 s: the ping has had no answer for 3 s");
    };
    let ((status, after), ()) = tokio::join!(call, suspicion);
    assert_eq!(after, secs(30));
    assert_eq!(
        status.message(),
        "keepalive: nothing came for 30s, nor within 20s after a ping, while the network reported no failure"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_in_vain_make_a_connection_suspect_until_something_comes() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(secs(4)), secs(1)).await;
    let channel = channel(&network, &server.address);
    ask(&channel, "warm").await.0.unwrap();
    for _ in 0..3 {
        assert!(!channel.is_suspect());
        let mut request = tonic::Request::new(squall_proto::provider::ExecuteRequest::default());
        squall_grpc::set_timeout(request.metadata_mut(), secs(1));
        let progress = std::sync::Arc::default();
        let call = channel.call::<_, squall_proto::provider::ExecuteResponse>(
            crate::support::PATH,
            request,
            crate::support::LIMIT,
            &progress,
        );
        assert!(timeout(secs(1), call).await.is_err());
    }
    assert!(channel.is_suspect());
    // It is asked at once, and answers.
    sleep(Duration::from_millis(10)).await;
    assert!(!channel.is_suspect());
}

#[tokio::test(start_paused = true)]
async fn too_many_pings_doubles_the_interval_and_is_said() {
    let network = Network::default();
    let server = Frames {
        answers_pings: true,
        pings_max: Some(3),
        ..Frames::default()
    };
    let dial = Dial {
        keepalive: Some(Keepalive::tiny_systems()),
        ..Dial::default()
    };
    let channel = Channel::new(network.host(), dial, server.start(&network.host()).await);
    let begun = Instant::now();
    let status = ask(&channel, "hello").await.0.unwrap_err();
    assert!(status.message().contains("too_many_pings"), "{status}");
    assert_eq!(server.pings_since(begun), [10, 20, 30]);
    let begun = Instant::now();
    server.pings.lock().unwrap().clear();
    ask(&channel, "hello").await.0.unwrap_err();
    let pings = server.pings_since(begun);
    assert_eq!(pings[0], 20, "{pings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_says_how_it_speaks_is_no_connection() {
    let network = Network::default();
    let server = Frames {
        is_mute: true,
        ..Frames::default()
    };
    let address = server.start(&network.host()).await;
    let channel = channel(&network, &address);
    let begun = Instant::now();
    let (answer, progress) = ask(&channel, "hello").await;
    assert_eq!(begun.elapsed(), secs(5));
    assert_eq!(
        answer.unwrap_err().message(),
        format!(
            "cannot connect to {address}: it accepted the connection, but its HTTP/2 SETTINGS did not come within 5s"
        )
    );
    assert_eq!(progress.outcome_if_lost(), Outcome::Failed);
}

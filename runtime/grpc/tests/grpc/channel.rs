//! One peer: dialled when it is needed, once, and again.

use std::time::Duration;

use futures_util::future::join_all;
use squall_grpc::Outcome;
use squall_memory::{Link, Network};
use tonic::Code;

use crate::foreign::{Fate, Foreign};
use crate::support::{Echo, LIMIT, ask, channel, serve};

const GRACE: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_thousand_first_callers_make_one_connection() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), GRACE).await;
    let channel = channel(&network, &server.address);
    assert_eq!(network.dials(&server.address), 0, "nobody has called yet");
    let answers = join_all((0..1000).map(|_| ask(&channel, "hello"))).await;
    assert!(
        answers
            .iter()
            .all(|(answer, _)| answer.as_deref().ok() == Some("hello"))
    );
    assert_eq!(network.dials(&server.address), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_refuses_was_sent_nothing_and_is_dialled_again_by_the_next_call() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), GRACE).await;
    let channel = channel(&network, &server.address);
    network.set_link(&server.address, Link::Refused);
    let (answer, progress) = ask(&channel, "hello").await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    assert_eq!(progress.outcome_if_lost(), Outcome::Failed);
    network.set_link(&server.address, Link::Open);
    assert_eq!(ask(&channel, "again").await.0.unwrap(), "again");
    assert_eq!(network.dials(&server.address), 2);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_answers_a_connect_fails_all_who_wait_after_the_connect_timeout() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), GRACE).await;
    network.set_link(&server.address, Link::BlackHole);
    let channel = channel(&network, &server.address);
    let before = tokio::time::Instant::now();
    let answers = join_all((0..3).map(|_| ask(&channel, "hello"))).await;
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    for (answer, progress) in answers {
        let status = answer.unwrap_err();
        assert!(status.message().ends_with("connect timed out"), "{status}");
        assert_eq!(progress.outcome_if_lost(), Outcome::Failed);
    }
    assert_eq!(network.dials(&server.address), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_peer_dies_may_have_happened_and_the_next_one_dials() {
    let network = Network::default();
    let host = network.host();
    let server = serve(&host, Echo::after(Duration::from_secs(60)), GRACE).await;
    let channel = channel(&network, &server.address);
    let dying = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        host.kill();
    };
    let ((answer, progress), ()) = tokio::join!(ask(&channel, "hello"), dying);
    assert!(answer.is_err());
    assert_eq!(progress.outcome_if_lost(), Outcome::Unknown);
    let (answer, progress) = ask(&channel, "hello").await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    assert_eq!(
        progress.outcome_if_lost(),
        Outcome::Failed,
        "nobody listens there any more"
    );
    assert_eq!(network.dials(&server.address), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_end_the_dial_of_the_others() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), GRACE).await;
    let channel = channel(&network, &server.address);
    let first = tokio::time::timeout(Duration::ZERO, ask(&channel, "gone"));
    let (first, second) = tokio::join!(first, ask(&channel, "here"));
    assert!(first.is_err(), "it has not waited");
    assert_eq!(second.0.unwrap(), "here");
    assert_eq!(network.dials(&server.address), 1);
}

#[tokio::test(start_paused = true)]
async fn the_connection_closes_with_the_last_clone() {
    let network = Network::default();
    let server = serve(&network.host(), Echo::after(Duration::ZERO), GRACE).await;
    let first = channel(&network, &server.address);
    let second = first.clone();
    assert!(first.is_same(&second));
    ask(&first, "hello").await.0.unwrap();
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_streams(), 2);
    drop(second);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(network.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_compressed_but_no_larger_than_the_limit_when_it_is_not() {
    let network = Network::default();
    let server = Foreign {
        gzip: true,
        ..Foreign::new(|_| Fate::Served)
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let text: &'static str = "squall ".repeat(10_000).leak();
    assert_eq!(ask(&channel, text).await.0.unwrap(), text);
    let bomb: &'static str = " ".repeat(LIMIT + 1).leak();
    let status = ask(&channel, bomb).await.0.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn large_requests_cross_windows_that_are_smaller_than_they_are() {
    let network = Network::default();
    let server = Foreign::new(|_| Fate::Served);
    let channel = channel(&network, &server.start(&network.host()).await);
    let text: &'static str = "0123456789".repeat(90_000).leak();
    let answers = join_all((0..8).map(|_| ask(&channel, text))).await;
    for (answer, _) in answers {
        assert!(answer.unwrap() == text);
    }
}

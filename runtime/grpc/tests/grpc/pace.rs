//! A client that goes on asking for what it is refused: how fast it is refused, and who waits for it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use squall_grpc::{Answer, Incoming, Limits, STREAM_WINDOW, Service, unary};
use squall_memory::Network;
use squall_proto::provider::ExecuteResponse;
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::limits::{S, Server, dial, send};
use crate::support::Echo;

const MS: Duration = Duration::from_millis(1);

/// Answers at once, without a message: h2's client wants those read.
#[derive(Clone)]
struct Nothing;

impl Service for Nothing {
    fn call(&self, _: Request<Incoming>) -> Answer {
        Box::pin(async { unary::response::<ExecuteResponse>(Err(Status::not_found("nothing"))) })
    }
}

/// Asks for so much at once. Gives how many are answered, and how many are refused.
async fn flood(requests: &SendRequest<Bytes>, count: usize) -> (usize, usize) {
    let answers = join_all((0..count).map(|_| send(requests, "flood"))).await;
    let answers = join_all(answers).await;
    let refused = |error: &h2::Error| assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    let answered = answers
        .iter()
        .filter(|it| it.as_ref().inspect_err(|error| refused(error)).is_ok())
        .count();
    (answered, count - answered)
}

#[tokio::test(start_paused = true)]
async fn however_many_come_at_once_within_the_limits_none_is_held_up() {
    let network = Network::default();
    let server = Server::start(&network, Limits::default(), Nothing).await;
    let requests = dial(&network, &server, STREAM_WINDOW).await;
    let begun = Instant::now();
    assert_eq!(flood(&requests, 5000).await, (5000, 0));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_asking_for_what_it_is_refused_is_refused_slowly_and_others_are_served_at_once() {
    let network = Network::default();
    let limits = Limits {
        streams: 100,
        ..Limits::default()
    };
    let server = Server::start(&network, limits, Echo::after(S / 2)).await;
    let requests = dial(&network, &server, STREAM_WINDOW).await;
    let begun = Instant::now();
    let flooded = async {
        let counts = flood(&requests, 740).await;
        (counts, server.refused())
    };
    let refused_by = async {
        sleep(MS).await;
        let at_first = server.refused();
        sleep(79 * MS).await;
        let later = server.refused();
        (at_first, later)
    };
    let beside = async {
        sleep(20 * MS).await;
        let asked = Instant::now();
        server.serves(&network).await;
        asked.elapsed()
    };
    let ((counts, refused), (at_first, later), beside) = tokio::join!(flooded, refused_by, beside);
    assert_eq!(counts, (100, 640));
    assert_eq!(refused, [("stream", 640)]);
    assert_eq!(at_first, [("stream", 16)]);
    assert!((300..=340).contains(&later[0].1), "{later:?}");
    assert!(beside <= S / 2 + MS, "{beside:?}");
    assert!(begun.elapsed() < S);
}

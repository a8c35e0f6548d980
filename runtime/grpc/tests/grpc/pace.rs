//! A client that asks for ever more, or for what it is refused: how fast it is begun with, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Counts what is begun with, and answers after a while, without a message: h2's client wants those read.
#[derive(Clone)]
struct Begun {
    delay: Duration,
    count: Arc<AtomicUsize>,
}

impl Begun {
    fn after(delay: Duration) -> Self {
        Begun {
            delay,
            count: Arc::default(),
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Service for Begun {
    fn call(&self, _: Request<Incoming>) -> Answer {
        self.count.fetch_add(1, Ordering::SeqCst);
        let delay = self.delay;
        Box::pin(async move {
            sleep(delay).await;
            unary::response::<ExecuteResponse>(Err(Status::not_found("nothing")))
        })
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
async fn who_asks_for_ever_more_is_begun_with_step_by_step_and_nobody_waits_for_that() {
    let network = Network::default();
    let service = Begun::after(10 * S);
    let server = Server::start(&network, Limits::default(), service.clone()).await;
    let (one, two) = (
        dial(&network, &server, STREAM_WINDOW).await,
        dial(&network, &server, STREAM_WINDOW).await,
    );
    let watch = async {
        // Five hundred of one at once, half as many of the other, and then 16 more in 4 ms of both together.
        sleep(MS).await;
        let at_first = service.count();
        sleep(200 * MS).await;
        let later = service.count() - at_first;
        sleep(S).await;
        (at_first, later, service.count())
    };
    let (first, second, (at_first, later, at_last)) =
        tokio::join!(flood(&one, 2000), flood(&two, 2000), watch);
    assert!((750..=1040).contains(&at_first), "{at_first} at first");
    assert!((700..=900).contains(&later), "{later} in the next 200 ms");
    assert_eq!(at_last, 4000, "all in the end");
    assert_eq!([first, second], [(2000, 0); 2]);
    assert_eq!(server.refused(), []);
}

#[tokio::test(start_paused = true)]
async fn whose_requests_end_as_fast_as_others_come_is_not_held_up() {
    let network = Network::default();
    let service = Begun::after(MS);
    let server = Server::start(&network, Limits::default(), service.clone()).await;
    let requests = dial(&network, &server, STREAM_WINDOW).await;
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(flood(&requests, 450).await, (450, 0));
    }
    assert!(begun.elapsed() <= 40 * MS, "{:?}", begun.elapsed());
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

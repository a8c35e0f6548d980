//! Calls that certainly no handler has seen are sent again. Spec: gRPC proposal A6.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use h2::Reason;
use squall_grpc::Outcome;
use squall_memory::Network;
use tonic::Code;

use crate::foreign::{Fate, Foreign};
use crate::support::{ask, channel};

fn count(it: &Arc<AtomicUsize>) -> usize {
    it.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_sent_again_once() {
    for reason in [Reason::REFUSED_STREAM, Reason::ENHANCE_YOUR_CALM] {
        let network = Network::default();
        let server = Foreign::new(match reason {
            Reason::REFUSED_STREAM => |number| match number {
                0 => Fate::Reset(Reason::REFUSED_STREAM),
                _ => Fate::Served,
            },
            _ => |number| match number {
                0 => Fate::Reset(Reason::ENHANCE_YOUR_CALM),
                _ => Fate::Served,
            },
        });
        let channel = channel(&network, &server.start(&network.host()).await);
        assert_eq!(ask(&channel, "hello").await.0.unwrap(), "hello");
        assert_eq!((count(&server.seen), count(&server.handled)), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_refused_each_time_fails_and_certainly_did_not_happen() {
    let network = Network::default();
    let server = Foreign::new(|_| Fate::Reset(Reason::REFUSED_STREAM));
    let channel = channel(&network, &server.start(&network.host()).await);
    let status = ask(&channel, "hello").await.0.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the peer reset the stream: REFUSED_STREAM");
    assert_eq!(count(&server.seen), 2);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_processed_is_not_sent_again() {
    for fate in [
        (|_| Fate::Reset(Reason::INTERNAL_ERROR)) as fn(usize) -> Fate,
        |_| Fate::Reset(Reason::CANCEL),
        |_| Fate::ServedAndReset(Reason::INTERNAL_ERROR),
    ] {
        let network = Network::default();
        let server = Foreign::new(fate);
        let channel = channel(&network, &server.start(&network.host()).await);
        let (answer, progress) = ask(&channel, "hello").await;
        assert!(answer.is_err());
        assert_eq!(progress.outcome_if_lost(), Outcome::Unknown);
        assert_eq!(count(&server.seen), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_goaway_that_did_not_see_the_call_costs_it_a_new_connection_only() {
    let network = Network::default();
    let server = Foreign {
        refusing: 1,
        ..Foreign::new(|_| Fate::Served)
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let answers = join_all((0..20).map(|_| ask(&channel, "hello"))).await;
    for (answer, _) in answers {
        assert_eq!(answer.unwrap(), "hello");
    }
    assert_eq!((count(&server.connections), count(&server.handled)), (2, 20));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_each_connection_is_not_dialled_for_ever() {
    let network = Network::default();
    let server = Foreign {
        refusing: usize::MAX,
        ..Foreign::new(|_| Fate::Served)
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let status = ask(&channel, "hello").await.0.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(count(&server.connections), 2, "it left both times");
}

#[tokio::test(start_paused = true)]
async fn fifty_cold_callers_of_a_server_of_one_stream_all_get_their_answers() {
    let network = Network::default();
    let server = Foreign {
        streams: Some(1),
        ..Foreign::new(|_| Fate::Served)
    };
    let channel = channel(&network, &server.start(&network.host()).await);
    let answers = join_all((0..50).map(|_| ask(&channel, "hello"))).await;
    assert!(answers.iter().all(|(answer, _)| answer.is_ok()), "{answers:?}");
    assert_eq!((count(&server.connections), count(&server.seen)), (1, 50));
}

#[tokio::test(start_paused = true)]
async fn callers_outlive_connections_that_grow_old_under_them() {
    for streams in [None, Some(1)] {
        let network = Network::default();
        let server = Foreign {
            streams,
            age: Some(Duration::from_millis(250)),
            delay: Duration::from_millis(7),
            ..Foreign::new(|_| Fate::Served)
        };
        let channel = channel(&network, &server.start(&network.host()).await);
        let callers = (0..50).map(|_| async {
            for _ in 0..20 {
                let (answer, _) = ask(&channel, "hello").await;
                answer.unwrap();
            }
        });
        join_all(callers).await;
        assert_eq!(count(&server.handled), 1000, "each once");
        let connections = count(&server.connections);
        let least = if streams.is_some() { 20 } else { 1 };
        assert!(connections >= least, "{connections}");
    }
}

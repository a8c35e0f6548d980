//! What a module takes of others at most, while blocking calls nest: a limit refuses, and never makes anybody wait.

use std::time::Duration;

use crate::support::*;
use futures_util::future::join_all;
use squall_router::{Kind, Limits, Module, Options, Outcome, Refusal};
use tokio::time::Instant;

/// Two modules, of which the first calls the second, which calls back into the first.
async fn there_and_back(network: &Network, options: Options) -> (Module<Memory>, Module<Memory>) {
    let (a, b) = pair(network.host(), network.host(), options).await;
    place(&a, &[], "first", Pass, &[("out", "middle.in")]);
    place(&b, &[&a], "middle", Pass, &[("out", "last.in")]);
    place(&a, &[&b], "last", Slow(ms(100), "1"), &[]);
    (a, b)
}

fn refused(module: &Module<Memory>, what: Refusal) -> u64 {
    let start = format!(
        "tinysystems_refused_total{{module=\"{}\",what=\"{}\"}} ",
        module.name(),
        what.as_str()
    );
    let text = module.metrics();
    let count = text.lines().find_map(|line| line.strip_prefix(&*start));
    count.expect("a line").parse().expect("a number")
}

#[tokio::test(start_paused = true)]
async fn thousands_of_calls_that_call_back_are_served_at_once() {
    let network = Network::default();
    let (a, _b) = there_and_back(&network, Options::default()).await;
    let begun = Instant::now();
    let calls = (0..3000).map(|_| a.scheduler().handle(message("first.in")));
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap(), Some(json("1")));
    }
    assert_eq!(begun.elapsed(), ms(100), "none waits for another");
}

#[tokio::test(start_paused = true)]
async fn beyond_a_limit_calls_that_call_back_fail_at_once_and_certainly() {
    for (streams, requests) in [(10, 20_000), (10_000, 10)] {
        let network = Network::default();
        let options = Options {
            max_in_flight: Some(requests),
            limits: Limits {
                streams,
                ..Limits::default()
            },
            ..Options::default()
        };
        let (a, b) = there_and_back(&network, options).await;
        let begun = Instant::now();
        let calls = (0..100).map(|_| a.scheduler().handle(message("first.in")));
        let (served, failed): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().partition(Result::is_ok);
        assert!(begun.elapsed() <= ms(300), "{:?}", begun.elapsed());
        assert!(served.len() >= 10, "{}", served.len());
        assert!(!failed.is_empty());
        for error in failed {
            let error = error.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Failed, "{error}");
            let kind = error.kind();
            assert!(
                matches!(kind, Kind::Overload | Kind::UpstreamUnavailable),
                "{kind:?} {error}"
            );
        }
        let what = if streams < requests {
            Refusal::Stream
        } else {
            Refusal::InFlight
        };
        assert!(refused(&b, what) >= 80, "{what:?} {}", refused(&b, what));
        // And there is room again.
        assert_eq!(
            a.scheduler().handle(message("first.in")).await.unwrap(),
            Some(json("1"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_request_is_held_as_long_as_it_is_handled() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&b, &[&a], "slow", Slow(Duration::from_secs(5), "1"), &[]);
    let held = || {
        let text = b.metrics();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("tinysystems_held_bytes{module=\"b\",of=\"requests\"} "));
        line.expect("a line").parse::<usize>().expect("a number")
    };
    let large = squall_router::Message::new("slow.in", json(&format!("\"{}\"", "x".repeat(1_000_000))));
    let call = a.scheduler().handle(large);
    let look = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held()
    };
    let (answer, during) = tokio::join!(call, look);
    answer.unwrap();
    assert!((1_000_000..1_200_000).contains(&during), "{during}");
    assert_eq!(held(), 0);
}

//! What is sent again, how often, and until when.

use std::sync::Arc;

use crate::support::*;
use squall_router::{
    Component, ComponentError, Edge, Input, Options, Outcome, Output, Payload, RetryPolicy, async_trait,
};
use tokio::time::{Instant, sleep};

fn policy(attempts: u32) -> RetryPolicy {
    RetryPolicy::attempts(attempts)
}

fn busy() -> ComponentError {
    ComponentError::new("busy").retryable(true)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_again_unless_somebody_asks_for_it() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = Counted::failing(busy);
    place(&b, &[&a], "busy", counted, &[]);
    ask(&a, "busy.in").await.expect_err("it is busy");
    assert_eq!(count(&calls), 1);
    let error = a.scheduler().handle(message("busy.in").retry(policy(3))).await;
    error.expect_err("it is still busy");
    assert_eq!(count(&calls), 4);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_cannot_be_reached_is_tried_again_without_a_key() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = Counted::new(|_| Ok(Some(json("7"))));
    place(&b, &[&a], "node", counted, &[]);
    let address = "127.0.0.1:2".parse().unwrap();
    network.set_link(&address, Link::Refused);
    let mending = async {
        sleep(ms(2500)).await;
        network.set_link(&address, Link::Open);
    };
    let start = Instant::now();
    let (answer, ()) = tokio::join!(a.scheduler().handle(message("node.in").retry(policy(3))), mending);
    assert_eq!(answer.unwrap(), Some(json("7")));
    assert_eq!((start.elapsed(), count(&calls)), (ms(3000), 1));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_sent_again_only_with_a_key() {
    for (keyed, attempts) in [(false, 1), (true, 3)] {
        let network = Network::default();
        let (a, b) = pair(network.host(), network.host(), Options::default()).await;
        let held = Held::new();
        place(&b, &[&a], "held", held.clone(), &[]);
        let policy = policy(3).attempt_timeout(ms(100));
        let mut sent = message("held.in").retry(policy);
        if keyed {
            sent = sent.idempotency_key("k");
        }
        let error = a.scheduler().handle(sent).await.expect_err("nobody lets go");
        assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Unknown));
        assert_eq!(count(&held.entered), attempts, "keyed: {keyed}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_the_deadline_and_not_after_it() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = Counted::failing(busy);
    place(&b, &[&a], "busy", counted, &[]);
    let start = Instant::now();
    let sent = message("busy.in").retry(policy(100)).timeout(ms(3500));
    let error = a.scheduler().handle(sent).await.expect_err("it is busy");
    // At 0, 1 and 3 s. The next would come at 7 s: so the error is told now, and not a timeout later.
    assert_eq!((count(&calls), start.elapsed()), (3, ms(3000)));
    assert_eq!(
        (error.class(), error.message().as_str()),
        ("remote_error", "busy")
    );

    // Without a timeout of its own, the module's 30 s are those of all attempts: at 0, 1, 3, 7 and 15 s.
    let (start, before) = (Instant::now(), count(&calls));
    let sent = message("busy.in").retry(policy(100));
    a.scheduler().handle(sent).await.expect_err("it is busy");
    assert_eq!((count(&calls) - before, start.elapsed()), (5, ms(15_000)));
}

#[tokio::test(start_paused = true)]
async fn attempts_do_not_multiply_along_a_chain() {
    let network = Network::default();
    let options = Options {
        retry: Some(policy(3).into()),
        ..Options::default()
    };
    let (a, b) = pair(network.host(), network.host(), options).await;
    let (counted, calls) = Counted::failing(busy);
    place(&a, &[&b], "first", Pass, &[("out", "second.in")]);
    place(&b, &[&a], "second", Pass, &[("out", "third.in")]);
    place(&b, &[&a], "third", Pass, &[("out", "busy.in")]);
    place(&a, &[&b], "busy", counted, &[]);
    let error = ask(&a, "first.in").await.expect_err("it is busy");
    assert_eq!((error.message().as_str(), count(&calls)), ("busy", 3));
    // A peer that is down behind a component that did run is no reason to run that again either.
    let address = "127.0.0.1:9".parse().unwrap();
    a.register("c", vec![address]);
    a.set_node("down", "c");
    let (before, calls) = Counted::new(|_| Ok(None));
    place(&a, &[], "before", before, &[]);
    struct Both;
    #[async_trait]
    impl Component for Both {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            output.emit("before", input.data.clone()).await?;
            Ok(output.emit("down", input.data).await?)
        }
    }
    place(
        &a,
        &[],
        "both",
        Both,
        &[("before", "before.in"), ("down", "down.in")],
    );
    let error = ask(&a, "both.in").await.expect_err("c is down");
    assert_eq!((error.class(), count(&calls)), ("unavailable", 1));
}

#[tokio::test(start_paused = true)]
async fn jitter_takes_away_a_random_share_and_no_more() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, _) = Counted::failing(busy);
    place(&b, &[&a], "busy", counted, &[]);
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let sent = message("busy.in").retry(policy(2).jitter(50));
        a.scheduler().handle(sent).await.expect_err("it is busy");
        times.push(start.elapsed());
    }
    // The timer's grain is a millisecond.
    assert!(
        times.iter().all(|it| (ms(500)..=ms(1001)).contains(it)),
        "{times:?}"
    );
    times.sort_unstable();
    times.dedup();
    assert!(times.len() > 10, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_local_handler_is_tried_again_like_a_remote_one() {
    let module = alone(Options::default());
    let (counted, calls) = Counted::new(|call| {
        if call == 0 {
            Err(busy())
        } else {
            Ok(Some(json("7")))
        }
    });
    place(&module, &[], "busy", counted, &[]);
    let edge = Edge::new("out", "busy.in").retry(policy(3));
    module.install("pass", Arc::new(Pass), vec![edge]);
    assert_eq!(ask(&module, "pass.in").await.unwrap(), Some(json("7")));
    assert_eq!(count(&calls), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_between_attempts_is_not_served_any_more() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (counted, calls) = Counted::failing(busy);
    place(&b, &[&a], "busy", counted, &[]);
    let sent = message("busy.in").retry(policy(3));
    let given_up = tokio::time::timeout(ms(500), a.scheduler().handle(sent)).await;
    given_up.expect_err("it waits for its second attempt");
    sleep(ms(10_000)).await;
    assert_eq!(count(&calls), 1);
}

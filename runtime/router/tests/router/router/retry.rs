//! What is sent again, how often, and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::raw::serve_foreign;
use crate::support::*;
use squall_platform::Platform;
use squall_proto::module::module_service_server::ModuleService;
use squall_proto::module::{MessageRequest, MessageResponse};
use squall_router::{
    Component, ComponentError, Edge, Input, Kind, Message, Method, Module, Options, Outcome, Output, Payload,
    RetryPolicy, async_trait,
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

#[tokio::test(start_paused = true)]
async fn a_node_that_has_moved_is_looked_for_again_without_a_key() {
    for method in [Method::Send, Method::Message] {
        let network = Network::default();
        let options = Options {
            instance_wait: Duration::ZERO,
            ..Options::default()
        };
        let (a, _) = pair(network.host(), network.host(), options).await;
        a.set_method("b", method);
        let (c, address) = start(network.host(), "c", Options::default()).await;
        a.register("c", vec![address]);
        let (counted, calls) = Counted::new(|_| Ok(Some(json("7"))));
        place(&c, &[], "node", counted, &[]);
        // It was on `b`, which knows nothing of it any more.
        a.set_node("node", "b");
        let moving = async {
            sleep(ms(2500)).await;
            a.set_node("node", "c");
        };
        let sent = message("node.in").retry(policy(3));
        let start = Instant::now();
        let (answer, ()) = tokio::join!(a.scheduler().handle(sent), moving);
        assert_eq!(answer.unwrap(), Some(json("7")), "{method:?}");
        assert_eq!((start.elapsed(), count(&calls)), (ms(3000), 1), "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_delivered_is_not_sent_again() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&b, &[&a], "node", Echo, &[]);
    for to in ["node._settings", "node"] {
        let start = Instant::now();
        let sent = message(to).retry(policy(3));
        a.scheduler()
            .handle(sent)
            .await
            .expect_err("there is no such port");
        assert_eq!(start.elapsed(), ms(0), "{to}");
    }
}

/// `first` on `b` counts and asks `second` on `a`, which asks `b` for `third`. What `b` says of that last message comes
/// back to the caller of `first` as if `b` had said it of his.
fn there_and_back(a: &Module<Memory>, b: &Module<Memory>, third: &str) -> Arc<AtomicUsize> {
    struct CountedPass(Arc<AtomicUsize>);
    #[async_trait]
    impl Component for CountedPass {
        async fn handle(&self, input: Input<'_>, output: &Output) -> Result<Option<Payload>, ComponentError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(output.emit("out", input.data).await?)
        }
    }
    let calls = Arc::<AtomicUsize>::default();
    place(
        b,
        &[a],
        "first",
        CountedPass(Arc::clone(&calls)),
        &[("out", "second.in")],
    );
    place(a, &[b], "second", Pass, &[("out", third)]);
    calls
}

#[tokio::test(start_paused = true)]
async fn a_component_that_hands_a_refusal_on_has_run_and_does_not_run_again() {
    for method in [Method::Send, Method::Message] {
        for (third, kind) in [("third.in", Kind::Overload), ("nowhere.in", Kind::NotFound)] {
            let network = Network::default();
            let options = Options {
                max_in_flight: (kind == Kind::Overload).then_some(1),
                instance_wait: Duration::ZERO,
                ..Options::default()
            };
            let (a, b) = pair(network.host(), network.host(), options).await;
            a.set_method("b", method);
            b.set_method("a", method);
            a.set_node("nowhere", "b");
            place(&b, &[&a], "third", Echo, &[]);
            let calls = there_and_back(&a, &b, third);
            let sent = message("first.in").retry(policy(3));
            let error = a
                .scheduler()
                .handle(sent)
                .await
                .expect_err("third is not reached");
            assert_eq!((error.kind(), error.origin()), (kind, Some("b")), "{method:?}");
            assert_eq!(count(&calls), 1, "{method:?} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_message_itself_is_tried_again() {
    for method in [Method::Send, Method::Message] {
        let network = Network::default();
        let options = Options {
            max_in_flight: Some(1),
            ..Options::default()
        };
        let (a, b) = pair(network.host(), network.host(), options).await;
        a.set_method("b", method);
        let held = Held::new();
        place(&b, &[&a], "held", held.clone(), &[]);
        let first = in_background(&a, "held.in");
        held.arrived(1).await;
        held.let_go(2);
        let answer = a.scheduler().handle(message("held.in").retry(policy(2))).await;
        assert_eq!(answer.unwrap(), Some(json("1")), "{method:?}");
        first.await.unwrap().unwrap();
        assert_eq!(count(&held.entered), 2, "{method:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_for_which_there_was_no_room_is_sent_again_and_one_that_is_too_large_is_not() {
    for method in [Method::Send, Method::Message] {
        let network = Network::default();
        let mut options = Options {
            max_message_bytes: 400_000,
            ..Options::default()
        };
        options.limits.connection_bytes = 300_000;
        let (b, address) = start(network.host(), "b", options).await;
        let (a, own) = start(network.host(), "a", Options::default()).await;
        a.register("b", vec![address]);
        b.register("a", vec![own]);
        a.set_method("b", method);
        let held = Held::new();
        place(&b, &[&a], "held", held.clone(), &[]);
        let sized = |bytes: usize| {
            Message::new("held.in", json(&format!("\"{}\"", "x".repeat(bytes)))).retry(policy(3))
        };
        let send = |bytes| {
            let (a, message) = (a.scheduler().clone(), sized(bytes));
            network.host().spawn(async move { drop(a.handle(message).await) })
        };
        let _first = send(200_000);
        held.arrived(1).await;
        let mend = async {
            sleep(ms(500)).await;
            assert_eq!(
                count(&held.entered),
                1,
                "{method:?}: there is no room for another one"
            );
            held.let_go(2);
        };
        let begun = Instant::now();
        let (answer, ()) = tokio::join!(a.scheduler().handle(sized(200_000)), mend);
        answer.unwrap_or_else(|error| panic!("{method:?}: {error}"));
        assert_eq!(
            (count(&held.entered), begun.elapsed()),
            (2, ms(1000)),
            "{method:?}"
        );
        let begun = Instant::now();
        let error = a
            .scheduler()
            .handle(sized(500_000))
            .await
            .expect_err("it is too large");
        assert_eq!(error.outcome(), Outcome::Failed, "{method:?}: {error}");
        assert_eq!(
            begun.elapsed(),
            ms(0),
            "{method:?}: it is not sent again, {error}"
        );
    }
}

/// A peer that counts what it is asked, and says that it is shutting down.
#[derive(Clone)]
struct Leaving {
    calls: Arc<AtomicUsize>,
    handled: Option<&'static str>,
}

#[tonic::async_trait]
impl ModuleService for Leaving {
    async fn message(
        &self,
        _: tonic::Request<MessageRequest>,
    ) -> Result<tonic::Response<MessageResponse>, tonic::Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut status = tonic::Status::unavailable("module is shutting down: b");
        let marks = [
            ("x-error-kind", "shutdown"),
            ("x-error-origin", "b"),
            ("x-error-outcome", "failed"),
        ];
        for (key, value) in marks
            .into_iter()
            .chain(self.handled.map(|it| ("x-error-handled", it)))
        {
            status.metadata_mut().insert(key, value.parse().unwrap());
        }
        Err(status)
    }
}

#[tokio::test(start_paused = true)]
async fn what_met_a_shutdown_is_sent_again_by_itself_only_if_nobody_has_begun_with_it() {
    // Nothing said: a component of the peer may have run, and have heard of the shutdown from further away.
    for (handled, expected) in [(Some("false"), 2), (Some("true"), 1), (None, 1)] {
        let network = Network::default();
        let calls = Arc::<AtomicUsize>::default();
        let peer = Leaving {
            calls: Arc::clone(&calls),
            handled,
        };
        let address = serve_foreign(network.host(), peer).await;
        let (a, _) = start(network.host(), "a", Options::default()).await;
        a.register("b", vec![address]);
        a.set_node("node", "b");
        a.set_method("b", Method::Message);
        ask(&a, "node.in").await.expect_err("it is shutting down");
        assert_eq!(count(&calls), expected, "{handled:?}");
    }
}

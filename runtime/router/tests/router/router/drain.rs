//! How a server ends: what is in the works finishes, the rest is told. Spec: router 5.2.

use std::sync::atomic::Ordering;

use crate::support::*;
use squall_platform::Platform;
use squall_router::{Kind, Module, Options, Outcome};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// The caller of a module that can be stopped.
async fn caller(network: &Network, b: &Stoppable) -> Module<Memory> {
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![b.address.clone()]);
    a
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_works_finishes_and_then_the_server_ends() {
    let network = Network::default();
    let b = Stoppable::start(&network, 10_000).await;
    let a = caller(&network, &b).await;
    let held = Held::new();
    place(&b.module, &[&a], "held", held.clone(), &[]);
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    let begun = Instant::now();
    b.stop.send(()).unwrap();
    tokio::time::sleep(ms(3000)).await;
    held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap(), Some(json("1")));
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
    assert_eq!(begun.elapsed(), ms(3000), "not a moment longer than needed");
    tokio::time::sleep(ms(1)).await;
    assert_eq!(network.open_streams(), 0);
    let error = a.scheduler().handle(message("held.in")).await.expect_err("gone");
    assert_eq!((error.class(), error.outcome()), ("unavailable", Outcome::Failed));
}

#[tokio::test(start_paused = true)]
async fn what_outlasts_the_grace_is_cancelled_and_its_caller_told_that_nobody_knows() {
    let network = Network::default();
    let b = Stoppable::start(&network, 2000).await;
    let a = caller(&network, &b).await;
    let (component, entered, cancelled) = Cancellable::new();
    place(&b.module, &[&a], "stuck", component, &[]);
    let call = in_background(&a, "stuck.in");
    entered.await.expect("it is called");
    let begun = Instant::now();
    b.stop.send(()).unwrap();
    let error = call.await.unwrap().expect_err("cancelled");
    assert_eq!(begun.elapsed(), ms(2000));
    assert_eq!(error.to_string(), "remote error: module is shutting down: b");
    assert_eq!(
        (error.kind(), error.outcome()),
        (Kind::Shutdown, Outcome::Unknown)
    );
    cancelled.await.expect_err("dropped");
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_does_not_hold_up_a_shutdown() {
    let network = Network::default();
    let b = Stoppable::start(&network, 30_000).await;
    let silent = network.host().connect(&b.address).await.unwrap();
    let mut greeted = network.host().connect(&b.address).await.unwrap();
    greeted
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    greeted.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    // Long enough that it cannot be reading an answer any more.
    tokio::time::sleep(ms(10_500)).await;
    let begun = Instant::now();
    b.stop.send(()).unwrap();
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
    // A second for an answer, and one more behind the last word.
    assert_eq!(begun.elapsed(), ms(2000));
    drop((silent, greeted));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_meets_the_shutdown_is_served() {
    // Whatever the moment at which the shutdown strikes.
    for turns in 0..40 {
        let network = Network::default();
        let b = Stoppable::start(&network, 1000).await;
        let a = caller(&network, &b).await;
        let held = Held::new();
        place(&b.module, &[&a], "echo", Echo, &[]);
        place(&b.module, &[&a], "held", held.clone(), &[]);
        a.scheduler().handle(message("echo.in")).await.expect("b serves");
        let call = in_background(&a, "held.in");
        let stop = b.stop;
        network.host().spawn(async move {
            for _ in 0..turns {
                one_turn().await;
            }
            stop.send(()).unwrap();
        });
        held.let_go(1);
        call.await.unwrap().expect("there is nowhere else to go");
        assert_eq!(held.entered.load(Ordering::SeqCst), 1);
        b.drained.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_meets_the_shutdown_is_served_by_another_replica() {
    for turns in 0..40 {
        let network = Network::default();
        let b = Stoppable::start(&network, 1000).await;
        let a = caller(&network, &b).await;
        let (other, other_address) = start(network.host(), "b", Options::default()).await;
        let (counted, calls) = Counted::new(|_| Ok(Some(json("1"))));
        place(&other, &[&a], "node", counted, &[]);
        let (counted, first_calls) = Counted::new(|_| Ok(Some(json("1"))));
        place(&b.module, &[&a], "node", counted, &[]);
        a.register("b", vec![b.address.clone(), other_address]);
        for _ in 0..2 {
            ask(&a, "node.in").await.expect("both serve");
        }
        // They take turns: one of these meets the shutdown, whatever the moment at which it strikes.
        let pair = [(); 2].map(|()| in_background(&a, "node.in"));
        let stop = b.stop;
        network.host().spawn(async move {
            for _ in 0..turns {
                one_turn().await;
            }
            stop.send(()).unwrap();
        });
        for call in pair {
            assert_eq!(
                call.await.unwrap().unwrap(),
                Some(json("1")),
                "after {turns} turns"
            );
        }
        assert_eq!(count(&calls) + count(&first_calls), 4, "after {turns} turns");
        b.drained.await.unwrap();
    }
}

/// Lets every task that is due run once. (`yield_now` lets them run until none is due.)
async fn one_turn() {
    let mut over = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut over, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_asked_to_go_away_goes_to_another_endpoint() {
    let network = Network::default();
    let b = Stoppable::start(&network, 10_000).await;
    let a = caller(&network, &b).await;
    let (other, other_address) = start(network.host(), "b", Options::default()).await;
    let held = Held::new();
    place(&b.module, &[&a], "node", held.clone(), &[]);
    place(&other, &[&a], "node", Constant(Some("\"other\"")), &[]);
    let call = in_background(&a, "node.in");
    held.arrived(1).await;
    b.stop.send(()).unwrap();
    tokio::time::sleep(ms(1)).await;
    a.register("b", vec![b.address.clone(), other_address.clone()]);
    for _ in 0..6 {
        let answer = a.scheduler().handle(message("node.in")).await;
        assert_eq!(answer.unwrap(), Some(json("\"other\"")));
    }
    held.let_go(1);
    assert_eq!(
        call.await.unwrap().unwrap(),
        Some(json("1")),
        "begun before, and finished"
    );
    assert_eq!(held.entered.load(Ordering::SeqCst), 1);
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_left_for_a_new_one_and_finishes_its_calls() {
    let network = Network::default();
    let options = Options {
        max_connection_age: Some(ms(1000)),
        ..Options::default()
    };
    let (b, address) = start(network.host(), "b", options).await;
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![address.clone()]);
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    place(&b, &[&a], "echo", Echo, &[]);
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    tokio::time::sleep(ms(800)).await;
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("not old yet");
    assert_eq!(network.dials(&address), 1);
    tokio::time::sleep(ms(400)).await;
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("a new connection");
    assert_eq!(network.dials(&address), 2);
    held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap(), Some(json("1")));
}

//! The pool follows a source that changes.

use std::sync::Arc;

use squall_router::discovery::Registry;
use squall_router::{Module, Options};

use super::{owned_by, runs_at};
use crate::support::*;

/// A module that learns from `registry` that `echo` is at `b`.
async fn caller(network: &Network, registry: &Arc<Registry>) -> Module<impl squall_platform::Platform> {
    let (caller, _) = start(network.host(), "a", Options::default()).await;
    registry.apply(1, owned_by("echo", Some("b")));
    caller.discover(Arc::clone(registry) as _);
    caller
}

#[tokio::test(start_paused = true)]
async fn a_change_of_endpoints_reaches_a_pool_that_already_knew_some() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (one, first) = start(network.host(), "b", Options::default()).await;
    let (other, second) = start(network.host(), "b", Options::default()).await;
    place(&one, &[], "echo", Echo, &[]);
    place(&other, &[], "echo", Echo, &[]);
    let call = || a.scheduler().handle(message("echo.in"));

    assert_eq!(call().await.expect_err("nowhere yet").class(), "not_discovered");
    registry.apply(2, runs_at("b", vec![first.clone()]));
    call().await.expect("at its first address");
    registry.apply(3, runs_at("b", vec![second.clone()]));
    for _ in 0..5 {
        call().await.expect("at its second address");
    }
    assert_eq!((network.dials(&first), network.dials(&second)), (1, 1));
    registry.apply(4, runs_at("b", vec![]));
    assert_eq!(call().await.expect_err("gone").class(), "not_discovered");
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_an_endpoint_that_stays_is_kept() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (b, stays) = start(network.host(), "b", Options::default()).await;
    let (c, joins) = start(network.host(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    place(&c, &[], "echo", Echo, &[]);
    registry.apply(2, runs_at("b", vec![stays.clone()]));
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("it is there");
    registry.apply(3, runs_at("b", vec![joins.clone(), stays.clone()]));
    for _ in 0..6 {
        a.scheduler()
            .handle(message("echo.in"))
            .await
            .expect("both are there");
    }
    assert_eq!((network.dials(&stays), network.dials(&joins)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_told_by_hand_wins_over_the_source() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (b, told) = start(network.host(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    a.register("b", vec![told.clone()]);
    registry.apply(2, runs_at("b", super::at(&["elsewhere:9"])));
    registry.apply(3, runs_at("b", vec![]));
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("where it was told");
    a.deregister("b");
    let error = a
        .scheduler()
        .handle(message("echo.in"))
        .await
        .expect_err("nobody knows it");
    assert_eq!(error.class(), "not_discovered");
}

#[tokio::test(start_paused = true)]
async fn another_source_takes_the_place_of_what_the_first_one_said() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (b, first) = start(network.host(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    registry.apply(2, runs_at("b", vec![first]));
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("it is there");
    let other = Arc::new(Registry::new());
    other.apply(1, owned_by("echo", Some("b")));
    a.discover(other);
    let error = a
        .scheduler()
        .handle(message("echo.in"))
        .await
        .expect_err("unknown to the other");
    assert_eq!(error.class(), "not_discovered");
}

#[tokio::test(start_paused = true)]
async fn a_module_without_an_address_is_not_discovered() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    registry.apply(2, runs_at("b", vec![]));
    let error = a
        .scheduler()
        .handle(message("echo.in"))
        .await
        .expect_err("no address");
    assert_eq!(error.to_string(), "module not discovered: b");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_an_endpoint_which_goes_is_served_by_the_new_one() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (_, black_hole) = start(network.host(), "b", Options::default()).await;
    network.set_link(&black_hole, Link::BlackHole);
    let (b, address) = start(network.host(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    registry.apply(2, runs_at("b", vec![black_hole]));
    let call = a.scheduler().handle(message("echo.in"));
    let moves = async {
        tokio::time::sleep(ms(100)).await;
        registry.apply(3, runs_at("b", vec![address]));
    };
    let (answer, ()) = tokio::join!(call, moves);
    assert_eq!(answer.expect("at the new address"), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_an_endpoint_which_goes_fails_when_there_is_no_other() {
    let (network, registry) = (Network::default(), Arc::new(Registry::new()));
    let a = caller(&network, &registry).await;
    let (_, black_hole) = start(network.host(), "b", Options::default()).await;
    network.set_link(&black_hole, Link::BlackHole);
    registry.apply(2, runs_at("b", vec![black_hole]));
    let call = a.scheduler().handle(message("echo.in"));
    let goes = async {
        tokio::time::sleep(ms(100)).await;
        registry.apply(3, runs_at("b", vec![]));
    };
    let (answer, ()) = tokio::join!(call, goes);
    assert_eq!(answer.expect_err("it is gone").class(), "unavailable");
}

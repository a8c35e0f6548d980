//! Leaving in every order. Spec: provider 2.8 to 2.10; section 5, rows 12 and 13; section 6, points 3 to 5 and 18.

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn deregistering_the_last_module_ends_the_stream_and_frees_the_namespace() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A", "B"]).await;
    let response = provider.deregister(&["A"]).await;
    assert!(response.success && response.results[0].removed);
    assert_eq!(world.modules(), ["ml.B"]);
    assert!(provider.deregister(&["B"]).await.success);
    provider.control().completed().await;
    assert!(world.manager.providers().is_empty());
    provider.register("ml", "", &["A"]).await;
    assert_eq!(world.call("ml.A").await, Ok(text("hello")), "created anew");
}

#[tokio::test(start_paused = true)]
async fn a_half_close_before_deregistering_gets_a_harmless_answer() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    provider.control.take().unwrap().close().await;
    let response = provider.deregister(&["A"]).await;
    assert!(!response.success);
    assert_eq!(response.results[0].error, "not found");
}

#[tokio::test(start_paused = true)]
async fn a_half_close_after_deregistering_does_no_harm_to_who_came_next() {
    let world = World::start().await;
    let mut first = world.active("ml", "", &["A"]).await;
    assert!(first.deregister(&["A"]).await.success);
    let mut second = Provider::start(&world, Executor::echo()).await;
    second.register("ml", "", &["A"]).await;
    second.open().await;
    first.control.take().unwrap().close().await;
    settle().await;
    assert_eq!(world.modules(), ["ml.A"]);
    for _ in 0..3 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
    assert_eq!(second.executor.count(), 3, "the pool has no dead member");
}

#[tokio::test(start_paused = true)]
async fn in_both_orders_a_member_takes_nothing_from_its_group() {
    for half_close_first in [true, false] {
        let world = World::start().await;
        let mut leaver = world.active("ml", "pool", &["A"]).await;
        let stayer = world.active("ml", "pool", &["A"]).await;
        if half_close_first {
            leaver.control.take().unwrap().close().await;
            let response = leaver.deregister(&["A"]).await;
            assert_eq!(response.results[0].error, "wrong namespace owner");
        } else {
            assert!(leaver.deregister(&["A"]).await.success);
            leaver.control.take().unwrap().close().await;
        }
        for _ in 0..3 {
            assert_eq!(world.call("ml.A").await, Ok(text("hello")));
        }
        assert_eq!((leaver.executor.count(), stayer.executor.count()), (0, 3));
        assert_eq!(world.manager.providers().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_member_takes_the_namespace_with_it() {
    let world = World::start().await;
    let mut first = world.active("ml", "pool", &["A"]).await;
    let mut second = world.active("ml", "pool", &["A"]).await;
    assert!(first.deregister(&["A"]).await.success);
    assert!(second.deregister(&["A"]).await.success);
    assert!(world.modules().is_empty());
    let _solo = world.active("ml", "", &["A", "B"]).await;
    assert_eq!(world.modules(), ["ml.A", "ml.B"]);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_deregisters_nothing() {
    let world = World::start().await;
    let _owner = world.active("ml", "", &["A"]).await;
    let mut other = world.active("other", "", &["A"]).await;
    other.namespace = "ml".to_owned();
    let response = other.deregister(&["A"]).await;
    assert_eq!(response.results[0].error, "wrong namespace owner");
    assert_eq!(world.modules(), ["ml.A", "other.A"]);
}

#[tokio::test(start_paused = true)]
async fn channels_close_with_the_last_member_that_uses_them() {
    let world = World::start().await;
    let mut one = world.active("one", "", &["A"]).await;
    // The same process has another namespace, at the same address.
    let mut rpc = connect(&one.host, &world.address).await;
    let mut request = one.request("two", "", &["A"]);
    request.executor_url = one.url.to_string();
    let two = rpc.register(request).await.unwrap().into_inner();
    assert!(two.success);
    world.call("one.A").await.unwrap();
    world.call("two.A").await.unwrap();
    assert_eq!(world.network.dials(&one.url), 1, "one channel for one address");
    let open = world.network.open_streams();

    assert!(one.deregister(&["A"]).await.success);
    settle().await;
    world.call("two.A").await.unwrap();
    assert_eq!(
        (world.network.dials(&one.url), world.network.open_streams()),
        (1, open)
    );

    one.namespace = "two".to_owned();
    one.connection = two.connection_id;
    assert!(one.deregister(&["A"]).await.success);
    settle().await;
    assert_eq!(world.network.open_streams(), open - 2, "both ends of the channel");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_survives_its_provider_leaving() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(2))).await;
    provider.register("ml", "", &["A"]).await;
    provider.open().await;
    let call = world.in_background("ml.A");
    settle().await;
    assert_eq!(world.manager.providers()[0].in_flight, 1);
    provider.control.take().unwrap().close().await;
    assert_eq!(call.await.unwrap(), Ok(text("hello")), "it was answered");
}

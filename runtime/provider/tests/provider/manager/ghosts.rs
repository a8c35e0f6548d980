//! Providers that come back before anybody knows that they are dead. Spec: provider 2.6, 2.8.

use squall_proto::provider::RegisterRequest;
use squall_provider::State;
use tokio::time::Instant;

use crate::support::*;

/// As the process would ask that comes after `old` at the same address.
fn successor(old: &Provider, new: &Provider, group: &str) -> RegisterRequest {
    RegisterRequest {
        executor_url: old.url.to_string(),
        ..new.request("ml", group, &["A"])
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_its_address_takes_over_from_its_dead_self_at_once() {
    let world = World::start().await;
    let old = world.active("ml", "", &["A"]).await;
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    world.network.forget();
    let mut new = Provider::start(&world, Executor::echo()).await;
    let begun = Instant::now();
    let response = new.try_register(successor(&old, &new, "")).await;
    assert!(response.success, "{response:?}");
    assert!(begun.elapsed() < ms(10), "{:?}", begun.elapsed());
    assert!(world.provider(&old.connection).is_none());
    new.open().await;
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    // The end of the old lease takes nothing along.
    let _beating = new.keep_alive(secs(5));
    tokio::time::sleep(secs(60)).await;
    assert_eq!(world.states(), [State::Active]);
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lives_is_never_displaced() {
    let world = World::start().await;
    let old = world.active("ml", "", &["A"]).await;
    let mut new = Provider::start(&world, Executor::echo()).await;
    let begun = Instant::now();
    let response = new.try_register(successor(&old, &new, "")).await;
    assert_eq!(
        response.results[0].rejection_reason,
        "Namespace 'ml' is owned by another provider"
    );
    assert!(begun.elapsed() <= secs(1), "it is asked, and not for long");
    assert!(world.provider(&old.connection).is_some());
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_is_merely_silent() {
    let world = World::start().await;
    let old = world.active("ml", "", &["A"]).await;
    world.network.cut();
    let mut new = Provider::start(&world, Executor::echo()).await;
    assert!(!new.try_register(successor(&old, &new, "")).await.success);
    assert!(world.provider(&old.connection).is_some());
    tokio::time::sleep(secs(16)).await;
    assert!(new.try_register(successor(&old, &new, "")).await.success);
}

#[tokio::test(start_paused = true)]
async fn who_executes_elsewhere_is_refused_at_once_and_nobody_is_asked() {
    let world = World::start().await;
    let _old = world.active("ml", "", &["A"]).await;
    world.network.forget();
    let mut new = Provider::start(&world, Executor::echo()).await;
    let begun = Instant::now();
    assert!(!new.try_register(new.request("ml", "", &["A"])).await.success);
    assert!(begun.elapsed() < ms(10));
    assert_eq!(world.states(), [State::Active], "nothing was written to it");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_back_is_there_once_and_others_may_have_changed_their_modules_meanwhile() {
    let world = World::start().await;
    let old = world.active("ml", "g", &["A", "B"]).await;
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    world.network.forget();
    // Its group is its own dead self alone, which had other modules.
    let mut new = Provider::start(&world, Executor::echo()).await;
    assert!(new.try_register(successor(&old, &new, "g")).await.success);
    assert_eq!(world.modules(), ["ml.A"]);
    new.open().await;

    world.network.forget();
    let mut again = Provider::start(&world, Executor::echo()).await;
    assert!(again.try_register(successor(&old, &again, "g")).await.success);
    again.open().await;
    settle().await;
    assert_eq!(world.states(), [State::Active]);
    for _ in 0..4 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
}

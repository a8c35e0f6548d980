//! Timeouts, in virtual time. Spec: provider 2.7, timers.

use squall_provider::{Config, State};
use tokio::time::{Instant, advance, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn without_heartbeats_it_is_gone_after_fifteen_seconds_and_not_before() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let begun = Instant::now();
    sleep(ms(14_990)).await;
    assert_eq!(world.states(), [State::Active]);
    assert_eq!(world.call("ml.Analyze").await, Ok(text("hello")));
    provider.control().completed().await;
    let lasted = begun.elapsed();
    assert!(secs(15) <= lasted && lasted <= secs(16), "{lasted:?}");
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_control_plane_it_is_gone_after_thirty_seconds_and_not_before() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    sleep(ms(29_990)).await;
    assert_eq!(world.states(), [State::Registered]);
    sleep(ms(1_020)).await;
    assert!(world.modules().is_empty());
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_heartbeats_it_lives_and_another_dies_alone() {
    let world = World::start().await;
    let lively = world.active("lively", "", &["A"]).await;
    let silent = world.active("silent", "", &["A"]).await;
    let _beating = lively.keep_alive(secs(5));
    sleep(secs(120)).await;
    assert_eq!(world.modules(), ["lively.A"]);
    assert!(world.provider(&silent.connection).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_free_as_soon_as_its_owner_is_gone() {
    let world = World::start().await;
    let _silent = world.active("ml", "", &["Analyze"]).await;
    let mut next = Provider::start(&world, Executor::echo()).await;
    let request = next.request("ml", "", &["Analyze"]);
    assert!(!next.try_register(request.clone()).await.success);
    sleep(secs(16)).await;
    assert!(next.try_register(request).await.success);
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_the_configured_ones() {
    let config = Config {
        heartbeat_timeout: ms(200),
        control_plane_timeout: ms(150),
        check_period: ms(10),
        ..Config::default()
    };
    let world = World::with(config).await;
    let active = world.active("active", "", &["A"]).await;
    let mut registered = Provider::start(&world, Executor::echo()).await;
    registered.register("registered", "", &["A"]).await;
    sleep(ms(165)).await;
    assert!(world.provider(&registered.connection).is_none());
    assert!(world.provider(&active.connection).is_some());
    sleep(ms(50)).await;
    assert!(world.provider(&active.connection).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_stood_still_gives_nobody_up_whose_heartbeats_wait_in_its_sockets() {
    let world = World::start().await;
    let mut lively = world.active("lively", "", &["A"]).await;
    let silent = world.active("silent", "", &["A"]).await;
    for still in [17, 100, 3] {
        // Nothing is read from here on; what is sent waits.
        let message = lively.heartbeat(1);
        lively.control().sender.try_send(message).unwrap();
        advance(secs(still)).await;
        settle().await;
        assert_eq!(world.states(), [State::Active, State::Active], "{still} s");
    }
    let over = Instant::now();
    let _beating = lively.keep_alive(secs(5));
    while world.provider(&silent.connection).is_some() {
        sleep(ms(100)).await;
        assert!(over.elapsed() <= secs(16), "who is silent is gone in time");
    }
    assert_eq!(world.modules(), ["lively.A"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_stands_still_again_and_again_misses_nobody_and_gives_the_dead_up() {
    let world = World::start().await;
    let mut lively = world.active("lively", "", &["A"]).await;
    let dead = world.active("dead", "", &["A"]).await;
    let mut rounds = 0;
    while world.provider(&dead.connection).is_some() {
        let message = lively.heartbeat(1);
        lively.control().sender.try_send(message).unwrap();
        advance(secs(20)).await;
        sleep(secs(2)).await;
        rounds += 1;
        assert!(rounds < 20, "it is never given up");
    }
    assert!(rounds >= 7, "it ran 2 s of each 22: {rounds}");
    assert_eq!(world.modules(), ["lively.A"]);
}

//! Execute: its deadline, its failover, and a crash in the middle.

use squall_engine::{Call, Code, Engine, Outcome};
use squall_memory::Link;
use tokio::time::Instant;

use super::member;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn hole_11_execute_ends_at_its_deadline_and_may_have_happened() {
    let world = World::start().await;
    let _slow = member(&world, Executor::slow(secs(60))).await;
    let begun = Instant::now();
    let call = Call::new("ml.A", text("hello")).timeout(ms(250));
    let error = world.manager.call(call).await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Timeout, Outcome::Unknown));
    assert_eq!(begun.elapsed().as_millis(), 250);
}

#[tokio::test(start_paused = true)]
async fn hole_11_execute_fails_over_once_when_it_was_certainly_not_sent() {
    let world = World::start().await;
    let dead = world.active("ml", "pool", &["A"]).await;
    let alive = world.active("ml", "pool", &["A"]).await;
    world.network.set_link(&dead.url, Link::Refused);
    for _ in 0..4 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
    assert_eq!((dead.executor.count(), alive.executor.count()), (0, 4));
    world.network.set_link(&alive.url, Link::Refused);
    alive.host.kill();
    settle().await;
    let error = world.call("ml.A").await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Failed));
}

#[tokio::test(start_paused = true)]
async fn hole_12_a_crash_during_a_call_is_told_at_once_and_the_call_is_not_made_again() {
    let world = World::start().await;
    let crashes = member(&world, Executor::slow(secs(20))).await;
    let other = world.active("ml", "pool", &["A"]).await;
    let call = world.in_background("ml.A");
    settle().await;
    assert_eq!(crashes.executor.count(), 1);
    let begun = Instant::now();
    crashes.host.kill();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Unknown));
    assert!(begun.elapsed() < ms(10));
    assert_eq!(other.executor.count(), 0);
    settle().await;
    assert_eq!(world.manager.providers().len(), 1);
    assert_eq!(
        world.call("ml.A").await,
        Ok(text("hello")),
        "the next call goes elsewhere"
    );
}

//! The deadline of a drain.

use squall_engine::{Code, Outcome};
use tokio::time::Instant;

use super::member;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn hole_07_at_the_drain_deadline_the_member_is_gone_with_what_it_has_not_answered() {
    let world = World::start().await;
    let mut hangs = member(&world, Executor::slow(secs(20))).await;
    let call = world.in_background("ml.A");
    settle().await;
    let begun = Instant::now();
    assert!(world.manager.drain(&hangs.connection, "update", Some(ms(2_500))));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Unknown));
    assert_eq!(begun.elapsed().as_millis(), 2_500);
    hangs.control().completed().await;
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn hole_07_within_the_drain_deadline_a_call_in_flight_is_answered_and_none_is_sent() {
    let world = World::start().await;
    let slow = member(&world, Executor::slow(secs(2))).await;
    let call = world.in_background("ml.A");
    settle().await;
    assert!(world.manager.drain(&slow.connection, "update", Some(ms(2_500))));
    let refused = world.call("ml.A").await.unwrap_err();
    assert_eq!(
        (refused.code, refused.outcome),
        (Code::Unavailable, Outcome::Failed)
    );
    assert_eq!(call.await.unwrap(), Ok(text("hello")));
    assert_eq!(slow.executor.count(), 1);
}

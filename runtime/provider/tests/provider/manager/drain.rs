//! Draining: no new calls, and a deadline for those that there are. Spec: provider 2.7; section 5, rows 15 to 18;
//! section 6, points 7 and 8.

use squall_engine::{Code, Outcome};
use squall_proto::provider::control_message::Payload;
use squall_provider::State;
use tokio::time::{Instant, sleep};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn only_an_active_provider_is_drained() {
    let world = World::start().await;
    assert!(!world.manager.drain("nobody", "maintenance", None));
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["A"]).await;
    assert!(!world.manager.drain(&provider.connection, "maintenance", None));
    provider.open().await;
    assert!(
        world
            .manager
            .drain(&provider.connection, "maintenance", Some(secs(7)))
    );
    assert_eq!(world.states(), [State::Draining], "without waiting for an answer");
    assert!(!world.manager.drain(&provider.connection, "maintenance", None));
    let request = provider.control().next().await.unwrap();
    assert_eq!(request.connection_id, provider.connection);
    let Some(Payload::DrainRequest(request)) = request.payload else {
        panic!("{request:?}");
    };
    assert_eq!((&*request.reason, request.deadline_ms), ("maintenance", 7_000));
}

#[tokio::test(start_paused = true)]
async fn one_that_drains_gets_no_new_calls_and_others_do() {
    let world = World::start().await;
    let drained = world.active("ml", "pool", &["A"]).await;
    let other = world.active("ml", "pool", &["A"]).await;
    assert!(world.manager.drain(&drained.connection, "", None));
    for _ in 0..4 {
        world.call("ml.A").await.unwrap();
    }
    assert_eq!((drained.executor.count(), other.executor.count()), (0, 4));
    assert!(world.manager.drain(&other.connection, "", None));
    let error = world.call("ml.A").await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Failed));
    assert_eq!(&*error.message, "No healthy executors in pool");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_finishes_within_the_deadline() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(5))).await;
    provider.register("ml", "", &["A"]).await;
    provider.open().await;
    let call = world.in_background("ml.A");
    settle().await;
    assert!(world.manager.drain(&provider.connection, "", Some(secs(10))));
    assert_eq!(call.await.unwrap(), Ok(text("hello")));
    assert_eq!(
        world.states(),
        [State::Draining],
        "until it leaves, or its deadline"
    );
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_it_is_taken_away_with_the_calls_it_has_not_answered() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(20))).await;
    provider.register("ml", "", &["A"]).await;
    provider.open().await;
    let call = world.in_background("ml.A");
    settle().await;
    let begun = Instant::now();
    assert!(world.manager.drain(&provider.connection, "", Some(ms(2_500))));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Unknown));
    let lasted = begun.elapsed();
    assert!(ms(2_500) <= lasted && lasted < ms(2_510), "{lasted:?}");
    provider.control().completed().await;
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_not_asked_of_one_that_drains_and_acknowledged_all_the_same() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    assert!(world.manager.drain(&provider.connection, "", Some(secs(60))));
    sleep(secs(59)).await;
    assert_eq!(world.states(), [State::Draining]);
    let message = provider.heartbeat(5);
    provider.control().send(message).await;
    provider.control().next().await.expect("the drain request");
    let ack = provider.control().next().await.unwrap();
    assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(_))));
    sleep(ms(1_020)).await;
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_of_existing_sdks_drains_without_having_been_asked_for() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    provider.control().send(drain_ack()).await;
    settle().await;
    assert_eq!(world.states(), [State::Draining]);
    sleep(secs(29)).await;
    assert_eq!(world.states(), [State::Draining]);
    sleep(ms(1_020)).await;
    assert!(world.manager.providers().is_empty());
}

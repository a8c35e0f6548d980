//! Asking a provider to leave.

use squall_proto::provider::control_message::Payload;
use squall_proto::provider::{ControlMessage, DrainAck};
use squall_provider::State;

use crate::support::*;

/// What a provider answers when it is asked to leave.
fn ack(connection: &str) -> ControlMessage {
    ControlMessage {
        protocol_version: 1,
        connection_id: connection.to_owned(),
        payload: Some(Payload::DrainAck(DrainAck {
            accepted: true,
            in_flight_count: 3,
        })),
    }
}

#[tokio::test(start_paused = true)]
async fn line_81_an_active_provider_gets_one_request_with_the_reason_and_the_deadline() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    assert!(
        world
            .manager
            .drain(&provider.connection, "maintenance", Some(secs(7)))
    );
    let request = provider.control().next().await.unwrap();
    assert_eq!(request.connection_id, provider.connection);
    let Some(Payload::DrainRequest(request)) = request.payload else {
        panic!("{request:?}");
    };
    assert_eq!((&*request.reason, request.deadline_ms), ("maintenance", 7_000));
    // Exactly one: what comes next is the answer to a heartbeat.
    let message = provider.heartbeat(1);
    provider.control().send(message).await;
    let next = provider.control().next().await.unwrap();
    assert!(matches!(next.payload, Some(Payload::HeartbeatAck(_))), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn line_81_without_a_deadline_it_is_thirty_seconds() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    assert!(world.manager.drain(&provider.connection, "", None));
    let request = provider.control().next().await.unwrap();
    assert!(matches!(request.payload, Some(Payload::DrainRequest(it)) if it.deadline_ms == 30_000));
}

#[tokio::test(start_paused = true)]
async fn line_82_who_is_unknown_or_not_active_is_not_drained() {
    let world = World::start().await;
    assert!(!world.manager.drain("nobody", "", None));
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    assert!(!world.manager.drain(&provider.connection, "", None));
    assert_eq!(world.states(), [State::Registered]);
    assert_eq!(world.call("ml.Analyze").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn line_83_an_acknowledgement_makes_an_active_provider_drain() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let message = ack(&provider.connection);
    provider.control().send(message).await;
    settle().await;
    assert_eq!(world.states(), [State::Draining]);
}

#[tokio::test(start_paused = true)]
async fn line_83_one_that_is_only_registered_is_opened_by_it_first() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    let mut stranger = world.active("other", "", &["Analyze"]).await;
    let foreign = ack(&provider.connection);
    stranger.control().send(foreign).await;
    stranger.control().refused().await;
    assert_eq!(
        world.provider(&provider.connection).unwrap().state,
        State::Registered,
        "nobody drains another"
    );
    // The first message of a stream makes it active, whatever it is; this one says that it drains, too.
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(ack(&provider.connection)).await;
    settle().await;
    assert_eq!(
        world.provider(&provider.connection).unwrap().state,
        State::Draining
    );
}

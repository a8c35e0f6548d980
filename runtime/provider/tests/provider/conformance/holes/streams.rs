//! Control planes: how they end, and what is acknowledged on them.

use squall_proto::provider::control_message::Payload;
use squall_provider::State;
use tokio::time::sleep;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn hole_04_a_stream_that_ends_takes_its_connection_with_it_and_is_completed() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    let _other = world.active("other", "", &["A"]).await;
    provider.control.take().unwrap().close().await;
    assert!(world.provider(&provider.connection).is_none());
    assert_eq!(world.modules(), ["other.A"]);
}

#[tokio::test(start_paused = true)]
async fn hole_04_a_stream_that_breaks_takes_its_connection_with_it_at_once() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["A"]).await;
    let _other = world.active("other", "", &["A"]).await;
    provider.host.kill();
    settle().await;
    assert!(world.provider(&provider.connection).is_none());
    assert_eq!(world.modules(), ["other.A"]);
}

#[tokio::test(start_paused = true)]
async fn hole_05_a_heartbeat_is_acknowledged_with_what_it_said_also_of_one_that_drains() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    acknowledged(&mut provider, 1, 1).await;
    assert!(world.manager.drain(&provider.connection, "", None));
    let request = provider.control().next().await.unwrap();
    assert!(matches!(request.payload, Some(Payload::DrainRequest(_))));
    acknowledged(&mut provider, 3, i64::MAX).await;
    assert_eq!(world.states(), [State::Draining]);
}

/// Sends a heartbeat of this version, and reads the acknowledgement.
async fn acknowledged(provider: &mut Provider, version: i32, timestamp: i64) {
    let mut message = provider.heartbeat(timestamp);
    message.protocol_version = version;
    provider.control().send(message).await;
    let ack = provider.control().next().await.unwrap();
    assert_eq!(
        (ack.protocol_version, &ack.connection_id),
        (version, &provider.connection)
    );
    assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(it)) if it.timestamp == timestamp));
}

#[tokio::test(start_paused = true)]
async fn hole_06_a_drain_ack_that_was_asked_for_keeps_the_deadline_that_was_set() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    assert!(world.manager.drain(&provider.connection, "", Some(secs(5))));
    provider.control().send(drain_ack()).await;
    sleep(ms(4_990)).await;
    assert_eq!(world.states(), [State::Draining]);
    sleep(ms(20)).await;
    assert!(world.manager.providers().is_empty());
}

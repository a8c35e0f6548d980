//! The control plane over gRPC. Spec: provider 2.7; section 5, row 16; section 6, points 8 to 10.

use squall_platform::Platform;
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::{ActiveModulesReport, ControlMessage, DrainRequest};
use squall_provider::{Config, State};
use tonic::Code;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_first_message_makes_it_active_and_heartbeats_are_acknowledged() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    assert_eq!(world.states(), [State::Registered]);
    let mut control = Control::open(&mut provider.rpc).await;
    let message = ControlMessage {
        protocol_version: 3,
        ..provider.heartbeat(1_234)
    };
    control.send(message).await;
    let ack = control.next().await.unwrap();
    assert_eq!(
        (ack.protocol_version, ack.connection_id),
        (3, provider.connection.clone())
    );
    assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(ack)) if ack.timestamp == 1_234));
    assert_eq!(world.states(), [State::Active]);
    assert!(world.manager.providers()[0].last_heartbeat.is_some());
}

#[tokio::test(start_paused = true)]
async fn any_first_message_will_do() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    let mut control = Control::open(&mut provider.rpc).await;
    control
        .send(ControlMessage {
            connection_id: provider.connection.clone(),
            ..ControlMessage::default()
        })
        .await;
    settle().await;
    assert_eq!(world.states(), [State::Active]);
}

#[tokio::test(start_paused = true)]
async fn messages_in_the_wrong_direction_are_ignored() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    for payload in [
        Payload::DrainRequest(DrainRequest::default()),
        Payload::ActiveModulesReport(ActiveModulesReport::default()),
    ] {
        let message = ControlMessage {
            payload: Some(payload),
            ..provider.heartbeat(0)
        };
        provider.control().send(message).await;
    }
    let last = provider.heartbeat(9);
    provider.control().send(last).await;
    let ack = provider.control().next().await.unwrap();
    assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(ack)) if ack.timestamp == 9));
    assert_eq!(world.states(), [State::Active]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_has_registered_for_is_not_found() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(heartbeat("nobody", 0)).await;
    assert_eq!(control.refused().await.code(), Code::NotFound);
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(heartbeat("", 0)).await;
    assert_eq!(control.refused().await.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_stream_speaks_for_nobody_else() {
    let world = World::start().await;
    let victim = world.active("ml", "", &["Analyze"]).await;
    let mut other = world.active("other", "", &["Analyze"]).await;
    tokio::time::sleep(secs(10)).await;
    other.control().send(victim.heartbeat(1)).await;
    let refused = other.control().refused().await;
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(world.provider(&other.connection).is_none());
    // The heartbeat of another has not kept it alive.
    tokio::time::sleep(secs(7)).await;
    assert!(world.provider(&victim.connection).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_second_stream_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let mut second = Control::open(&mut provider.rpc).await;
    second.send(provider.heartbeat(1)).await;
    assert_eq!(second.refused().await.code(), Code::AlreadyExists);
    settle().await;
    assert_eq!(world.states(), [State::Active]);
    let message = provider.heartbeat(2);
    provider.control().send(message).await;
    assert!(provider.control().next().await.is_some(), "the first one goes on");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_message_ends() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut control = Control::open(&mut provider.rpc).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(control.refused().await.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() >= secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_half_close_takes_everything_away_and_is_answered() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let other = world.active("other", "", &["Analyze"]).await;
    provider.control.take().unwrap().close().await;
    assert_eq!(world.modules(), ["other.Analyze"]);
    assert!(world.provider(&other.connection).is_some());
    provider.register("ml", "", &["Analyze"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_dies_is_gone_at_once() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    provider.host.kill();
    settle().await;
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_client_resets_takes_its_connection_with_it() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let Control { sender, replies } = provider.control.take().unwrap();
    drop(replies);
    settle().await;
    drop(sender);
    settle().await;
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn active_providers_get_reports_with_short_names() {
    let config = Config {
        report_interval: ms(200),
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut provider = world.active("data.text", "", &["B", "A"]).await;
    let mut waiting = Provider::start(&world, Executor::echo()).await;
    waiting.register("other", "", &["A"]).await;
    for _ in 0..3 {
        let report = provider.control().next().await.unwrap();
        assert_eq!(report.connection_id, provider.connection);
        assert_eq!(report.protocol_version, 1);
        let Some(Payload::ActiveModulesReport(report)) = report.payload else {
            panic!("{report:?}");
        };
        assert_eq!(report.active_modules, ["A", "B"]);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_holds_nobody_up() {
    let config = Config {
        report_interval: ms(10),
        ..Config::default()
    };
    let world = World::with(config).await;
    // Without reading, the window of its stream is full after a while, and the queue after that.
    let long = "A".repeat(200);
    let names: Vec<_> = (0..20).map(|index| format!("{long}{index}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let lazy = world.active("lazy", "", &names).await;
    let keep_alive = lazy.keep_alive(secs(1));
    let mut other = world.active("other", "", &["A"]).await;
    let other_alive = other.keep_alive(secs(1));
    let reading = other.control.take().unwrap();
    let reader = world.network.host();
    reader.spawn(async move {
        let Control {
            sender: _open,
            mut replies,
        } = reading;
        while let Ok(Some(_)) = replies.message().await {}
    });
    tokio::time::sleep(secs(60)).await;
    assert_eq!(world.states(), [State::Active, State::Active]);
    let metrics = world.manager.metrics_text();
    let unread = metrics
        .lines()
        .find_map(|line| line.strip_prefix("constellation_provider_unread_messages_total "));
    assert!(unread.unwrap().parse::<u64>().unwrap() > 0, "{metrics}");
    keep_alive.abort();
    other_alive.abort();
}

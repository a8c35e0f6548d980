//! Connections, from their registration to their end, and the streams that belong to them.

use std::time::SystemTime;

use squall_proto::provider::control_message::Payload;
use squall_provider::{Config, ProviderInfo, State};
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::conformance::clock::{Timed, at};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_61_a_registered_connection_has_all_its_fields_and_no_heartbeat() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "pool", &["Analyze"]).await;
    let info = world.provider(&provider.connection).unwrap();
    let expected = ProviderInfo {
        id: info.id,
        number: 0,
        connection: provider.connection.as_str().into(),
        namespace: "ml".into(),
        group: Some("pool".into()),
        executor: provider.url.as_str().into(),
        modules: vec!["ml.Analyze".into()],
        state: State::Registered,
        registered_at: SystemTime::UNIX_EPOCH,
        last_heartbeat: None,
        in_flight: 0,
    };
    assert_eq!(info, expected);
}

#[tokio::test(start_paused = true)]
async fn line_62_it_was_registered_when_it_asked() {
    let timed = Timed::start().await;
    sleep(secs(5)).await;
    assert_eq!(timed.info().registered_at, at(1));
}

#[tokio::test(start_paused = true)]
async fn line_63_the_first_message_of_a_stream_makes_it_active_and_says_that_it_is_alive() {
    let mut timed = Timed::start().await;
    sleep(secs(2)).await;
    timed.beat().await;
    let info = timed.info();
    assert_eq!((info.state, info.last_heartbeat), (State::Active, Some(at(3))));
}

#[tokio::test(start_paused = true)]
async fn line_64_a_stream_of_nobody_is_not_found_and_makes_nobody() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(heartbeat("nobody", 0)).await;
    assert_eq!(control.refused().await.code(), Code::NotFound);
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_65_a_second_stream_is_refused_and_the_first_one_stays() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let mut second = Control::open(&mut provider.rpc).await;
    second.send(provider.heartbeat(1)).await;
    assert_eq!(second.refused().await.code(), Code::AlreadyExists);
    let message = provider.heartbeat(2);
    provider.control().send(message).await;
    assert!(provider.control().next().await.is_some());
    assert_eq!(world.states(), [State::Active]);
}

#[tokio::test(start_paused = true)]
async fn line_66_a_heartbeat_moves_the_last_one_forward() {
    let mut timed = Timed::start().await;
    timed.beat().await;
    assert_eq!(timed.info().last_heartbeat, Some(at(1)));
    sleep(secs(4)).await;
    timed.beat().await;
    assert_eq!(timed.info().last_heartbeat, Some(at(5)));
    assert_eq!(timed.info().registered_at, at(1));
}

#[tokio::test(start_paused = true)]
async fn line_67_a_heartbeat_changes_nothing_for_who_is_not_active_and_nobody_beats_for_another() {
    let world = World::start().await;
    let mut registered = Provider::start(&world, Executor::echo()).await;
    registered.register("ml", "", &["Analyze"]).await;
    let before = world.provider(&registered.connection);
    let mut other = world.active("other", "", &["Analyze"]).await;
    let foreign = registered.heartbeat(1);
    other.control().send(foreign).await;
    assert_eq!(other.control().refused().await.code(), Code::PermissionDenied);
    assert_eq!(world.provider(&registered.connection), before);
    assert_eq!(world.manager.providers().len(), 1, "nobody was made");
}

#[tokio::test(start_paused = true)]
async fn line_68_whoever_is_disconnected_has_left_in_the_same_step() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    let mut again = Control::open(&mut provider.rpc).await;
    provider.control.take().unwrap().close().await;
    assert_eq!(world.provider(&provider.connection), None);
    again.send(provider.heartbeat(1)).await;
    assert_eq!(again.refused().await.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn line_69_and_70_a_namespace_has_its_connection_until_that_is_removed() {
    let world = World::start().await;
    let has = |namespace: &str| {
        let mut all = world.manager.providers().into_iter();
        all.any(|it| &*it.namespace == namespace)
    };
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    assert!(has("ml"));
    assert!(!has("other"));
    assert!(provider.deregister(&["Analyze"]).await.success);
    assert!(!has("ml"));
}

#[tokio::test(start_paused = true)]
async fn line_71_the_modules_of_a_connection_become_fewer_and_of_nobody_nothing_changes() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A", "B"]).await;
    assert!(provider.deregister(&["A"]).await.success);
    assert_eq!(world.manager.providers()[0].modules, ["ml.B".into()]);
    assert_eq!(world.states(), [State::Active]);
    provider.connection = "nobody".to_owned();
    assert!(!provider.deregister(&["B"]).await.success);
    assert_eq!(world.manager.providers()[0].modules, ["ml.B".into()]);
}

#[tokio::test(start_paused = true)]
async fn line_72_connections_are_listed_in_every_state() {
    let world = World::start().await;
    let mut registered = Provider::start(&world, Executor::echo()).await;
    registered.register("a", "", &["A"]).await;
    let _active = world.active("b", "", &["A"]).await;
    let draining = world.active("c", "", &["A"]).await;
    assert!(world.manager.drain(&draining.connection, "", None));
    assert_eq!(
        world.states(),
        [State::Registered, State::Active, State::Draining]
    );
}

#[tokio::test(start_paused = true)]
async fn line_73_one_connection_that_ends_leaves_the_other_with_its_stream() {
    let world = World::start().await;
    let mut leaver = world.active("ml", "", &["A"]).await;
    let mut stayer = world.active("other", "", &["A"]).await;
    leaver.control.take().unwrap().close().await;
    assert_eq!(world.provider(&stayer.connection).unwrap().state, State::Active);
    let message = stayer.heartbeat(7);
    stayer.control().send(message).await;
    let ack = stayer.control().next().await.unwrap();
    assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(ack)) if ack.timestamp == 7));
}

#[tokio::test(start_paused = true)]
async fn line_74_what_is_known_of_a_provider_is_told() {
    let mut timed = Timed::start().await;
    sleep(secs(2)).await;
    timed.beat().await;
    let expected = ProviderInfo {
        id: timed.info().id,
        number: 0,
        connection: timed.connection.as_str().into(),
        namespace: "ml".into(),
        group: None,
        executor: "localhost:9091".into(),
        modules: vec!["ml.Analyze".into()],
        state: State::Active,
        registered_at: at(1),
        last_heartbeat: Some(at(3)),
        in_flight: 0,
    };
    assert_eq!(timed.info(), expected);
}

#[tokio::test(start_paused = true)]
async fn line_75_reports_come_at_their_interval_with_short_names_and_the_connection() {
    let config = Config {
        report_interval: ms(200),
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut provider = world.active("data.text", "", &["B", "A"]).await;
    let begun = Instant::now();
    for _ in 0..7 {
        let report = provider.control().next().await.unwrap();
        assert_eq!(report.connection_id, provider.connection);
        let Some(Payload::ActiveModulesReport(report)) = report.payload else {
            panic!("{report:?}");
        };
        assert_eq!(report.active_modules, ["A", "B"]);
    }
    assert!(begun.elapsed() <= ms(1_500), "{:?}", begun.elapsed());
}

//! What upstream does not test: the end of the checklist. Some of it is in `sdks`, in bytes.

use std::sync::Arc;

use squall_engine::{Call, Code, Engine, LocalEngine, Outcome};
use squall_memory::{Link, Memory};
use squall_platform::Platform;
use squall_proto::provider::DeregisterRequest;
use squall_proto::provider::control_message::Payload;
use squall_provider::{Config, Manager, State};
use squall_provider_sdk as sdk;
use tokio::time::{Instant, sleep};

use crate::support::*;

/// A registered and active member of `ml`'s group.
async fn member(world: &World, executor: Executor) -> Provider {
    let mut provider = Provider::start(world, executor).await;
    provider.register("ml", "pool", &["A"]).await;
    provider.open().await;
    provider
}

#[tokio::test(start_paused = true)]
async fn hole_01_two_members_of_a_group_share_the_calls_of_one_module() {
    let world = World::start().await;
    let a = world.active("ml", "pool", &["A"]).await;
    let b = world.active("ml", "pool", &["A"]).await;
    assert_ne!(a.connection, b.connection);
    assert_eq!(world.modules(), ["ml.A"]);
    for _ in 0..6 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
    assert_eq!((a.executor.count(), b.executor.count()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn hole_02_a_member_leaves_while_another_serves_and_no_call_fails() {
    let world = World::start().await;
    let mut leaver = member(&world, Executor::slow(ms(20))).await;
    let stayer = member(&world, Executor::slow(ms(20))).await;
    let mut calls = vec![];
    for round in 0..20 {
        calls.push(world.in_background("ml.A"));
        sleep(ms(5)).await;
        if round == 9 {
            leaver.control.take().unwrap().close().await;
            leaver.deregister(&["A"]).await;
        }
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(text("hello")));
    }
    assert_eq!((leaver.executor.count(), stayer.executor.count()), (5, 15));
    assert_eq!(world.modules(), ["ml.A"]);
}

#[tokio::test(start_paused = true)]
async fn hole_03_real_executors_take_turns_in_the_order_in_which_they_came() {
    let world = World::start().await;
    let mut members = vec![];
    for name in ["a", "b", "c"] {
        members.push(member(&world, Executor::fixed(text(name))).await);
    }
    for name in ["a", "b", "c", "a", "b", "c"] {
        assert_eq!(world.call("ml.A").await, Ok(text(name)));
    }
}

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
async fn hole_05_a_heartbeat_is_acknowledged_with_what_it_said_in_whatever_state() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["A"]).await;
    let mut control = Control::open(&mut provider.rpc).await;
    for (version, timestamp, state) in [(1, 1, State::Active), (3, i64::MAX, State::Draining)] {
        let mut message = provider.heartbeat(timestamp);
        message.protocol_version = version;
        control.send(message).await;
        let mut ack = control.next().await.unwrap();
        if matches!(ack.payload, Some(Payload::DrainRequest(_))) {
            ack = control.next().await.unwrap();
        }
        assert_eq!(
            (ack.protocol_version, &ack.connection_id),
            (version, &provider.connection)
        );
        assert!(matches!(ack.payload, Some(Payload::HeartbeatAck(ack)) if ack.timestamp == timestamp));
        world.manager.drain(&provider.connection, "", None);
        assert_eq!(world.states(), [State::Draining], "acknowledged as {state}");
    }
}

#[tokio::test(start_paused = true)]
async fn hole_06_a_drain_ack_of_the_manager_asked_for_keeps_the_deadline_that_was_set() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    assert!(world.manager.drain(&provider.connection, "", Some(secs(5))));
    provider.control().send(drain_ack()).await;
    sleep(ms(4_990)).await;
    assert_eq!(world.states(), [State::Draining]);
    sleep(ms(20)).await;
    assert!(world.manager.providers().is_empty());
}

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

#[tokio::test(start_paused = true)]
async fn hole_08_who_registers_again_after_deregister_is_called_in_whatever_order_it_left() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    for round in 1..=6 {
        provider.register("ml", "", &["A"]).await;
        provider.open().await;
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
        assert_eq!(provider.executor.count(), round);
        let control = provider.control.take().unwrap();
        if round % 2 == 0 {
            control.close().await;
            provider.deregister(&["A"]).await;
        } else {
            provider.deregister(&["A"]).await;
            control.close().await;
        }
        assert!(world.modules().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn hole_09_of_a_rejected_registration_nothing_is_left() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let wrong = provider.request("ml", "hijackers", &["A", "B-"]);
    assert!(!provider.try_register(wrong).await.success);
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(provider.heartbeat(0)).await;
    assert_eq!(
        control.refused().await.code(),
        tonic::Code::NotFound,
        "nor its identifier"
    );

    // Its group has no claim either, however often it comes back.
    let owner = world.active("ml", "", &["A"]).await;
    for _ in 0..3 {
        let request = provider.request("ml", "hijackers", &["A"]);
        assert!(!provider.try_register(request).await.success);
    }
    for _ in 0..4 {
        world.call("ml.A").await.unwrap();
    }
    assert_eq!((owner.executor.count(), provider.executor.count()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn hole_10_of_many_that_register_one_namespace_at_once_one_has_it() {
    let world = World::start().await;
    let mut answers = vec![];
    for _ in 0..16 {
        let provider = Provider::start(&world, Executor::echo()).await;
        let (mut rpc, request) = (provider.rpc.clone(), provider.request("ml", "", &["A"]));
        let (done, answer) = tokio::sync::oneshot::channel();
        provider.host.spawn(async move {
            drop(done.send(rpc.register(request).await.unwrap().into_inner()));
        });
        answers.push(answer);
    }
    let mut winners = 0;
    for answer in answers {
        let mut answer = answer.await.unwrap();
        winners += usize::from(answer.success);
        let expected = match answer.success {
            true => "",
            false => "Namespace 'ml' is owned by another provider",
        };
        assert_eq!(answer.results.remove(0).rejection_reason, expected);
    }
    assert_eq!((winners, world.manager.providers().len()), (1, 1));
}

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

#[test]
fn hole_13_each_environment_variable_has_its_value_and_a_bad_one_is_an_error() {
    let environment = [
        ("CONSTELLATION_PROVIDER_PORT", "7"),
        ("CONSTELLATION_PROVIDER_HEARTBEAT_INTERVAL", "2"),
        ("CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT", "15"),
        ("CONSTELLATION_PROVIDER_CONTROL_PLANE_TIMEOUT", "15s"),
        ("CONSTELLATION_PROVIDER_REPORT_INTERVAL", "1m"),
        ("CONSTELLATION_PROVIDER_RESERVED_NS", "stdlib, core"),
    ];
    let read = |bad: Option<&str>| {
        Config::from_env(|asked| {
            let (name, value) = environment.iter().find(|(name, _)| *name == asked)?;
            let is_bad = bad == Some(name);
            Some(if is_bad { "!" } else { *value }.to_owned())
        })
    };
    let config = read(None).unwrap();
    assert_eq!(config.grpc_port, 7);
    assert_eq!(config.heartbeat_interval, secs(2));
    assert_eq!(config.heartbeat_timeout, secs(15));
    assert_eq!(config.control_plane_timeout, secs(15));
    assert_eq!(config.report_interval, secs(60));
    assert!(config.reserved_namespaces.iter().eq(["core", "stdlib"]));
    for (name, _) in environment {
        assert_eq!(read(Some(name)).unwrap_err().variable, name);
    }
}

/// A provider of our SDK, with modules `A` and `B` of `ml`, at that manager.
async fn start_sdk(world: &World) -> sdk::Running<Memory> {
    let echo = |name: &str| sdk::Module::new(name, text_type(), text_type(), |input, _| async { Ok(input) });
    let builder = sdk::Provider::builder(world.network.host(), "ml")
        .managers([world.address.clone()])
        .modules([echo("A"), echo("B")]);
    builder.build().unwrap().start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn hole_14_a_provider_of_the_sdk_comes_back_to_a_manager_that_restarts() {
    let world = World::start().await;
    let running = start_sdk(&world).await;
    assert_eq!(world.states(), [State::Active]);
    world.host.kill();
    settle().await;
    assert_eq!(running.status()[0].state, sdk::State::Reconnecting);

    let host = world.network.host();
    let manager = Manager::new(host.clone(), Config::default(), Arc::new(LocalEngine::new()));
    let server = manager.bind().await.unwrap();
    host.spawn(server.run());
    sleep(secs(2)).await;
    assert_eq!(running.status()[0].state, sdk::State::Active);
    assert_eq!(manager.providers()[0].state, State::Active);
    let output = manager.call(Call::new("ml.A", text("again"))).await;
    assert_eq!(output, Ok(text("again")));
}

#[tokio::test(start_paused = true)]
async fn hole_15_a_module_that_a_report_lacks_is_registered_again() {
    let world = World::start().await;
    let running = start_sdk(&world).await;
    let mut stranger = connect(&world.network.host(), &world.address).await;
    let request = DeregisterRequest {
        namespace: "ml".to_owned(),
        module_names: vec!["A".to_owned()],
        connection_id: world.manager.providers()[0].connection.to_string(),
    };
    assert!(stranger.deregister(request).await.unwrap().into_inner().success);
    assert_eq!(world.modules(), ["ml.B"]);
    sleep(secs(29)).await;
    assert_eq!(world.modules(), ["ml.B"], "until the report");
    sleep(secs(2)).await;
    assert_eq!(world.modules(), ["ml.A", "ml.B"]);
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    assert_eq!(running.status()[0].state, sdk::State::Active);
}

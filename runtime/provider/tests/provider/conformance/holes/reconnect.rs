//! Providers of our SDK that lose their manager, or their modules there.

use std::sync::Arc;

use squall_engine::{Call, Engine, LocalEngine};
use squall_memory::Memory;
use squall_platform::Platform;
use squall_proto::provider::DeregisterRequest;
use squall_provider::{Config, Manager, State};
use squall_provider_sdk as sdk;
use tokio::time::sleep;

use crate::support::*;

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

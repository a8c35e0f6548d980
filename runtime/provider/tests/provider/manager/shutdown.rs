//! How a server ends. Spec: provider section 6, point 19.

use std::sync::Arc;

use squall_engine::{Call, Code, Engine, LocalEngine, Outcome};
use squall_memory::Network;
use squall_provider::{Config, Manager};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn streams_are_completed_and_providers_deregistered() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    let (manager, network) = (world.manager.clone(), world.network.clone());
    world.stop.send(()).unwrap();
    provider.control().completed().await;
    assert!(manager.providers().is_empty());
    drop(provider);
    let drained = world.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
    let refused = squall_platform::Platform::connect(&network.host(), &world.address).await;
    assert!(refused.is_err(), "nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_have_the_grace_to_end() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(5))).await;
    provider.register("ml", "", &["A"]).await;
    let call = world.in_background("ml.A");
    settle().await;
    let begun = Instant::now();
    world.stop.send(()).unwrap();
    assert_eq!(call.await.unwrap(), Ok(text("hello")));
    drop(provider.rpc);
    let drained = world.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
    assert!(begun.elapsed() <= secs(5));
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_longer_than_the_grace_are_told() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(25))).await;
    provider.register("ml", "", &["A"]).await;
    let call = world.in_background("ml.A");
    settle().await;
    world.stop.send(()).unwrap();
    let drained = world.drained.await.unwrap();
    assert_eq!(drained.cancelled, 1);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_nobodys_yet_does_not_hold_it_up() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut control = Control::open(&mut provider.rpc).await;
    settle().await;
    let begun = Instant::now();
    world.stop.send(()).unwrap();
    assert_eq!(control.refused().await.code(), tonic::Code::Unavailable);
    drop((control, provider));
    assert_eq!(world.drained.await.unwrap().aborted, 0);
    assert!(begun.elapsed() < ms(10));
}

#[tokio::test(start_paused = true)]
async fn nobody_registers_at_a_server_that_ends() {
    let world = World::start().await;
    let mut busy = Provider::start(&world, Executor::slow(secs(5))).await;
    busy.register("ml", "", &["A"]).await;
    let call = world.in_background("ml.A");
    let mut late = Provider::start(&world, Executor::echo()).await;
    settle().await;
    world.stop.send(()).unwrap();
    let request = late.request("late", "", &["A"]);
    assert!(late.rpc.register(request).await.is_err());
    assert!(world.manager.providers().is_empty());
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_ends_everything_at_once() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    let manager = world.manager.clone();
    world.host.kill();
    settle().await;
    assert!(manager.providers().is_empty());
    assert!(provider.control().replies.message().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_server_outlives_it_but_what_its_callers_wait_for() {
    let network = Network::default();
    let host = network.host();
    let manager = Manager::new(host.clone(), Config::default(), Arc::new(LocalEngine::new()));
    let server = manager.bind().await.unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    let serving = squall_platform::Platform::spawn(&host, server.run());
    let mut provider = Provider::at(&network, &address, Executor::slow(secs(2))).await;
    provider.register("ml", "", &["A"]).await;
    provider.open().await;
    let call = Engine::call(&manager, Call::new("ml.A", text("hello")));
    let (_, called) = tokio::join!(
        async {
            settle().await;
            serving.abort();
            settle().await;
            assert!(provider.control().replies.message().await.is_err());
            assert!(manager.providers().is_empty());
        },
        call
    );
    assert_eq!(called, Ok(text("hello")));
    drop(provider);
    settle().await;
    assert_eq!(network.open_streams(), 0);

    // The same manager may be served again.
    let server = manager.bind().await.unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    squall_platform::Platform::spawn(&host, server.run());
    let mut provider = Provider::at(&network, &address, Executor::echo()).await;
    provider.register("ml", "", &["A"]).await;
    let called = Engine::call(&manager, Call::new("ml.A", text("hello"))).await;
    assert_eq!(called, Ok(text("hello")));
}

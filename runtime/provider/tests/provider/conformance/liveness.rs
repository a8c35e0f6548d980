//! Who is taken away, and who is not. Timeouts are looked at each second.

use squall_proto::provider::control_message::Payload;
use squall_provider::{Config, State};
use tokio::time::sleep;

use crate::support::*;

fn impatient() -> Config {
    Config {
        heartbeat_timeout: ms(200),
        control_plane_timeout: ms(150),
        ..Config::default()
    }
}

#[tokio::test(start_paused = true)]
async fn line_76_without_a_control_plane_in_time_modules_and_connection_are_gone() {
    let world = World::with(impatient()).await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    provider.register("ml", "", &["Analyze"]).await;
    sleep(ms(140)).await;
    assert_eq!(world.states(), [State::Registered]);
    sleep(ms(1_360)).await;
    assert!(world.modules().is_empty());
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_77_without_heartbeats_in_time_modules_and_connection_are_gone() {
    let world = World::with(impatient()).await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    sleep(ms(190)).await;
    assert_eq!(world.modules(), ["ml.Analyze"]);
    sleep(ms(1_310)).await;
    assert!(world.modules().is_empty());
    assert!(world.manager.providers().is_empty());
    provider.control().completed().await;
}

#[tokio::test(start_paused = true)]
async fn line_78_with_heartbeats_it_is_active_for_as_long_as_they_come() {
    let world = World::with(impatient()).await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    let beating = provider.keep_alive(ms(50));
    sleep(ms(2_500)).await;
    assert_eq!(world.states(), [State::Active]);
    assert_eq!(world.modules(), ["ml.Analyze"]);
    beating.abort();
    sleep(ms(1_500)).await;
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_79_one_dies_and_another_that_sends_heartbeats_does_not() {
    let world = World::with(impatient()).await;
    let lively = world.active("lively", "", &["A"]).await;
    let silent = world.active("silent", "", &["A"]).await;
    let _beating = lively.keep_alive(ms(50));
    sleep(ms(1_500)).await;
    assert!(world.provider(&silent.connection).is_none());
    assert_eq!(world.provider(&lively.connection).unwrap().state, State::Active);
    assert_eq!(world.modules(), ["lively.A"]);
}

#[tokio::test(start_paused = true)]
async fn line_80_one_that_drains_is_not_taken_away_for_want_of_heartbeats() {
    let world = World::with(impatient()).await;
    let mut provider = world.active("ml", "", &["Analyze"]).await;
    assert!(world.manager.drain(&provider.connection, "", Some(secs(10))));
    sleep(ms(9_900)).await;
    assert_eq!(world.states(), [State::Draining]);
    let request = provider.control().next().await.unwrap();
    assert!(matches!(request.payload, Some(Payload::DrainRequest(_))));
}

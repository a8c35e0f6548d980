//! What a manager counts.

use squall_provider::Config;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted() {
    let world = World::with(Config::default()).await;
    let mut provider = world.active("ml", "pool", &["A"]).await;
    let mut other = Provider::start(&world, Executor::error("RUNTIME_ERROR", "no luck")).await;
    other.register("other", "", &["A"]).await;
    let request = other.request("ml", "", &["A"]);
    other.try_register(request).await;
    world.call("ml.A").await.unwrap();
    world.call("other.A").await.unwrap_err();
    provider.control().send(drain_ack()).await;
    settle().await;

    let text = world.manager.metrics_text();
    for line in [
        "constellation_provider_registrations_total 2",
        "constellation_provider_rejections_total{reason=\"ownership\"} 1",
        "constellation_provider_rejections_total{reason=\"url\"} 0",
        "constellation_provider_connections{state=\"registered\"} 1",
        "constellation_provider_connections{state=\"active\"} 0",
        "constellation_provider_connections{state=\"draining\"} 1",
        "constellation_provider_heartbeats_total 1",
        "constellation_provider_calls_total{module=\"ml.A\",code=\"OK\"} 1",
        "constellation_provider_calls_total{module=\"other.A\",code=\"RUNTIME_ERROR\"} 1",
        "constellation_provider_call_latency_seconds_count{module=\"ml.A\"} 1",
        "constellation_provider_calls_in_flight 0",
        "constellation_provider_pool_size{namespace=\"ml\"} 0",
        "constellation_provider_pool_size{namespace=\"other\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_counted_as_cancelled() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(5))).await;
    provider.register("ml", "", &["A"]).await;
    let given_up = tokio::time::timeout(ms(10), world.call("ml.A")).await;
    assert!(given_up.is_err());
    let text = world.manager.metrics_text();
    let line = "constellation_provider_calls_total{module=\"ml.A\",code=\"CANCELLED\"} 1";
    assert!(text.contains(line), "{text}");
    assert_eq!(world.manager.providers()[0].in_flight, 0);
}

//! What a provider says about itself. A binary of its own: its collector must be there before the first event.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

#[path = "../provider_sdk/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other binaries use the rest")]
mod support;

use squall_memory::Events;
use squall_provider_sdk::Module;
use support::*;
use xxhash_rust::xxh3::xxh3_64;

#[tokio::test(start_paused = true)]
async fn each_transition_is_told_with_its_cause() {
    let events = Events::collect("squall::provider");
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    soon().await;
    manager.end(None);
    tokio::time::sleep(ms(1500)).await;
    manager.drain("maintenance", 1000);
    tokio::time::sleep(ms(1000)).await;
    running.stop().await;
    let told = events.named("instance.state");
    assert!(
        told.iter()
            .all(|it| it["manager"] == manager.address().as_str() && it["namespace"] == "ml")
    );
    let told: Vec<_> = told
        .iter()
        .map(|it| (&*it["state"], &*it["cause"], &*it["connection"]))
        .collect();
    let expected = [
        ("registering", "started", ""),
        ("active", "control plane opened", "connection-1"),
        (
            "reconnecting",
            "the manager has ended the control plane",
            "connection-1",
        ),
        ("registering", "another attempt", ""),
        ("active", "control plane opened", "connection-2"),
        ("draining", "drain requested: maintenance", "connection-2"),
        ("disconnected", "drained", "connection-2"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_told_and_those_that_are_lost_too() {
    let events = Events::collect("squall::provider");
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let _running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    tokio::time::sleep(ms(6000)).await;
    host.lose_heartbeats(true);
    tokio::time::sleep(ms(5000)).await;
    let sent: Vec<u64> = events
        .named("heartbeat.sent")
        .iter()
        .map(|it| it["timestamp"].parse().unwrap())
        .collect();
    assert_eq!(sent, [EPOCH_MS, EPOCH_MS + 5000]);
    let suppressed = events.named("heartbeat.suppressed");
    assert_eq!(
        (suppressed.len(), &*suppressed[0]["connection"]),
        (1, "connection-1")
    );
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_told_from_start_to_end_with_digests_and_how_it_ended() {
    let events = Events::collect("squall::provider");
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let panics = Module::new("Panics", text_type(), text_type(), |_, _| async {
        panic!("boom")
    });
    let modules = [fails("Bad", "no"), panics, slow("Slow", ms(60_000))];
    let provider = provider(&host, &[&manager]).modules(modules);
    let running = provider.build().unwrap().start().await.unwrap();
    let url = manager.executor();
    for module in ["Echo", "Bad", "Panics", "Nobody"] {
        drop(say(&host, &url, module, "x").await);
    }
    let dropped = say(&host, &url, "Slow", "x");
    assert!(tokio::time::timeout(ms(100), dropped).await.is_err());
    soon().await;

    let digest = xxh3_64(&text("x").to_json()).to_string();
    let started = events.named("execution.started");
    for it in &started {
        assert_eq!((&*it["execution"], &*it["namespace"]), ("170", "ml"));
        assert_eq!(it["instance"], running.executor_addr().unwrap().to_string());
        assert_eq!(it["digest"], digest);
    }
    let modules: Vec<_> = started.iter().map(|it| &*it["module"]).collect();
    assert_eq!(modules, ["Echo", "Bad", "Panics", "Nobody", "Slow"]);
    let ended = events.named("execution.ended");
    let ended: Vec<_> = ended
        .iter()
        .map(|it| (&*it["how"], &*it["error"], &*it["digest"]))
        .collect();
    let expected = [
        ("ok", "", &*digest),
        ("error", "RUNTIME_ERROR", "0"),
        ("panic", "RUNTIME_ERROR", "0"),
        ("error", "MODULE_NOT_FOUND", "0"),
        ("dropped", "", "0"),
    ];
    assert_eq!(ended, expected);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_told_step_by_step() {
    let events = Events::collect("squall::provider");
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let provider = provider(&host, &[]).managers([a.address(), b.address()]);
    let running = provider.build().unwrap().start().await.unwrap();
    b.kill();
    running.canary(vec![echo("Echo").version("2")]).await;
    let told = events.named("canary.step");
    let (a, b) = (a.address(), b.address());
    let told: Vec<_> = told
        .iter()
        .map(|it| (&*it["instance"], &*it["step"], &*it["version"]))
        .collect();
    let expected = [
        (a.as_str(), "upgraded", "2"),
        (a.as_str(), "healthy", "2"),
        (b.as_str(), "upgraded", "2"),
        (b.as_str(), "unhealthy", "2"),
        (a.as_str(), "rolled back", ""),
        (b.as_str(), "rolled back", ""),
    ];
    assert_eq!(told, expected);
    let ended = &events.named("canary.ended")[0];
    assert_eq!(ended["outcome"], "rolled back");
    assert!(ended["reason"].contains("failed health check"));
}

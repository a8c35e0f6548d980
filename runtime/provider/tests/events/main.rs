//! What the manager says about itself. A binary of its own: its collector must be there before the first event.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

#[path = "../provider/support/mod.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod support;

use squall_engine::{Call, Engine};
use squall_memory::{Events, Link};
use support::*;
use xxhash_rust::xxh3::xxh3_64;

#[tokio::test(start_paused = true)]
async fn the_life_of_a_provider_is_told() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut provider = world.active("ml", "pool", &["B", "A"]).await;
    let message = provider.heartbeat(1_234);
    provider.control().send(message).await;
    settle().await;
    assert!(world.manager.drain(&provider.connection, "maintenance", None));
    assert!(provider.deregister(&["A", "B"]).await.success);

    let registered = &events.named("provider.registered")[0];
    let keys = ["connection", "namespace", "group", "executor", "modules"];
    let url = provider.url.to_string();
    assert_eq!(
        keys.map(|key| &*registered[key]),
        [&provider.connection, "ml", "pool", &url, "ml.B,ml.A"]
    );
    let states = events.named("provider.state");
    let told: Vec<_> = states.iter().map(|it| (&*it["state"], &*it["cause"])).collect();
    assert_eq!(
        told,
        [
            ("active", "control plane opened"),
            ("draining", "drain requested"),
            ("deregistered", "deregistered")
        ]
    );
    for state in &states {
        assert_eq!(
            keys[..4].iter().map(|key| &*state[key]).collect::<Vec<_>>(),
            [&provider.connection, "ml", "pool", &url]
        );
    }
    assert_eq!(events.named("namespace.released")[0]["namespace"], "ml");
    let heartbeats = events.named("heartbeat.received");
    let stamps: Vec<_> = heartbeats.iter().map(|it| &*it["timestamp"]).collect();
    assert_eq!(stamps, ["0", "1234"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_says_how() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut one = world.active("one", "", &["A"]).await;
    let two = world.active("two", "", &["A"]).await;
    let three = world.active("three", "", &["A"]).await;
    one.control.take().unwrap().close().await;
    two.host.kill();
    settle().await;
    tokio::time::sleep(secs(17)).await;
    let told = events.named("provider.state");
    let gone = told.iter().filter(|it| it["state"] == "deregistered");
    let causes: Vec<_> = gone.map(|it| (&*it["namespace"], &*it["cause"])).collect();
    assert_eq!(causes[0], ("one", "stream ended"));
    assert_eq!(causes[1].0, "two");
    assert!(causes[1].1.starts_with("stream failed: "), "{causes:?}");
    assert_eq!(causes[2], ("three", "heartbeat timeout"));
    drop(three);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_told_with_its_first_reason() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("ml", "pool", &["A", "", "1"]);
    provider.try_register(request).await;
    let rejected = &events.named("provider.rejected")[0];
    assert_eq!(
        ["namespace", "group", "executor", "reason"].map(|key| &*rejected[key]),
        ["ml", "pool", provider.url.as_str(), "Module name cannot be empty"]
    );
    assert!(events.named("provider.registered").is_empty());
}

#[tokio::test(start_paused = true)]
async fn people_are_told_who_comes_who_leaves_and_why_and_no_secret() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut provider = world.active("ml", "pool", &["B", "A"]).await;
    assert!(world.manager.drain(&provider.connection, "maintenance", None));
    assert!(provider.deregister(&["A", "B"]).await.success);
    let all = events.named("log.provider");
    let (registered, states) = all.split_first().expect("it came");
    let url = provider.url.to_string();
    let keys = ["message", "namespace", "group", "executor", "modules"];
    assert_eq!(
        keys.map(|key| &*registered[key]),
        ["provider registered", "ml", "pool", &url, "2"]
    );
    let told: Vec<_> = states.iter().map(|it| (&*it["message"], &*it["cause"])).collect();
    assert_eq!(
        told,
        [
            ("provider active", "control plane opened"),
            ("provider drains", "drain requested"),
            ("provider left", "deregistered")
        ]
    );
    for line in &all {
        assert_eq!(line["provider"], registered["provider"]);
        assert!(
            line.values().all(|it| !it.contains(&provider.connection)),
            "{line:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rejections_without_end_are_a_few_lines_and_a_number() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    for _ in 0..100 {
        let mut request = provider.request("ml", "pool", &["A"]);
        request.executor_url = "x".repeat(10_000);
        provider.try_register(request).await;
    }
    tokio::time::sleep(secs(3)).await;
    let lines = events.named("log.rejected");
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[0]["reason"],
        "executor_url is too long: 10000 bytes, the limit is 256"
    );
    assert_eq!(lines[0]["executor"], "x".repeat(256));
    let left_out = events.named("log.left_out");
    let told: Vec<_> = left_out
        .iter()
        .map(|it| (&*it["message"], &*it["lines"]))
        .collect();
    assert_eq!(told, [("more rejections than are shown", "90")]);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_call_is_told() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let dead = world.active("ml", "pool", &["A"]).await;
    let alive = world.active("ml", "pool", &["A"]).await;
    world.network.set_link(&dead.url, Link::Refused);
    world.call("ml.A").await.unwrap();

    let started = events.named("execute.started");
    let ended = events.named("execute.ended");
    let id = &alive.executor.asked()[0].execution_id;
    let low = u64::from_str_radix(&id[16..], 16).unwrap().to_string();
    let json = text("hello").to_json();
    let digest = xxh3_64(&json).to_string();
    for (index, provider) in [&dead, &alive].into_iter().enumerate() {
        let keys = [
            "execution",
            "module",
            "namespace",
            "connection",
            "executor",
            "attempt",
        ];
        let url = provider.url.to_string();
        let attempt = (index + 1).to_string();
        assert_eq!(
            keys.map(|key| &*started[index][key]),
            [&*low, "A", "ml", &provider.connection, &url, &attempt]
        );
        assert_eq!(started[index]["timeout"], "30000000000");
        assert_eq!(started[index]["bytes"], json.len().to_string());
        assert_eq!(started[index]["digest"], digest);
        let keys = ["execution", "connection", "attempt"];
        assert_eq!(
            keys.map(|key| &*ended[index][key]),
            [&*low, &provider.connection, &attempt]
        );
    }
    let keys = ["outcome", "status", "bytes", "digest"];
    assert_eq!(
        keys.map(|key| &*ended[0][key]),
        ["failed", "UNAVAILABLE", "0", "0"]
    );
    assert!(ended[0]["error"].starts_with("UNAVAILABLE: "), "{ended:?}");
    assert_eq!(
        keys.map(|key| &*ended[1][key]),
        ["ok", "", &json.len().to_string(), &digest]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_told_too() {
    let events = Events::collect("squall::provider");
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(5))).await;
    provider.register("ml", "", &["A"]).await;
    let given_up = tokio::time::timeout(ms(10), world.call("ml.A")).await;
    assert!(given_up.is_err());
    let late = world
        .manager
        .call(Call::new("ml.A", text("x")).timeout(ms(10)))
        .await;
    assert!(late.is_err());
    let told = events.named("execute.ended");
    let told: Vec<_> = told.iter().map(|it| (&*it["outcome"], &*it["status"])).collect();
    assert_eq!(told, [("unknown", "CANCELLED"), ("unknown", "TIMEOUT")]);
}

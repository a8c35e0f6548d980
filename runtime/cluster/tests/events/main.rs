//! What a node says about its actors. A binary of its own: its collector must be there before the first event.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

#[path = "../cluster/support/mod.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod support;

use squall_cluster::*;
use squall_memory::Events;
use support::*;

#[tokio::test(start_paused = true)]
async fn an_actors_life_is_told_from_spawn_to_end() {
    let events = Events::collect("squall::cluster");
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    a.deliver_by_id("w", Ask::Spawn(SpawnSpec::new("worker", "child")))
        .await
        .unwrap();
    a.deliver_by_id("w", Ask::Finish).await.unwrap();
    let error = a
        .spawn_local("worker", "x", input(serde_json::json!({ "refuse": "no" })))
        .await;
    assert!(error.is_err());
    let told: Vec<_> = events
        .named("actor.spawned")
        .iter()
        .map(|it| ["node", "actor", "src", "parent", "incarnation"].map(|field| it[field].clone()))
        .collect();
    let expected = [["a", "w", "worker", "", "1"], ["a", "child", "worker", "w", "2"]];
    assert_eq!(told, expected);
    let told: Vec<_> = events
        .named("actor.ended")
        .iter()
        .map(|it| ["actor", "incarnation", "how", "cause"].map(|field| it[field].clone()))
        .collect();
    assert_eq!(told, [["child", "2", "stopped", ""], ["w", "1", "completed", ""]]);
}

#[tokio::test(start_paused = true)]
async fn each_event_is_told_once_with_its_message_and_its_place_in_a_life() {
    let events = Events::collect("squall::cluster");
    let (a, _) = node("a");
    let supervisor = Supervisor::builder(platform()).restart("worker", 1).build();
    supervisor.attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    let with_id = |id: &str| CallOptions {
        message_id: Some(id.to_owned()),
        ..CallOptions::default()
    };
    let w = ActorRef::local("w");
    for (ask, id) in [(Ask::Add(1), "one"), (Ask::Add(1), "one"), (fail(), "two")] {
        a.deliver_with(&w, ask, &with_id(id)).await.unwrap();
    }
    a.deliver_by_id("w", Ask::Add(1)).await.unwrap();
    let told: Vec<_> = events
        .named("actor.handled")
        .iter()
        .map(|it| ["actor", "incarnation", "message", "number", "outcome"].map(|field| it[field].clone()))
        .collect();
    let expected = [
        ["w", "1", "one", "1", "handled"],
        ["w", "1", "two", "2", "failed"],
        ["w", "2", "", "1", "handled"],
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_with_what_was_done_about_it() {
    let events = Events::collect("squall::cluster");
    let (a, _) = node("a");
    let backoff = Backoff {
        initial: ms(250),
        ..Backoff::default()
    };
    let settings = Supervisor::builder(platform())
        .restart("worker", 1)
        .backoff("other", 1, backoff);
    settings.build().attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    a.spawn_local("other", "x", None).await.unwrap();
    for id in ["w", "w", "x"] {
        a.deliver_by_id(id, fail()).await.unwrap();
    }
    tokio::time::sleep(ms(300)).await;
    let told: Vec<_> = events
        .named("actor.supervised")
        .iter()
        .map(|it| ["actor", "src", "decision", "delay"].map(|field| it[field].clone()))
        .collect();
    let expected = [
        ["w", "worker", "restart", "0"],
        ["w", "worker", "escalate", "0"],
        ["x", "other", "backoff", "250000000"],
    ];
    assert_eq!(told, expected);
    let ended = events.named("actor.ended");
    assert!(
        ended
            .iter()
            .all(|it| it["how"] == "failed" && it["cause"] == "boom")
    );
    assert_eq!((ended.len(), events.named("actor.spawned").len()), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_did_not_reach_another_node_is_told_and_holds_nothing_up() {
    let events = Events::collect("squall::cluster");
    let (a, b, shared, transport) = pair();
    a.spawn_local("worker", "v", None).await.unwrap();
    b.spawn_local("worker", "w", None).await.unwrap();
    let to = |id: &str| Ask::SendTo(ActorRef::on("b", id), Box::new(Ask::Add(1)));
    a.deliver_by_id("v", to("nobody")).await.unwrap();
    settled().await;
    transport.unregister("b");
    a.deliver_by_id("v", to("w")).await.unwrap();
    settled().await;
    transport.register("b", b.downgrade());
    a.deliver_by_id("v", to("w")).await.unwrap();
    settled().await;
    let told: Vec<_> = events
        .named("message.undelivered")
        .iter()
        .map(|it| ["node", "actor", "reason"].map(|field| it[field].clone()))
        .collect();
    let unreachable = "node 'b' is unreachable: the transport has no connection of that name";
    let expected = [["b", "nobody", "no such actor runs"], ["b", "w", unreachable]];
    assert_eq!(told, expected);
    assert_eq!(shared.take().last().unwrap(), "w +1 = 1");
}

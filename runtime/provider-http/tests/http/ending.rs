//! Health, metrics, and how the API ends.

use std::time::Duration;

use serde_json::json;
use squall_platform::Platform;

use crate::support::world;

#[tokio::test(start_paused = true)]
async fn health_says_when_the_process_is_told_to_stop_while_the_api_goes_on() {
    let world = world().await;
    let before = world.get("/health").await;
    assert_eq!(
        (before.status.as_u16(), before.json()),
        (200, json!({"status": "serving"}))
    );
    (world.stopping)();
    let after = world.get("/health").await;
    assert_eq!(
        (after.status.as_u16(), after.json()),
        (503, json!({"status": "stopping"}))
    );
    assert_eq!(world.call("texts.Upper", json!({"text": "x"})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_those_of_the_manager() {
    let world = world().await;
    world.call("ml.Analyze", json!({"text": "x"})).await;
    let answer = world.get("/metrics").await;
    assert!(answer.content_type.starts_with("application/openmetrics-text"));
    assert!(answer.text.contains("ml.Analyze"), "{}", answer.text);
    assert!(answer.text.ends_with("# EOF\n"));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_answers_what_was_asked_and_accepts_nothing_more() {
    let world = world().await;
    let (network, http) = (world.network.clone(), world.http.clone());
    let slow = json!({"input": {"text": "x".repeat(2000)}});
    let (shutdown, mut ended) = (world.shutdown, world.ended);
    let asked = crate::support::World {
        shutdown: tokio::sync::oneshot::channel().0,
        ended: tokio::sync::oneshot::channel().1,
        ..world
    };
    let ending = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        shutdown.send(()).unwrap();
        assert!(ended.try_recv().is_err(), "it waits for the call");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(
            network.host().connect(&http).await.is_err(),
            "nobody listens there any more"
        );
        ended.await.unwrap()
    };
    let (answer, cut) = tokio::join!(asked.post("/v1/modules/ml.Analyze/call", slow), ending);
    assert_eq!((answer.status.as_u16(), cut), (200, 0));
}

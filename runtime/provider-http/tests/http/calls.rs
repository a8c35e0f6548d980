//! Modules: what there is, and calling it.

use serde_json::json;

use crate::support::world;

#[tokio::test(start_paused = true)]
async fn modules_of_this_process_and_of_providers_are_listed_and_described_alike() {
    let world = world().await;
    let all = world.get("/v1/modules").await.json();
    let analyze = json!({
        "name": "ml.Analyze",
        "description": "Sentiment analysis",
        "version": "1.2.0",
        "tags": ["external", "provider"],
        "inputs": {"text": "String"},
        "output": "{sentiment: Float, words: Int}",
    });
    let modules = &all["modules"];
    assert_eq!(modules[0], analyze);
    assert_eq!(modules[1]["name"], "texts.Upper");
    assert_eq!(modules.as_array().unwrap().len(), 2);
    assert_eq!(all["next"], json!(null));
    assert_eq!(world.get("/v1/modules/ml.Analyze").await.json(), analyze);
}

#[tokio::test(start_paused = true)]
async fn a_provider_and_a_module_of_this_process_answer_in_plain_json() {
    let world = world().await;
    let answer = world.call("ml.Analyze", json!({"text": "a b"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"output": {"sentiment": 0.85, "words": 2}}));
    let answer = world.call("texts.Upper", json!({"text": "a b"})).await;
    assert_eq!(answer.json(), json!({"output": "A B"}));
}

#[tokio::test(start_paused = true)]
async fn what_a_call_failed_of_is_its_status_and_its_code() {
    let world = world().await;
    let failed = world.call("ml.Analyze", json!({"text": "fail"})).await;
    assert_eq!(failed.error(), (502, "RUNTIME_ERROR".into()));
    assert!(failed.message().contains("it was told to"), "{failed:?}");
    assert_eq!(failed.json()["error"]["outcome"], "failed");

    let nobody = world.call("ml.Nothing", json!({})).await;
    assert_eq!(nobody.error(), (404, "MODULE_NOT_FOUND".into()));

    let mistyped = world.call("ml.Analyze", json!({"text": 5})).await;
    assert_eq!(mistyped.error(), (422, "TYPE_ERROR".into()));
    assert!(mistyped.message().contains("text"), "{mistyped:?}");

    let slow = json!({"input": {"text": "x".repeat(400)}, "timeout": "250ms"});
    let slow = world.post("/v1/modules/ml.Analyze/call", slow).await;
    assert_eq!(slow.error(), (504, "TIMEOUT".into()));
    assert_eq!(slow.json()["error"]["outcome"], "unknown");
}

//! Providers: how they are, and asking them to leave.

use std::time::Duration;

use serde_json::json;

use crate::support::world;

#[tokio::test(start_paused = true)]
async fn a_provider_is_listed_with_its_state_and_modules() {
    let world = world().await;
    let all = world.get("/v1/providers").await.json();
    let provider = &all["providers"][0];
    assert_eq!(provider["namespace"], "ml");
    assert_eq!(provider["group"], json!(null));
    assert_eq!(provider["modules"], json!(["ml.Analyze"]));
    assert_eq!(provider["state"], "active");
    assert_eq!(provider["registered_at"], "1970-01-01T00:00:00.000Z");
    assert_eq!(provider["in_flight"], 0);
    assert_eq!(all["providers"].as_array().unwrap().len(), 1);
    assert_eq!(all["next"], json!(null));
    let secret = &*world.manager.providers()[0].connection;
    assert!(
        !all.to_string().contains(secret),
        "it would do to deregister: {all}"
    );
    assert_eq!(world.manager.providers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drained_provider_leaves_and_its_modules_with_it() {
    let world = world().await;
    let id = world.get("/v1/providers").await.json()["providers"][0]["id"].clone();
    let path = format!("/v1/providers/{}/drain", id.as_str().unwrap());
    let answer = world
        .post(&path, json!({"reason": "new version", "deadline": "2s"}))
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.get("/v1/providers").await.json()["providers"], json!([]));
    let answer = world.call("ml.Analyze", json!({"text": "x"})).await;
    assert_eq!(answer.error(), (404, "MODULE_NOT_FOUND".into()));
    let again = world.post(&path, json!({})).await;
    assert_eq!(again.error(), (404, "PROVIDER_NOT_FOUND".into()));
    assert_eq!(world.provider.status()[0].connection, None);
}

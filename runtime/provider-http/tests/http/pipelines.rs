//! Programs over HTTP.

use serde_json::json;

use crate::support::world;

const GUIDE: &str = "in text: String\nresult = ml.Analyze(text)\nout result";

#[tokio::test(start_paused = true)]
async fn the_guides_program_runs() {
    let world = world().await;
    let run = json!({"source": GUIDE, "inputs": {"text": "hello there"}});
    let answer = world.post("/v1/pipelines/run", run).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({"outputs": {"result": {"sentiment": 0.85, "words": 2}}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_program_that_cannot_be_read_has_all_its_mistakes_with_their_places() {
    let world = world().await;
    let run =
        json!({"source": "in text: String\nresult = ml.Analyse(text)\nout result", "inputs": {"text": "x"}});
    let answer = world.post("/v1/pipelines/run", run).await;
    assert_eq!(answer.error(), (422, "PIPELINE_ERROR".into()));
    let problem = &answer.json()["error"]["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(10)));
    assert!(
        problem["help"].as_str().unwrap().contains("ml.Analyze"),
        "{problem}"
    );
}

#[tokio::test(start_paused = true)]
async fn inputs_that_are_missing_unknown_or_of_another_type_are_named() {
    let world = world().await;
    for (inputs, status, named) in [
        (json!({}), 422, "text"),
        (json!({"text": "x", "other": 1}), 400, "other"),
        (json!({"text": 1}), 422, "String"),
    ] {
        let answer = world
            .post("/v1/pipelines/run", json!({"source": GUIDE, "inputs": inputs}))
            .await;
        assert_eq!(answer.error().0, status, "{answer:?}");
        assert!(answer.message().contains(named), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_fails_the_run_and_says_where() {
    let world = world().await;
    let run = json!({"source": GUIDE, "inputs": {"text": "fail"}});
    let answer = world.post("/v1/pipelines/run", run).await;
    assert_eq!(answer.error(), (502, "RUNTIME_ERROR".into()));
    assert!(answer.message().contains("ml.Analyze"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_makes_much_of_little_is_told_the_limit() {
    let world = world().await;
    let outputs: String = (0..900).map(|n| format!("out o{n} = text\n")).collect();
    let source = format!("in text: String\n{outputs}");
    let run = json!({"source": source, "inputs": {"text": "x".repeat(512 * 1024)}});
    let answer = world.post("/v1/pipelines/run", run).await;
    assert_eq!(answer.error(), (422, "TOO_LARGE".into()));
    assert!(answer.message().contains("16777216 bytes"), "{answer:?}");
}

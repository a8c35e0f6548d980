//! What is asked wrongly is told what is wrong, as JSON.

use serde_json::json;
use squall_provider_http::BODY_BYTES_MAX;

use crate::support::world;

#[tokio::test(start_paused = true)]
async fn every_wrong_request_has_a_code_and_a_message_that_names_the_trouble() {
    let world = world().await;
    let call = "/v1/modules/ml.Analyze/call";
    let json = "application/json";
    let long = format!(r#"{{"input": {{"text": "{}"}}}}"#, "x".repeat(BODY_BYTES_MAX));
    for (method, path, content_type, body, status, code, named) in [
        ("GET", "/v1/nothing", "", "", 404, "NOT_FOUND", "/v1/nothing"),
        (
            "DELETE",
            "/v1/modules",
            "",
            "",
            405,
            "METHOD_NOT_ALLOWED",
            "DELETE",
        ),
        ("POST", call, json, "{", 400, "BAD_REQUEST", "line 1 column 1"),
        ("POST", call, json, "\0\u{1}", 400, "BAD_REQUEST", "line 1"),
        (
            "POST",
            call,
            "text/plain",
            "{}",
            415,
            "BAD_REQUEST",
            "application/json",
        ),
        ("POST", call, json, "7", 422, "BAD_REQUEST", "CallBody"),
        (
            "POST",
            call,
            json,
            r#"{"inputs": {}}"#,
            422,
            "BAD_REQUEST",
            "`inputs`",
        ),
        (
            "POST",
            call,
            json,
            r#"{"timeout": 5}"#,
            422,
            "BAD_REQUEST",
            "timeout",
        ),
        (
            "POST",
            call,
            json,
            r#"{"timeout": "5 apples"}"#,
            422,
            "BAD_REQUEST",
            "250ms",
        ),
        ("POST", call, json, r#"{"input": {}}"#, 422, "TYPE_ERROR", "text"),
        ("POST", call, json, &long, 413, "BAD_REQUEST", "limit"),
        (
            "POST",
            "/v1/pipelines/run",
            json,
            "{}",
            422,
            "BAD_REQUEST",
            "source",
        ),
        (
            "POST",
            "/v1/providers/nobody/drain",
            json,
            "{}",
            404,
            "PROVIDER_NOT_FOUND",
            "nobody",
        ),
    ] {
        let answer = world.request(method, path, content_type, body).await;
        assert_eq!(
            answer.error(),
            (status, code.to_owned()),
            "{method} {path}: {answer:?}"
        );
        assert!(answer.message().contains(named), "{method} {path}: {answer:?}");
        assert_eq!(answer.content_type, json, "{method} {path}");
    }
    let hostile = format!(r#"{{"input": {{"text": {}}}}}"#, "[".repeat(100_000));
    let answer = world.request("POST", call, json, &hostile).await;
    assert_eq!(
        answer.error().0,
        400,
        "{}",
        &answer.text[..200.min(answer.text.len())]
    );
    let fine = world.post(call, json!({"input": {"text": "x"}})).await;
    assert_eq!(fine.status, 200, "the server is none the worse for it");
}

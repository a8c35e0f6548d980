//! What is asked wrongly is told what is wrong, as JSON.

use serde_json::json;
use squall_platform::Platform;
use squall_provider_http::{BODIES_BYTES_MAX, BODY_BYTES_MAX, CONNECTIONS_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
        ("POST", call, json, "7", 422, "BAD_REQUEST", "JSON object"),
        (
            "POST",
            call,
            json,
            "[{}]",
            422,
            "BAD_REQUEST",
            "sequence, expected a JSON object",
        ),
        ("POST", call, json, " [", 422, "BAD_REQUEST", "sequence, expected"),
        (
            "POST",
            "/v1/providers/x/drain",
            json,
            "[\"why\"]",
            422,
            "BAD_REQUEST",
            "sequence, expected a JSON object",
        ),
        (
            "POST",
            "/v1/pipelines/run",
            json,
            "[\"out 1\"]",
            422,
            "BAD_REQUEST",
            "sequence, expected a JSON object",
        ),
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
        (
            "POST",
            call,
            json,
            &long,
            413,
            "BAD_REQUEST",
            "the limit is 4194304 bytes",
        ),
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

#[tokio::test(start_paused = true)]
async fn a_name_that_is_no_text_and_a_body_that_does_not_come_are_errors_too() {
    let world = world().await;
    let answer = world.get("/v1/modules/%ff").await;
    assert_eq!(answer.error(), (400, "BAD_REQUEST".into()));

    let client = world.network.host();
    let mut stream = client.connect(&world.http).await.unwrap();
    let head = "POST /v1/pipelines/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        content-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let begun = tokio::time::Instant::now();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_said_to_be_too_large_is_refused_before_it_comes() {
    let world = world().await;
    let head = |length: &str| {
        format!(
            "POST /v1/pipelines/run HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\n{length}\r\n\r\n"
        )
    };
    let begun = tokio::time::Instant::now();
    for length in [BODY_BYTES_MAX as u64 + 1, 5_000_000_000] {
        let answer = world
            .raw(head(&format!("content-length: {length}")).as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{length}: {answer}");
        assert!(
            answer.contains(&length.to_string()) && answer.contains("4194304"),
            "{answer}"
        );
    }
    assert!(begun.elapsed().as_secs() < 1, "{:?}", begun.elapsed());
    // One that does not say so is found out.
    let piece = format!("400001\r\n{}\r\n0\r\n\r\n", " ".repeat(BODY_BYTES_MAX + 1));
    let answer = world
        .raw(format!("{}{piece}", head("transfer-encoding: chunked")).as_bytes())
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("4194304"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_connections_than_there_may_be() {
    let world = world().await;
    let client = world.network.host();
    let mut open = vec![];
    for _ in 0..CONNECTIONS_MAX {
        open.push(client.connect(&world.http).await.unwrap());
    }
    let mut late = client.connect(&world.http).await.unwrap();
    let mut nothing = [0];
    assert!(
        matches!(late.read(&mut nothing).await, Ok(0) | Err(_)),
        "it is closed"
    );
    drop(open);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.get("/health").await.status, 200, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn large_bodies_that_do_not_come_are_in_the_way_of_large_ones_for_a_time_and_never_of_small_ones() {
    let world = world().await;
    let client = world.network.host();
    let head = format!(
        "POST /v1/pipelines/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {BODY_BYTES_MAX}\r\n\r\n{{"
    );
    let mut slow = vec![];
    for _ in 0..BODIES_BYTES_MAX / BODY_BYTES_MAX {
        let mut stream = client.connect(&world.http).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let path = "/v1/pipelines/run";
    let program = |text: &str| json!({"source": "in t: String\nout t", "inputs": {"t": text}});
    let large = program(&"x".repeat(100_000));
    let refused = world.post(path, large.clone()).await;
    assert_eq!(refused.error(), (503, "OVERLOADED".into()));
    assert_eq!(world.post(path, program("x")).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(
        world.post(path, large).await.status,
        200,
        "they have had their time"
    );
    drop(slow);
}

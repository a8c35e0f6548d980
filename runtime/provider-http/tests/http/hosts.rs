//! Requests that name another host. A browser that was told that a site is at this machine sends them.

use serde_json::json;

use crate::support::{world, world_of};

#[tokio::test(start_paused = true)]
async fn a_request_that_names_another_host_is_refused_and_told_the_flag() {
    let world = world().await;
    for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"] {
        for path in ["/v1/modules", "/openapi.json", "/nowhere", "/metrics"] {
            let answer = world.request_at(host, "GET", path, "", "").await;
            assert_eq!(answer.error(), (421, "WRONG_HOST".into()), "{host} {path}");
            assert!(answer.message().contains("--http-host"), "{answer:?}");
        }
        let call = r#"{"input": {"text": "x"}}"#;
        let path = "/v1/modules/ml.Analyze/call";
        let answer = world
            .request_at(host, "POST", path, "application/json", call)
            .await;
        assert_eq!(answer.status, 421, "{host}");
    }
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1",
        "[::1]:8080",
        "10.1.2.3:80",
    ] {
        assert_eq!(
            world.request_at(host, "GET", "/health", "", "").await.status,
            200,
            "{host}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_say_one_host_is_refused() {
    let world = world().await;
    for host in [
        "a@localhost",
        "evil.example@127.0.0.1:8080",
        "a b",
        "localhost\r\nhost: localhost",
    ] {
        let head = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = world.raw(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
        assert!(
            answer.contains("BAD_REQUEST") && answer.contains("ost"),
            "{host}: {answer}"
        );
    }
    let answer = world
        .raw(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn hosts_that_were_named_are_answered_and_no_others() {
    let world = world_of(|server| server.hosts(["Manager.example".to_owned()])).await;
    let answer = world
        .request_at("manager.example:8080", "GET", "/health", "", "")
        .await;
    assert_eq!(answer.json(), json!({"status": "serving"}));
    assert_eq!(
        world
            .request_at("other.example", "GET", "/health", "", "")
            .await
            .status,
        421
    );
}

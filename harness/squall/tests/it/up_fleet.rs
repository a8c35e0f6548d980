//! `squall up` of managers and providers: the real binary, on real sockets of this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const TOPOLOGY: &str = r#"
name = "real"
[manager.engine]
[provider.ml]
manager = "engine"
namespace = "ml"
group = "pool"
replicas = 2
[provider.ml.module.Analyze]
input = { text = "String" }
output = { text = "String", sentiment = "Optional<Float>" }
handler = { kind = "fixed", output = { text = "fine" }, delay = "1ms" }
"#;

/// A process that is killed when the test is done with it, or fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The whole answer to a request.
fn ask(address: &str, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    let head = "content-type: application/json\r\nConnection: close";
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {address}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    answer
}

#[test]
fn managers_and_providers_of_a_topology_find_each_other_and_leave_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let topology = folder.path().join("real.toml");
    std::fs::write(&topology, TOPOLOGY).expect("writable");
    let child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .env_remove("RUST_LOG")
        .arg("up")
        .arg(topology)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary was built for this test");
    let mut running = Running(child);
    let mut out = BufReader::new(running.0.stdout.take().expect("it is piped")).lines();
    let mut said: Vec<String> = Vec::new();
    while said.last().is_none_or(|line| line != "ready real") {
        said.push(out.next().expect("it gets ready").expect("UTF-8"));
    }
    assert!(
        said.contains(&"running ml-0".to_owned()) && said.contains(&"running ml-1".to_owned()),
        "{said:?}"
    );
    let http = said
        .iter()
        .find_map(|line| line.split_once(", http://"))
        .expect("a manager")
        .1;

    let both_are_active = |answer: &str| answer.matches("\"active\"").count() == 2;
    let joined = (0..20_000).any(|_| both_are_active(&ask(http, "GET /v1/providers", "")));
    assert!(joined, "{}", ask(http, "GET /v1/providers", ""));
    let answer = ask(
        http,
        "POST /v1/modules/ml.Analyze/call",
        "{\"input\": {\"text\": \"hello\"}}",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("fine"),
        "{answer}"
    );

    let told = Command::new("kill")
        .args(["-TERM", &running.0.id().to_string()])
        .status();
    assert!(told.expect("a system with kill").success());
    let rest: Vec<String> = out.map(|line| line.expect("UTF-8")).collect();
    assert_eq!(
        running.0.wait().expect("it was started").code(),
        Some(0),
        "{rest:?}"
    );
    for ended in [
        "stopped ml-0: left",
        "stopped ml-1: left",
        "stopped engine: 0 calls cancelled, 0 connections cut",
    ] {
        assert!(rest.iter().any(|line| line == ended), "{rest:?}");
    }
}

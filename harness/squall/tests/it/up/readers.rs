//! Commands that serve others, when those who read what they print are gone or do not read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use super::support::*;

/// A process that is killed when the test is done with it, or fails.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Started {
    /// Reads what it prints, up to this line.
    fn read_until(&mut self, last: &str) -> (Vec<String>, BufReader<ChildStdout>) {
        let mut out = BufReader::new(self.0.stdout.take().expect("it is piped"));
        let mut said = Vec::new();
        while said.last().is_none_or(|line| line != last) {
            let mut line = String::new();
            assert!(out.read_line(&mut line).expect("UTF-8") > 0, "{said:?}");
            said.push(line.trim_end().to_owned());
        }
        (said, out)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.0.id().to_string()])
            .status();
        assert!(sent.expect("a system with kill").success());
    }

    fn exit(&mut self) -> Option<i32> {
        self.0.wait().expect("it was started").code()
    }
}

fn system(arguments: &[&str], err: Stdio) -> (tempfile::TempDir, Command) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = squall();
    command.arg("up").arg(topology(folder.path())).args(arguments);
    command.stdout(Stdio::piped()).stderr(err);
    (folder, command)
}

fn start(mut command: Command) -> Started {
    Started(command.spawn().expect("the binary was built for this test"))
}

fn address<'a>(said: &'a [String], of: &str) -> &'a str {
    let found = said.iter().find_map(|line| line.strip_prefix(of));
    found.unwrap_or_else(|| panic!("no {of:?} in {said:?}"))
}

#[test]
fn a_shutdown_lets_a_call_finish_though_nobody_reads_what_it_prints() {
    let (folder, command) = system(&["--metrics", "127.0.0.1:0"], Stdio::null());
    let mut system = start(command);
    let (said, out) = system.read_until("ready real");
    drop(out);
    let slow = call(address(&said, "listening back "), &["late.in", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let slow = slow.expect("the binary was built for this test");
    let beside = address(&said, "metrics http://").trim_end_matches("/metrics");
    let busy = "tinysystems_requests_in_flight{module=\"back\"} 1\n";
    assert!((0..20_000).any(|_| get(beside, "/metrics").1.contains(busy)));
    system.signal("-TERM");
    assert_eq!(
        answer(&slow.wait_with_output().expect("it was started")),
        json!(1)
    );
    assert_eq!(system.exit(), Some(0));
    drop(folder);
}

#[test]
fn a_second_signal_is_in_the_exit_code_though_nobody_reads_what_it_says() {
    let arguments = ["--metrics", "127.0.0.1:0", "--grace", "1h"];
    let (folder, command) = system(&arguments, Stdio::piped());
    let mut system = start(command);
    let (said, out) = system.read_until("ready real");
    drop((out, system.0.stderr.take()));
    let mut stuck = call(
        address(&said, "listening back "),
        &["stuck.in", "--timeout", "1h", "--json"],
    );
    let stuck = stuck.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let stuck = Started(stuck.expect("the binary was built for this test"));
    let beside = address(&said, "metrics http://").trim_end_matches("/metrics");
    let until = |line: &str| {
        assert!(
            (0..20_000).any(|_| get(beside, "/metrics").1.contains(line)),
            "{line}"
        );
    };
    until("tinysystems_requests_in_flight{module=\"back\"} 1\n");
    system.signal("-TERM");
    until("tinysystems_server_phase{module=\"back\",phase=\"waiting\"} 1\n");
    system.signal("-TERM");
    assert_eq!(system.exit(), Some(1));
    drop((folder, stuck));
}

#[test]
fn a_manager_answers_what_it_was_asked_though_nobody_reads_what_it_prints() {
    let mut command = squall();
    command.args(["manager", "--http-port", "0"]);
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let port = port.expect("a free port").port().to_string();
    command.env("CONSTELLATION_PROVIDER_PORT", port);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut manager = start(command);
    let (said, out) = manager.read_until("ready manager");
    drop((out, manager.0.stderr.take()));
    let http = address(&said, "listening http http://").to_owned();
    let body = r#"{"source": "in t: String\nout t", "inputs": {"t": "hello"}}"#;
    let (length, (begin, end)) = (body.len(), body.split_at(10));
    let mut stream = TcpStream::connect(&http).expect("it listens");
    write!(
        stream,
        "POST /v1/pipelines/run HTTP/1.1\r\nHost: {http}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n{begin}"
    )
    .expect("sent");
    // It is read, when it asks to go on.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("it reads");
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{go_on:?}");
    manager.signal("-TERM");
    assert!(
        (0..20_000).any(|_| TcpStream::connect(&http).is_err()),
        "it accepts no more"
    );
    write!(stream, "{end}").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("hello"),
        "{answer}"
    );
    assert_eq!(manager.exit(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_calls_and_no_shutdown() {
    let (folder, mut command) = system(&[], Stdio::piped());
    // More than a pipe takes, in a few calls.
    command.env("RUST_LOG", "trace");
    let mut system = start(command);
    let (said, out) = system.read_until("ready real");
    let address = address(&said, "listening back ");
    for n in 0..40 {
        let n = n.to_string();
        let answered = ran(call(address, &["mirror.in", &n, "--timeout", "20s"]));
        assert_eq!(answer(&answered).to_string(), n);
    }
    system.signal("-TERM");
    assert_eq!(system.exit(), Some(0));
    let mut log = Vec::new();
    let mut err = system.0.stderr.take().expect("it is piped");
    err.read_to_end(&mut log).expect("readable");
    // Almost: the last line did not fit.
    let full = log.len() >= 48 * 1024;
    assert!(full, "the pipe was never full: {} bytes", log.len());
    drop((folder, out));
}

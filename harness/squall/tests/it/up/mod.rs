//! `squall up`, `squall call` and `squall top`: the real binary, on real sockets of this machine.

mod readers;
mod replicas;
mod support;

use std::io::Write;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use self::support::*;

#[test]
fn a_topology_answers_calls_counts_them_and_shows_them() {
    let system = Running::up(&["--metrics", "127.0.0.1:0"]);
    let sent = json!({ "kind": "order", "n": 1 });
    for method in [&[][..], &["--method", "send"], &["--method", "message"]] {
        let mut arguments = vec!["door.in", r#"{"kind":"order","n":1}"#, "--metadata", "tenant=a"];
        arguments.extend(method);
        assert_eq!(
            answer(&ran(call(system.address("front"), &arguments))),
            sent,
            "{method:?}"
        );
    }
    assert_eq!(
        answer(&ran(call(system.address("back"), &["mirror.in"]))),
        json!(null)
    );

    let counted = system.metrics();
    let hops =
        r#"tinysystems_cross_module_calls_total{source_module="front",target_module="back",status="ok"} 3"#;
    assert!(
        counted.contains(hops) && counted.ends_with("# EOF\n"),
        "{counted}"
    );
    assert_eq!(get(system.beside(), "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(system.beside(), "/nowhere").0, 404);

    let mut top = squall();
    top.args(["top", "--once", system.beside()]);
    let shown = ran(top);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    let row = shown.lines().nth(1).expect("a row");
    assert_eq!(
        row.split_whitespace().take(3).collect::<Vec<_>>(),
        ["front", "back", "3"],
        "{shown}"
    );
}

#[test]
fn nodes_of_a_cluster_are_refused_because_nothing_would_run_them() {
    let topology = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../topologies/nodes-of-a-cluster.toml"
    );
    let mut command = squall();
    command.args(["up", topology]);
    let refused = ran(command);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stdout));
    let said = text(&refused.stderr);
    assert!(
        said.contains("does not run nodes of a cluster yet") && said.contains("[cluster.node-a]"),
        "{said}"
    );
}

#[test]
fn sigterm_lets_a_call_in_flight_finish_with_all_its_hops_and_refuses_new_ones() {
    let mut system = Running::up(&["--metrics", "127.0.0.1:0"]);
    let slow = call(system.address("back"), &["late.in", "1"])
        .stdout(Stdio::piped())
        .spawn();
    let slow = slow.expect("the binary was built for this test");
    system.wait_until_busy();
    system.signal("-TERM");
    system.wait_for("stopping SIGTERM");
    system.wait_until("tinysystems_server_phase{module=\"back\",phase=\"waiting\"} 1\n");
    assert_eq!(get(system.beside(), "/healthz").0, 503);
    let (exit, refused) = failure(&ran(call(system.address("back"), &["mirror.in", "--json"])));
    assert!(
        exit == 4 || (exit == 1 && refused["kind"] == "shutdown"),
        "{refused}"
    );
    assert_eq!(refused["outcome"], "failed", "{refused}");

    let finished = slow.wait_with_output().expect("it was started");
    assert_eq!(answer(&finished), json!(1));
    assert_eq!(system.ended(), Some(0));
    assert_eq!(
        system.said("stopped back: "),
        "0 requests cancelled, 0 connections cut"
    );
    let log = system.log();
    for phase in ["not_serving", "goaway", "waiting", "stopped"] {
        assert!(
            log.contains(&format!("server drain: {phase}")),
            "no {phase} in\n{log}"
        );
    }
}

#[test]
fn a_connection_that_says_nothing_does_not_take_the_whole_grace() {
    let mut system = Running::up(&["--grace", "1min"]);
    let silent = TcpStream::connect(system.address("back")).expect("it listens");
    let mut greeted = TcpStream::connect(system.address("store")).expect("it listens");
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    greeted.write_all(hello).expect("it reads");
    assert_eq!(
        answer(&ran(call(system.address("back"), &["mirror.in", "1"]))),
        json!(1)
    );
    let begun = Instant::now();
    system.signal("-TERM");
    assert_eq!(system.ended(), Some(0));
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(20),
        "it took {took:?} of a grace of a minute"
    );
    assert_eq!(
        system.said("stopped back: "),
        "0 requests cancelled, 0 connections cut"
    );
    drop((silent, greeted));
}

#[test]
fn what_outlasts_the_grace_is_cancelled_and_its_caller_is_told() {
    let mut system = Running::up(&["--metrics", "127.0.0.1:0", "--grace", "50ms"]);
    let mut stuck = call(system.address("back"), &["stuck.in", "--timeout", "1h", "--json"]);
    let stuck = stuck.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let stuck = stuck.expect("the binary was built for this test");
    system.wait_until_busy();
    system.signal("-INT");
    let (exit, told) = failure(&stuck.wait_with_output().expect("it was started"));
    assert_eq!(
        (exit, &told["kind"], &told["outcome"]),
        (1, &json!("shutdown"), &json!("unknown"))
    );
    assert_eq!(system.ended(), Some(0));
    assert_eq!(
        system.said("stopped back: "),
        "1 requests cancelled, 0 connections cut"
    );
    assert!(system.said("stopping ").starts_with("SIGINT"));
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut system = Running::up(&["--metrics", "127.0.0.1:0", "--grace", "1h"]);
    let mut stuck = call(system.address("back"), &["stuck.in", "--timeout", "1h", "--json"]);
    let stuck = stuck.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let stuck = stuck.expect("the binary was built for this test");
    system.wait_until_busy();
    system.signal("-TERM");
    system.wait_for("stopping SIGTERM");
    system.signal("-TERM");
    assert_eq!(system.ended(), Some(1));
    assert!(
        system.log().contains("error: ended at once by SIGTERM"),
        "{}",
        system.log()
    );
    let (exit, told) = failure(&stuck.wait_with_output().expect("it was started"));
    assert_eq!((exit, &told["outcome"]), (4, &json!("unknown")), "{told}");
}

#[test]
fn modules_in_processes_of_their_own_call_each_other() {
    let back = Running::up(&["--module", "back"]);
    let peer = format!("back={}", back.address("back"));
    let front = Running::up(&["--module", "front", "--peer", &peer]);
    assert!(!front.said.iter().any(|line| line.starts_with("listening back")));
    let address = front.address("front").to_owned();
    assert_eq!(answer(&ran(call(&address, &["door.in", "[1]"]))), json!([1]));

    drop(back);
    let (exit, told) = failure(&ran(call(&address, &["door.in", "--json"])));
    assert_eq!((exit, &told["class"]), (1, &json!("remote_error")), "{told}");
    assert_eq!(
        (&told["kind"], &told["origin"]),
        (&json!("upstream_unavailable"), &json!("front"))
    );

    let alone = Running::up(&["--module", "front"]);
    let told = text(&ran(call(alone.address("front"), &["door.in"])).stderr);
    assert!(told.contains("module not discovered: back"), "{told}");
}

#[test]
fn processes_with_the_same_base_find_each_other() {
    // Below the ports that systems give away, and another for each run.
    let base_port = 20_000 + std::process::id() % 10_000;
    let base = base_port.to_string();
    let back = Running::up(&["--module", "back", "--port-base", &base]);
    let front = Running::up(&["--module", "front", "--port-base", &base]);
    let port = |offset| format!("127.0.0.1:{}", base_port + offset);
    assert_eq!(
        (front.address("front"), back.address("back")),
        (&*port(1), &*port(2))
    );
    assert_eq!(
        answer(&ran(call(front.address("front"), &["door.in", "1"]))),
        json!(1)
    );
}

#[test]
fn how_a_call_failed_is_said_and_its_exit_code_tells_the_class() {
    let system = Running::up(&[]);
    let back = system.address("back");
    let (exit, told) = failure(&ran(call(back, &["bad.in", "--json"])));
    let expected = json!({
        "error": "remote error: out of cheese", "cause": null, "class": "remote_error", "kind": "component",
        "origin": "back", "outcome": "failed", "code": "cheese", "retryable": true,
    });
    assert_eq!((exit, told), (1, expected));
    let output = ran(call(back, &["bad.in"]));
    let told = text(&output.stderr);
    assert!(
        told.starts_with("error: remote error: out of cheese\n  class: remote_error\n"),
        "{told}"
    );

    let (exit, told) = failure(&ran(call(back, &["nobody.in", "--json"])));
    assert_eq!(
        (exit, &told["kind"], &told["origin"]),
        (1, &json!("not_found"), &json!("back")),
        "{told}"
    );
    let (exit, told) = failure(&ran(call(back, &["stuck.in", "--timeout", "100ms", "--json"])));
    assert_eq!((exit, &told["class"]), (3, &json!("timeout")), "{told}");
    let gone = back.to_owned();
    drop(system);
    let (exit, told) = failure(&ran(call(&gone, &["mirror.in", "--json"])));
    assert_eq!(
        (exit, &told["class"], &told["outcome"]),
        (4, &json!("unavailable"), &json!("failed"))
    );
    assert!(
        told["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains("refused")),
        "{told}"
    );
}

#[test]
fn bad_input_is_told_specifically_and_exits_with_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = topology(folder.path());
    let file = file.to_str().expect("UTF-8");
    let system = Running::up(&[]);
    let taken = system.address("front").rsplit_once(':').expect("a port").1;
    let address = system.address("back");
    let table: [(&[&str], &str); 17] = [
        (
            &["up", file, "--module", "frnt"],
            "the topology `real` has no module `frnt`: did you mean `front`?",
        ),
        (
            &["up", file, "--peer", "back=1.2.3.4:5"],
            "the module `back` runs in this process",
        ),
        (&["up", file, "--peer", "back"], "write NAME=HOST:PORT"),
        (&["up", file, "--peer", "back=somewhere"], "write HOST:PORT"),
        (&["up", file, "--port-base", "65535"], "no port for `front`"),
        (
            &["up", file, "--port-base", taken],
            "`store` at 127.0.0.1 cannot listen on port",
        ),
        (
            &["up", file, "--metrics", &format!("127.0.0.1:{taken}")],
            "cannot serve metrics at 127.0.0.1:",
        ),
        (&["up", file, "--grace", "soon"], "--grace"),
        (&["up", "nowhere.toml"], "cannot read nowhere.toml"),
        (&["call", address, "mirror"], "no port: write node.port"),
        (&["call", address, "mirror.in", "{"], "what to send is not JSON"),
        (&["call", "nowhere", "mirror.in"], "write HOST:PORT"),
        (
            &["call", address, "mirror.in", "--metadata", "k"],
            "write KEY=VALUE",
        ),
        (
            &["manager", "--limit", "calls=1"],
            "there are providers, modules, registered and address_connections",
        ),
        (
            &["manager", "--limit", "modules=0"],
            "\"0\" is no number from 1 on",
        ),
        (&["manager", "--limit", "modules"], "write NAME=NUMBER"),
        (
            &["top", "https://a:1"],
            "write host:port or http://host:port/metrics",
        ),
    ];
    for (arguments, told) in table {
        let mut command = squall();
        command.args(arguments);
        let output = ran(command);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    let mut command = squall();
    command.args(["up", file]).env("RUST_LOG", "a=b=c");
    let output = ran(command);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("RUST_LOG is \"a=b=c\""),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_is_no_list_of_metrics_is_said_to_be_none() {
    let system = Running::up(&[]);
    let mut grpc = squall();
    grpc.args(["top", "--once", system.address("back")]);
    let output = ran(grpc);
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stderr);
    assert!(
        said.contains("error: cannot get http://127.0.0.1:") && said.contains("does not speak HTTP/1.1"),
        "{said}"
    );
    assert!(said.contains("squall up --metrics"), "{said}");
}

#[test]
fn large_numbers_arrive_and_come_back_with_all_of_their_digits() {
    let system = Running::up(&[]);
    let sent = "[9007199254740993,18446744073709551616,-9223372036854775809,1e400,0.1000000000000000000001]";
    let output = ran(call(system.address("back"), &["mirror.in", sent]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), format!("{sent}\n"));
    // Over two hops too, and without the white space.
    let spaced = "{ \"n\": 123456789012345678901234567890,\n \"text\": \"a  b\" }";
    let output = ran(call(system.address("front"), &["door.in", spaced]));
    assert_eq!(
        text(&output.stdout),
        "{\"n\":123456789012345678901234567890,\"text\":\"a  b\"}\n"
    );
}

#[test]
fn a_panic_of_a_component_is_told_with_its_module_and_steers_no_terminal() {
    let topology = r#"
name = "real"
[module.shaky.node.bad]
component = "panic"
settings = { message = "oh \u001B[31mno\u009B2J\u200B\n2026-01-01T00:00:00Z  INFO squall: all is well" }
"#;
    let mut system = Running::up_of(topology, &[]);
    let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{200b}';
    let shown = r"oh \u{1b}[31mno\u{9b}2J\u{200b}\n2026-01-01T00:00:00Z  INFO squall: all is well";
    let (exit, told) = failure(&ran(call(system.address("shaky"), &["bad.in", "--json"])));
    assert_eq!(
        (exit, &told["origin"], &told["kind"]),
        (1, &json!("shaky"), &json!("panic")),
        "{told}"
    );
    let told = text(&ran(call(system.address("shaky"), &["bad.in"])).stderr);
    assert!(
        told.contains(shown) && told.contains("\n  origin: shaky\n"),
        "{told}"
    );
    assert!(!told.contains(hostile), "{told:?}");
    system.signal("-TERM");
    assert_eq!(system.ended(), Some(0), "it goes on");
    let log = system.log();
    assert!(!log.contains(hostile), "{log:?}");
    assert!(
        !log.lines().any(|line| line.starts_with("2026-01-01")),
        "a line of its own: {log}"
    );
    assert!(log.contains(shown), "{log}");
}

#[test]
fn a_variable_that_a_manager_does_not_read_is_warned_of_once() {
    // The port is wrong, so that it ends.
    let mut command = squall();
    command
        .args(["manager"])
        .env("CONSTELLATION_PROVIDER_PORT", "none")
        .env("CONSTELLATION_PROVIDER_HEARTBEAT_TIMOUT", "1s\u{1b}");
    let output = ran(command);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    let warned = "warning: CONSTELLATION_PROVIDER_HEARTBEAT_TIMOUT is set and means nothing: \
                  did you mean CONSTELLATION_PROVIDER_HEARTBEAT_TIMEOUT?\n";
    assert!(said.starts_with(warned), "{said}");
    assert_eq!(said.matches("warning").count(), 1, "{said}");
}

//! Metrics: what is counted, and as what. Spec: router S-34, S-35, S-40, H-10 to H-12, 4.3.

use squall_platform::Platform;
use squall_router::{ComponentError, Module, Options, RetryPolicy, metrics};

use crate::support::*;

/// The value of the line that is `series`.
fn value(text: &str, series: &str) -> f64 {
    let mut found = text
        .lines()
        .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = found.next().unwrap_or_else(|| panic!("no {series} in\n{text}"));
    assert_eq!(found.next(), None, "{series} is there twice");
    value.parse().expect("a number")
}

/// The calls from `a` to a target, by status: those that there were.
fn calls(text: &str, target: &str) -> Vec<(String, u64)> {
    let prefix = format!(
        "tinysystems_cross_module_calls_total{{source_module=\"a\",target_module=\"{target}\",status=\""
    );
    let count = |line: &str| {
        let (status, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
        Some((status.to_owned(), count.parse().expect("a count")))
    };
    let counts: Vec<_> = text.lines().filter_map(count).collect();
    assert!(
        matches!(counts.len(), 0 | 8),
        "the set of statuses is closed: {counts:?}"
    );
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn latencies(text: &str, target: &str) -> u64 {
    let series = format!(
        "tinysystems_cross_module_latency_seconds_count{{source_module=\"a\",target_module=\"{target}\"}}"
    );
    value(text, &series) as u64
}

fn said(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts
        .iter()
        .map(|(status, count)| ((*status).to_owned(), *count))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_small_system_is_this() {
    let network = Network::default();
    let options = Options {
        latency_buckets: [ms(10), ms(50)].into(),
        ..Options::default()
    };
    let (a, b) = pair(network.host(), network.host(), options).await;
    place(&a, &[], "pass", Pass, &[("out", "slow.in")]);
    place(&b, &[&a], "slow", Slow(ms(20), "1"), &[]);
    for _ in 0..2 {
        ask(&a, "pass.in").await.expect("b is there");
    }
    let text = metrics::text([&a, &b]);
    assert_eq!(text, include_str!("measured.txt"));
}

#[tokio::test(start_paused = true)]
async fn replicas_of_one_process_differ_by_their_label_and_one_alone_has_none() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&b, &[&a], "echo", Echo, &[]);
    ask(&a, "echo.in").await.expect("b is there");
    let other = Module::new(network.host(), "a", Options::default());
    let text = metrics::text_of_replicas([(&a, "a-0"), (&other, "a-1"), (&b, "")]);
    for (series, expected) in [
        (
            r#"tinysystems_cross_module_calls_total{source_module="a",target_module="b",status="ok",replica="a-0"}"#,
            1.0,
        ),
        (
            r#"tinysystems_cross_module_latency_seconds_count{source_module="a",target_module="b",replica="a-0"}"#,
            1.0,
        ),
        (
            r#"tinysystems_connections{source_module="a",target_module="b",state="ready",replica="a-0"}"#,
            1.0,
        ),
        (r#"tinysystems_retries_total{module="a",replica="a-0"}"#, 0.0),
        (r#"tinysystems_retries_total{module="a",replica="a-1"}"#, 0.0),
        (r#"tinysystems_server_phase{module="b",phase="serving"}"#, 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series}");
    }
    assert!(!metrics::text([&a, &b]).contains("replica"));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_counted_once_by_how_it_ended() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&b, &[&a], "echo", Echo, &[]);
    place(&b, &[&a], "bad", Fail(|| "no".into()), &[]);
    place(&b, &[&a], "never", Never, &[]);
    let (stuck, entered, _) = Cancellable::new();
    place(&b, &[&a], "stuck", stuck, &[]);

    ask(&a, "echo.in").await.expect("b is there");
    ask(&a, "bad.in").await.expect_err("it fails");
    let timed_out = a.scheduler().handle(message("never.in").timeout(ms(100)));
    timed_out.await.expect_err("it never answers");
    let calling = in_background(&a, "stuck.in");
    entered.await.expect("it is called");
    calling.abort();
    calling.await.expect_err("aborted");

    let text = a.metrics();
    let ended = [("ok", 1), ("remote_error", 1), ("timeout", 1), ("cancelled", 1)];
    assert_eq!(calls(&text, "b"), said(&ended));
    assert_eq!(latencies(&text, "b"), 4, "each of them has reached the transport");
    let slow =
        r#"tinysystems_cross_module_latency_seconds_bucket{le="0.05",source_module="a",target_module="b"}"#;
    assert_eq!(
        value(&text, slow),
        3.0,
        "all but the one that took 100 ms\n{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_the_transport_is_counted_and_has_no_latency() {
    let network = Network::default();
    let (a, address) = start(network.host(), "a", Options::default()).await;
    network.set_link(&address, Link::Refused);
    a.register("down", vec![address]);
    a.set_node("lost", "nowhere");
    a.set_node("refused", "down");
    for to in ["lost.in", "nobody.in", "refused.in", "refused.in"] {
        ask(&a, to).await.expect_err("none is there");
    }
    let text = a.metrics();
    assert_eq!(calls(&text, ""), said(&[("error", 1)]));
    assert_eq!(calls(&text, "nowhere"), said(&[("not_discovered", 1)]));
    assert_eq!(latencies(&text, "nowhere"), 0);
    assert!(
        !text.contains(r#"_latency_seconds_count{source_module="a",target_module=""}"#),
        "{text}"
    );
    assert_eq!(calls(&text, "down"), said(&[("unavailable", 2)]));
    assert_eq!(
        latencies(&text, "down"),
        1,
        "the second one found the endpoint in backoff"
    );
    let of_down = |name: &str| {
        value(
            &text,
            &format!(r#"{name}{{source_module="a",target_module="down"}}"#),
        )
    };
    assert_eq!(of_down("tinysystems_connect_failures_total"), 1.0);
    let backoff = r#"tinysystems_connections{source_module="a",target_module="down",state="backoff"}"#;
    assert_eq!(value(&text, backoff), 1.0);
}

#[tokio::test(start_paused = true)]
async fn messages_within_a_module_are_kept_apart() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "pass", Pass, &[("out", "slow.in")]);
    place(&a, &[], "slow", Slow(ms(20), "1"), &[]);
    place(&b, &[&a], "far", Echo, &[]);
    ask(&a, "pass.in").await.expect("both are here");
    ask(&a, "far.in").await.expect("b is there");
    let (of_a, of_b) = (a.metrics(), b.metrics());
    let local = "tinysystems_in_module_latency_seconds_count{module=";
    assert_eq!(value(&of_a, &format!("{local}\"a\"}}")), 2.0, "pass and slow");
    assert_eq!(
        value(&of_b, &format!("{local}\"b\"}}")),
        0.0,
        "what comes from a is not local to b"
    );
    assert_eq!(
        value(&of_a, r#"tinysystems_in_module_latency_seconds_sum{module="a"}"#),
        0.04
    );
    assert_eq!(
        (calls(&of_a, "b"), latencies(&of_a, "b")),
        (said(&[("ok", 1)]), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_shown_until_it_has_ended() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let calling = [in_background(&a, "held.in"), in_background(&a, "held.in")];
    held.arrived(2).await;
    let in_flight = |a: &Module<Memory>, b: &Module<Memory>| {
        (
            value(
                &a.metrics(),
                r#"tinysystems_cross_module_in_flight{source_module="a",target_module="b"}"#,
            ),
            value(&b.metrics(), r#"tinysystems_requests_in_flight{module="b"}"#),
        )
    };
    assert_eq!(in_flight(&a, &b), (2.0, 2.0));
    assert_eq!(calls(&a.metrics(), "b"), said(&[]), "none has ended");
    held.let_go(2);
    for call in calling {
        call.await.unwrap().expect("it is let go");
    }
    assert_eq!(in_flight(&a, &b), (0.0, 0.0));
    assert_eq!(calls(&a.metrics(), "b"), said(&[("ok", 2)]));
}

#[tokio::test(start_paused = true)]
async fn retries_duplicates_and_emitted_errors_are_counted() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (component, _) = Counted::new(|call| match call {
        0 | 1 => Err(ComponentError::new("not yet").retryable(true)),
        _ => Ok(Some(json("1"))),
    });
    place(&b, &[&a], "moody", component, &[]);
    place(&a, &[], "reports", Report, &[]);
    let insistent = message("moody.in")
        .retry(RetryPolicy::attempts(3))
        .idempotency_key("k");
    for _ in 0..2 {
        a.scheduler()
            .handle(insistent.clone())
            .await
            .expect("the third time");
    }
    ask(&a, "reports.in").await.expect("it is handled");
    let count = |module: &Module<Memory>, name: &str| {
        value(
            &module.metrics(),
            &format!("tinysystems_{name}_total{{module=\"{}\"}}", module.name()),
        )
    };
    assert_eq!((count(&a, "retries"), count(&b, "retries")), (2.0, 0.0));
    assert_eq!(
        (count(&a, "duplicates_answered"), count(&b, "duplicates_answered")),
        (0.0, 1.0)
    );
    assert_eq!(
        (count(&a, "handled_errors"), count(&b, "handled_errors")),
        (1.0, 0.0)
    );
    assert_eq!(
        calls(&a.metrics(), "b"),
        said(&[("ok", 2), ("remote_error", 2)]),
        "each attempt by itself"
    );
}

#[tokio::test(start_paused = true)]
async fn the_phase_of_the_server_is_shown() {
    let network = Network::default();
    let alone = Module::new(network.host(), "b", Options::default());
    assert!(
        !alone.metrics().contains("tinysystems_server_phase{"),
        "it has no server"
    );
    let server = Stoppable::start(&network, 1000).await;
    network.host().spawn(async {});
    tokio::task::yield_now().await;
    let phases = |text: String| -> Vec<String> {
        let of = |line: &str| {
            let phase = line.strip_prefix("tinysystems_server_phase{module=\"b\",phase=\"")?;
            phase.strip_suffix("\"} 1").map(str::to_owned)
        };
        text.lines().filter_map(of).collect()
    };
    assert_eq!(phases(server.module.metrics()), ["serving"]);
    server.stop.send(()).expect("it runs");
    server.drained.await.expect("it ends");
    assert_eq!(phases(server.module.metrics()), ["stopped"]);
}

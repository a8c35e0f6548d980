//! What the router says about itself. A binary of its own: its collector must be there before the first event.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

mod discovery;
#[path = "../router/support/mod.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod support;

use squall_memory::Events;
use squall_platform::{Platform, TokioPlatform};
use squall_router::Options;
use support::*;
use tokio::io::AsyncWriteExt;
use xxhash_rust::xxh3::xxh3_64;

#[tokio::test(start_paused = true)]
async fn a_hop_and_its_handling_share_a_span_and_tell_the_same_digests() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    place(&a, &[], "pass", Pass, &[("out", "far.in")]);
    place(&b, &[&a], "far", Constant(Some("\"pong\"")), &[]);
    a.scheduler()
        .handle(message("pass.in").trace(7).timeout(ms(2000)))
        .await
        .expect("b is there");

    let handled = events.named("handle.started");
    let (local, remote) = (&handled[0], &handled[1]);
    assert_eq!(
        (&*local["node"], &*local["remote"], &*local["parent"]),
        ("pass", "false", "0")
    );
    assert_eq!(
        (&*remote["node"], &*remote["remote"], &*remote["depth"]),
        ("far", "true", "1")
    );
    let hop = &events.named("hop.started")[0];
    assert_eq!(hop["span"], remote["span"]);
    assert_eq!(hop["parent"], local["span"]);
    assert!([hop, local, remote].iter().all(|it| it["trace"] == "7"));
    let names = [
        &*hop["from"],
        &hop["to"],
        &hop["source_module"],
        &hop["target_module"],
    ];
    assert_eq!(names, ["pass.out", "far.in", "a", "b"]);
    assert_eq!((&*hop["timeout"], &*hop["bytes"]), ("2000000000", "1"));
    let digests = [hop, local, remote].map(|it| it["digest"].clone());
    assert_eq!(digests, [(); 3].map(|()| xxh3_64(b"1").to_string()));

    let ended = &events.named("hop.ended")[0];
    let told = ["span", "outcome", "status", "error", "bytes"].map(|key| &*ended[key]);
    assert_eq!(told, [&*hop["span"], "ok", "ok", "", "6"]);
    assert!(ended["peer"].starts_with("127.0.0.1:"), "{ended:?}");
    for handled in events.named("handle.ended") {
        assert_eq!(handled["how"], "ok");
        assert_eq!((&handled["digest"], &*handled["bytes"]), (&ended["digest"], "6"));
    }
    assert_eq!(events.named("server.listening").len(), 2);
    let states: Vec<_> = events
        .named("endpoint.state")
        .iter()
        .map(|it| it["state"].clone())
        .collect();
    assert_eq!(states, ["connecting", "ready"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_is_said_to_have_ended_on_both_sides() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let (component, entered, cancelled) = Cancellable::new();
    place(&b, &[&a], "stuck", component, &[]);
    let calling = network.host().spawn(async move {
        drop(a.scheduler().handle(message("stuck.in")).await);
    });
    entered.await.expect("it is called");
    calling.abort();
    cancelled.await.expect_err("dropped with the handler");
    let hop = &events.named("hop.ended")[0];
    assert_eq!(
        (&*hop["outcome"], &*hop["status"], &*hop["digest"]),
        ("unknown", "cancelled", "0")
    );
    assert_eq!(events.named("handle.ended")[0]["how"], "dropped");
}

#[tokio::test(start_paused = true)]
async fn failures_are_said_with_their_class_and_the_networks_reason() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (a, address) = start(network.host(), "a", Options::default()).await;
    network.set_link(&address, Link::Refused);
    a.register("b", vec![address]);
    for (node, module) in [("refused", "b"), ("lost", "c")] {
        a.set_node(node, module);
    }
    for to in ["refused.in", "lost.in", "nobody.in"] {
        a.scheduler()
            .handle(message(to))
            .await
            .expect_err("none is there");
    }
    let ended = events.named("hop.ended");
    let said: Vec<_> = ended
        .iter()
        .map(|it| (&*it["status"], &*it["outcome"], &*it["error"]))
        .collect();
    let reason = "module unavailable: b: cannot connect to 127.0.0.1:1: connection refused";
    assert_eq!(
        said,
        [
            ("unavailable", "failed", reason),
            ("not_discovered", "failed", "module not discovered: c"),
            ("error", "failed", "no module found for node: nobody"),
        ]
    );
    let states: Vec<_> = events
        .named("endpoint.state")
        .iter()
        .map(|it| it["state"].clone())
        .collect();
    assert_eq!(states, ["connecting", "backoff"]);
}

#[tokio::test]
async fn a_panic_is_told_from_an_error() {
    let events = Events::collect("squall::router");
    let module = squall_router::Module::new(TokioPlatform::loopback(), "a", Options::default());
    place(&module, &[], "panics", Panic, &[]);
    place(&module, &[], "bad", Fail(|| "boom".into()), &[]);
    module
        .scheduler()
        .handle(message("panics.in"))
        .await
        .expect_err("it panics");
    module
        .scheduler()
        .handle(message("bad.in"))
        .await
        .expect_err("it fails");
    let how: Vec<_> = events
        .named("handle.ended")
        .iter()
        .map(|it| it["how"].clone())
        .collect();
    assert_eq!(how, ["panic", "error"]);
    // Beside it, a line for people says whose it was.
    let lines = events.named("log.panicked");
    let told = ["module", "node", "error", "message"].map(|key| &*lines[0][key]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(told, ["a", "panics", "out of cheese", "a component panicked"]);
}

#[tokio::test(start_paused = true)]
async fn each_phase_of_a_shutdown_is_told_with_what_there_is_to_wait_for() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let b = Stoppable::start(&network, 500).await;
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![b.address.clone()]);
    place(&b.module, &[&a], "stuck", Never, &[]);
    let call = in_background(&a, "stuck.in");
    // Says hello and nothing more, and is in the way to the end: a silent one is let go later than that.
    let mut silent = network.host().connect(&b.address).await.unwrap();
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    silent.write_all(hello).await.unwrap();
    tokio::time::sleep(ms(1)).await;
    b.stop.send(()).unwrap();
    b.drained.await.unwrap();
    call.await.unwrap().expect_err("cancelled");
    let told = events.named("server.drain");
    let told: Vec<_> = told
        .iter()
        .map(|it| (&*it["phase"], &*it["in_flight"], &*it["connections"]))
        .collect();
    let expected = [
        ("not_serving", "1", "2"),
        ("goaway", "1", "2"),
        ("waiting", "1", "2"),
        ("cancelling", "1", "2"),
        ("aborting", "0", "1"),
        ("stopped", "0", "0"),
    ];
    assert_eq!(told, expected);
    assert!(events.named("server.drain").iter().all(|it| it["module"] == "b"));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_is_told_to_drain_and_then_to_be_closed() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    a.deregister("b");
    held.let_go(1);
    call.await.unwrap().expect("it finishes");
    let told = events.named("endpoint.state");
    let told: Vec<_> = told.iter().map(|it| (&*it["state"], &*it["cause"])).collect();
    let expected = [
        ("connecting", ""),
        ("ready", ""),
        ("draining", "the module is deregistered"),
        ("closed", "the last call has ended"),
    ];
    assert_eq!(told, expected);
}

/// Emits what it is sent on the port that its first letter says.
struct Reports;

#[squall_router::async_trait]
impl squall_router::Component for Reports {
    async fn handle(
        &self,
        input: squall_router::Input<'_>,
        output: &squall_router::Output,
    ) -> Result<Option<squall_router::Payload>, squall_router::ComponentError> {
        Ok(output.emit(input.port, input.data).await?)
    }
}

#[tokio::test]
async fn line_29_emission_on_the_error_port_is_a_handled_error_and_data_and_on_others_data_alone() {
    let events = Events::collect("squall::router");
    let module = squall_router::Module::new(TokioPlatform::loopback(), "a", Options::default());
    let edges = [("error", "echo.in"), ("out", "echo.in")];
    place(&module, &[], "reports", Reports, &edges);
    place(&module, &[], "echo", Echo, &[]);
    let said = json(r#"{"error":"no such host"}"#);
    for port in ["error", "out"] {
        let message = squall_router::Message::new(format!("reports.{port}"), said.clone());
        let answer = module.scheduler().handle(message).await.unwrap();
        assert_eq!(answer, Some(said.clone()), "it arrives as data");
    }
    let handled = events.named("error.handled");
    assert_eq!(handled.len(), 1, "{handled:?}");
    let told = ["module", "node", "error"].map(|key| &*handled[0][key]);
    assert_eq!(told, ["a", "reports", "no such host"]);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_hop_of_its_own_that_names_the_one_before() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let soon = || squall_router::ComponentError::new("busy").retryable(true);
    let (counted, _) = Counted::new(move |call| if call < 2 { Err(soon()) } else { Ok(None) });
    place(&b, &[&a], "counted", counted, &[]);
    let policy = squall_router::RetryPolicy::attempts(3);
    let sent = message("counted.in").retry(policy).idempotency_key("k");
    a.scheduler()
        .handle(sent)
        .await
        .expect("the third attempt succeeds");
    let hops = events.named("hop.started");
    let attempts: Vec<_> = hops.iter().map(|hop| &*hop["attempt"]).collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    assert_eq!(hops[0]["previous"], "0");
    assert_eq!(hops[1]["previous"], hops[0]["span"]);
    assert_eq!(hops[2]["previous"], hops[1]["span"]);
    let handled = events.named("handle.started");
    let key = xxh3_64(b"k").to_string();
    for (hop, handled) in hops.iter().zip(&handled) {
        assert_eq!((&hop["key"], &hop["attempt"]), (&key, &handled["attempt"]));
        assert_eq!((&handled["key"], &handled["span"]), (&key, &hop["span"]));
    }
    let statuses: Vec<_> = events
        .named("hop.ended")
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, ["remote_error", "remote_error", "ok"]);
}

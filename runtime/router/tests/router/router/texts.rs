//! Every error: its text, its class, and whether it may have happened.

use crate::support::*;
use squall_platform::TokioPlatform;
use squall_router::{ComponentError, Error, Format, Kind, Message, Module, Options, Outcome};

#[track_caller]
fn assert_error(error: &Error, text: &str, class: &str, outcome: Outcome) {
    assert_eq!(error.to_string(), text);
    assert_eq!(error.class(), class, "{text}");
    assert_eq!(error.outcome(), outcome, "{text}");
}

async fn alone_error(to: &str) -> Error {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    module.set_node("mine", "a");
    module.set_node("theirs", "b");
    module.set_node("p.m.dotted", "a");
    module
        .scheduler()
        .handle(message(to))
        .await
        .expect_err("it has no peers and no instances")
}

#[tokio::test]
async fn a_node_that_nobody_owns_has_no_module() {
    let error = alone_error("nobody.in").await;
    assert_error(
        &error,
        "no module found for node: nobody",
        "error",
        Outcome::Failed,
    );
}

#[tokio::test]
async fn an_owner_that_is_not_registered_is_not_discovered() {
    let error = alone_error("theirs.in").await;
    assert_error(
        &error,
        "module not discovered: b",
        "not_discovered",
        Outcome::Failed,
    );
}

#[tokio::test]
async fn an_own_node_without_an_instance_is_not_found() {
    let error = alone_error("mine.in").await;
    assert_error(&error, "instance not found: mine", "error", Outcome::Failed);
    assert_eq!(error.kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_destination_without_a_port_says_so() {
    let invalid = |to: &str, reason: &str| format!("invalid destination {to:?}: {reason}");
    for (to, reason) in [
        ("mine", "this is a node without a port: write node.port"),
        ("p.m.dotted", "this is a node without a port: write node.port"),
        ("bare", "no port: write node.port"),
        ("a:b:c", "more than one ':'"),
        ("mine.", "the port is empty"),
    ] {
        assert_error(
            &alone_error(to).await,
            &invalid(to, reason),
            "error",
            Outcome::Failed,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_can_insist_on_one_way_to_write_destinations() {
    let strict = |destinations| {
        let module = alone(Options {
            destinations,
            ..Options::default()
        });
        place(&module, &[], "echo", Echo, &[]);
        module
    };
    let refusal = async |format, to: &str| ask(&strict(format), to).await.err().map(|it| it.to_string());
    assert_eq!(refusal(Format::Dot, "echo.in").await, None);
    assert_eq!(refusal(Format::Colon, "echo:in").await, None);
    assert_eq!(
        refusal(Format::Dot, "echo:in").await.unwrap(),
        r#"invalid destination "echo:in": ':' is not accepted here: write node.port"#
    );
    assert_eq!(
        refusal(Format::Colon, "echo.in").await.unwrap(),
        r#"invalid destination "echo.in": no ':': write node:port"#
    );
}

#[tokio::test]
async fn nobody_listening_is_unavailable_with_the_reason_at_hand() {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    let gone = TokioPlatform::loopback();
    let port =
        squall_platform::Listener::local_addr(&squall_platform::Platform::bind(&gone, 0).await.unwrap());
    module.set_node("theirs", "b");
    module.register("b", vec![port.unwrap().to_string().parse().unwrap()]);
    let error = module
        .scheduler()
        .handle(message("theirs.in"))
        .await
        .expect_err("nobody listens");
    assert_error(&error, "module unavailable: b", "unavailable", Outcome::Failed);
    assert!(error.cause().expect("a cause").contains("refused"), "{error:?}");
}

#[tokio::test]
async fn a_remote_component_error_is_prefixed_once_and_keeps_what_it_knows() {
    let (a, b) = loopback_pair().await;
    place(
        &b,
        &[&a],
        "bad",
        Fail(|| ComponentError::new("boom").code("E7").retryable(true)),
        &[],
    );
    let error = a
        .scheduler()
        .handle(message("bad.in"))
        .await
        .expect_err("it fails");
    assert_error(&error, "remote error: boom", "remote_error", Outcome::Failed);
    assert_eq!(error.message(), "boom");
    assert_eq!(error.kind(), Kind::Component);
    assert_eq!(
        (error.code(), error.retryable(), error.origin()),
        (Some("E7"), Some(true), Some("b"))
    );
}

#[tokio::test]
async fn an_error_without_a_text_is_still_an_error() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "bad", Fail(|| "".into()), &[]);
    let error = a
        .scheduler()
        .handle(message("bad.in"))
        .await
        .expect_err("it fails");
    assert_error(
        &error,
        "remote error: unspecified error",
        "remote_error",
        Outcome::Failed,
    );
}

#[tokio::test]
async fn a_local_component_error_is_its_text() {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    place(&module, &[], "bad", Fail(|| "boom".into()), &[]);
    let error = module
        .scheduler()
        .handle(message("bad.in"))
        .await
        .expect_err("it fails");
    assert_error(&error, "boom", "error", Outcome::Failed);
}

#[tokio::test]
async fn an_error_that_is_passed_on_keeps_its_text_over_two_hops_and_names_its_origin() {
    let (a, b) = loopback_pair().await;
    let (c, c_address) = start(TokioPlatform::loopback(), "c", Options::default()).await;
    b.register("c", vec![c_address]);
    place(&b, &[&a], "pass", Pass, &[("out", "bad.in")]);
    place(&c, &[&b], "bad", Fail(|| "boom".into()), &[]);
    let error = a
        .scheduler()
        .handle(message("pass.in"))
        .await
        .expect_err("it fails");
    assert_error(&error, "remote error: boom", "remote_error", Outcome::Failed);
    assert_eq!(error.origin(), Some("c"));
}

#[tokio::test]
async fn an_error_that_a_local_component_passes_on_stays_what_it_was() {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    place(&module, &[], "pass", Pass, &[("out", "theirs.in")]);
    module.set_node("theirs", "b");
    let error = module
        .scheduler()
        .handle(message("pass.in"))
        .await
        .expect_err("b is not registered");
    assert_error(
        &error,
        "module not discovered: b",
        "not_discovered",
        Outcome::Failed,
    );
}

#[tokio::test]
async fn a_module_behind_the_callee_that_is_missing_is_told_from_the_callee() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "pass", Pass, &[("out", "theirs.in")]);
    b.set_node("theirs", "c");
    b.register("c", vec![]);
    let error = a
        .scheduler()
        .handle(message("pass.in"))
        .await
        .expect_err("c has no endpoints");
    assert_error(
        &error,
        "remote error: module unavailable: c",
        "remote_error",
        Outcome::Failed,
    );
    assert_eq!(
        (error.kind(), error.origin()),
        (Kind::UpstreamUnavailable, Some("b"))
    );
}

#[tokio::test]
async fn a_panic_is_an_error_here_and_there_and_breaks_nothing_else() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "panics", Panic, &[]);
    place(&b, &[&a], "echo", Echo, &[]);
    let near = b
        .scheduler()
        .handle(message("panics.in"))
        .await
        .expect_err("it panics");
    assert_error(
        &near,
        "component panicked: out of cheese",
        "error",
        Outcome::Failed,
    );
    let far = a
        .scheduler()
        .handle(message("panics.in"))
        .await
        .expect_err("it panics");
    assert_error(
        &far,
        "remote error: component panicked: out of cheese",
        "remote_error",
        Outcome::Failed,
    );
    assert_eq!((near.kind(), far.kind()), (Kind::Panic, Kind::Panic));
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("the connection is as good as before");
}

#[tokio::test]
async fn a_cycle_across_modules_ends_at_the_depth_limit() {
    let options = Options {
        max_depth: 9,
        ..Options::default()
    };
    let (a, b) = pair(TokioPlatform::loopback(), TokioPlatform::loopback(), options).await;
    place(&a, &[&b], "ping", Pass, &[("out", "pong.in")]);
    place(&b, &[&a], "pong", Pass, &[("out", "ping.in")]);
    let error = a
        .scheduler()
        .handle(message("ping.in"))
        .await
        .expect_err("it is a cycle");
    assert_eq!(error.kind(), Kind::Depth);
    assert_eq!(
        error.message(),
        "max message depth 9 exceeded (possible cycle in flow graph)"
    );
    assert_eq!(Options::default().max_depth, 256);
}

#[tokio::test]
async fn the_257th_emitted_hop_is_one_too_many() {
    let module = Module::new(TokioPlatform::loopback(), "a", Options::default());
    let mut at_limit = message("echo.in");
    place(&module, &[], "echo", Echo, &[]);
    at_limit.context.depth = 256;
    module
        .scheduler()
        .handle(at_limit.clone())
        .await
        .expect("depth 256 is allowed");
    at_limit.context.depth = 257;
    let error = module.scheduler().handle(at_limit).await.expect_err("257 is not");
    let text = "max message depth 256 exceeded (possible cycle in flow graph)";
    assert_error(&error, text, "error", Outcome::Failed);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_is_sent() {
    let options = Options {
        max_message_bytes: 2000,
        ..Options::default()
    };
    let (a, b) = pair(TokioPlatform::loopback(), TokioPlatform::loopback(), options).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let large = Message::new("held.in", json(&format!("{:2000}", 1)));
    let error = a.scheduler().handle(large).await.expect_err("it is too large");
    assert_eq!(error.class(), "serialization");
    assert_eq!(error.outcome(), Outcome::Failed);
    let text = error.to_string();
    assert!(text.starts_with("serialization failed: a message of 2"), "{text}");
    assert!(text.ends_with("exceeds the limit of 2000 bytes"), "{text}");
    assert_eq!(held.entered.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_message_over_the_peers_limit_failed_and_an_answer_over_the_own_limit_is_unknown() {
    let (a, a_address) = start(TokioPlatform::loopback(), "a", Options::default()).await;
    let small = Options {
        max_message_bytes: 1000,
        ..Options::default()
    };
    let (b, b_address) = start(TokioPlatform::loopback(), "b", small).await;
    a.register("b", vec![b_address]);
    b.register("a", vec![a_address]);
    place(&b, &[&a], "echo", Echo, &[]);
    let large = Message::new("echo.in", json(&format!("{:1000}", 1)));
    let error = a.scheduler().handle(large).await.expect_err("b refuses it");
    assert!(
        error
            .to_string()
            .starts_with("gRPC send failed: ResourceExhausted: "),
        "{error}"
    );
    assert_eq!((error.class(), error.outcome()), ("error", Outcome::Failed));

    place(
        &a,
        &[&b],
        "large",
        Slow(ms(0), Box::leak(format!("{:1000}", 1).into_boxed_str())),
        &[],
    );
    let error = b
        .scheduler()
        .handle(message("large.in"))
        .await
        .expect_err("b does not read it");
    assert!(
        error
            .to_string()
            .starts_with("gRPC send failed: ResourceExhausted: "),
        "{error}"
    );
    assert_eq!((error.class(), error.outcome()), ("error", Outcome::Unknown));
}

#[tokio::test]
async fn an_answer_over_the_limit_is_a_serialization_error_of_work_that_was_done() {
    let (a, b) = pair(
        TokioPlatform::loopback(),
        TokioPlatform::loopback(),
        Options {
            max_message_bytes: 1000,
            ..Options::default()
        },
    )
    .await;
    place(
        &b,
        &[&a],
        "large",
        Slow(ms(0), Box::leak(format!("{:1000}", 1).into_boxed_str())),
        &[],
    );
    let error = a
        .scheduler()
        .handle(message("large.in"))
        .await
        .expect_err("b does not send it");
    assert!(
        error
            .to_string()
            .starts_with("remote error: serialization failed: "),
        "{error}"
    );
    assert_eq!(
        (error.kind(), error.outcome()),
        (Kind::Serialization, Outcome::Unknown)
    );
}

#[tokio::test]
async fn data_that_json_cannot_express_fails_to_serialise() {
    let keyed = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = squall_router::Payload::encode(&keyed).expect_err("a pair is no JSON key");
    assert_error(
        &error,
        "serialization failed: key must be a string",
        "serialization",
        Outcome::Failed,
    );
}

//! The method `Message`, on both sides, and who speaks what. Spec: router 2.1 to 2.4.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::raw::*;
use crate::support::*;
use squall_proto::module::module_service_server::ModuleService;
use squall_proto::module::{Message as SendRequest, MessageRequest, MessageResponse, Response};
use squall_router::{
    Authority, ComponentError, ContentType, Kind, Method, Module, Options, Outcome, Payload,
};
use tonic::{Code, Request, Status};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

fn request(to: &str, headers: &[(&'static str, &str)]) -> Request<MessageRequest> {
    let mut request = Request::new(MessageRequest {
        to: to.into(),
        from: "router-x1:out_a".into(),
        payload: "1".into(),
        ..MessageRequest::default()
    });
    for (key, value) in headers {
        request.metadata_mut().append(*key, value.parse().unwrap());
    }
    request
}

/// A module on an in-memory network, and how to call it by `Message`.
async fn callee(options: Options) -> (Network, Module<Memory>, Authority) {
    let network = Network::default();
    let (module, address) = start(network.host(), "b", options).await;
    (network, module, address)
}

async fn call(
    network: &Network,
    to: &Authority,
    request: Request<MessageRequest>,
) -> Result<tonic::Response<MessageResponse>, Status> {
    raw_call(network.host(), to, MESSAGE, request).await
}

#[tokio::test(start_paused = true)]
async fn a_go_peer_gets_its_value_and_no_value_is_no_bytes() {
    let (network, b, address) = callee(Options::default()).await;
    place(&b, &[], "p.m.echo-x1", Echo, &[]);
    place(&b, &[], "nothing", Constant(None), &[]);
    let reply = call(&network, &address, request("p.m.echo-x1:in", &[])).await;
    assert_eq!(reply.unwrap().get_ref().data, "1");
    let reply = call(&network, &address, request("nothing.in", &[])).await;
    assert_eq!(reply.unwrap().get_ref(), &MessageResponse::default());
}

#[tokio::test(start_paused = true)]
async fn what_travels_in_headers_reaches_the_component() {
    let (network, b, address) = callee(Options::default()).await;
    place(&b, &[], "reflect", Reflect, &[]);
    let headers = [
        ("x-message-depth", "3"),
        ("x-message-depth", "7"),
        ("traceparent", TRACEPARENT),
        ("tracestate", "vendor=1"),
        ("baggage", "user=5"),
        ("tenant", "t-1"),
        ("tenant", "t-2"),
        ("authorization", "Bearer secret"),
        ("grpc-timeout", "250m"),
    ];
    let reply = call(&network, &address, request("reflect:in", &headers))
        .await
        .unwrap();
    let seen: serde_json::Value = serde_json::from_slice(&reply.get_ref().data).unwrap();
    let expected = serde_json::json!({
        "port": "in",
        "from": "router-x1:out_a",
        "trace": "0af7651916cd43dd8448eb211c80319c",
        "depth": 4,
        "left_us": 250_000,
        "metadata": { "baggage": "user=5", "tenant": "t-1", "tracestate": "vendor=1" },
    });
    assert_eq!(
        seen, expected,
        "the first value counts, and credentials stay here"
    );
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_error_has_its_status_and_its_headers() {
    let options = Options {
        max_handling_time: Some(ms(100)),
        ..Options::default()
    };
    let (network, b, address) = callee(options).await;
    let bad = || ComponentError::new("boom").code("E7").retryable(true);
    place(&b, &[], "bad", Fail(bad), &[]);
    place(&b, &[], "panics", Panic, &[]);
    place(&b, &[], "never", Never, &[]);
    place(&b, &[], "anonymous", Fail(|| ComponentError::new("")), &[]);
    for (to, headers, code, text, kind, outcome) in [
        ("bad.in", &[][..], Code::Unknown, "boom", "component", "failed"),
        (
            "anonymous.in",
            &[],
            Code::Unknown,
            "unspecified error",
            "component",
            "failed",
        ),
        (
            "panics.in",
            &[],
            Code::Internal,
            "component panicked: out of cheese",
            "panic",
            "failed",
        ),
        (
            "never.in",
            &[],
            Code::DeadlineExceeded,
            "call timed out on node never",
            "upstream_timeout",
            "unknown",
        ),
        (
            "gone.in",
            &[],
            Code::NotFound,
            "instance not found: gone",
            "not_found",
            "failed",
        ),
        (
            "",
            &[],
            Code::InvalidArgument,
            r#"invalid destination "": no port: write node.port"#,
            "invalid_destination",
            "failed",
        ),
        (
            "bad._settings",
            &[],
            Code::PermissionDenied,
            "port _settings is not served to other modules: it is a system port; set the option \
             serve_system_ports to allow it",
            "forbidden",
            "failed",
        ),
        (
            "bad.in",
            &[("x-message-depth", "many")],
            Code::InvalidArgument,
            r#"the metadata "x-message-depth" cannot be read: "many""#,
            "serialization",
            "failed",
        ),
        (
            "bad.in",
            &[("x-message-depth", "257")],
            Code::FailedPrecondition,
            "max message depth 256 exceeded (possible cycle in flow graph)",
            "depth",
            "failed",
        ),
        (
            "bad.in",
            &[("grpc-timeout", "soon")],
            Code::InvalidArgument,
            r#"the metadata "grpc-timeout" cannot be read: "soon""#,
            "serialization",
            "failed",
        ),
    ] {
        let status = call(&network, &address, request(to, headers))
            .await
            .expect_err(to);
        assert_eq!((status.code(), status.message()), (code, text), "{to}");
        let header = |key| status.metadata().get(key).and_then(|it| it.to_str().ok());
        assert_eq!(header("x-error-kind"), Some(kind), "{to}");
        assert_eq!(header("x-error-outcome"), Some(outcome), "{to}");
        assert_eq!(header("x-error-origin"), Some("b"), "{to}");
        let marks = (header("x-error-code"), header("x-error-retryable"));
        assert_eq!(marks == (Some("E7"), Some("true")), text == "boom", "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_too_long_for_headers_is_cut_and_arrives() {
    let (network, b, address) = callee(Options::default()).await;
    place(&b, &[], "bad", Fail(|| "é".repeat(20_000).into()), &[]);
    let status = call(&network, &address, request("bad.in", &[]))
        .await
        .expect_err("it fails");
    assert_eq!(status.code(), Code::Unknown);
    assert!(
        status.message().ends_with("é... (40000 bytes in all)"),
        "{status:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_path_without_a_package_is_the_same_method_and_paths_decide_alone() {
    let (network, b, address) = callee(Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    let message = || SendRequest {
        to: "echo.in".into(),
        data: "[1]".into(),
        ..SendRequest::default()
    };
    for path in [SEND, "/ModuleService/Send"] {
        let reply: tonic::Response<Response> =
            raw_call(network.host(), &address, path, Request::new(message()))
                .await
                .unwrap();
        assert_eq!(reply.get_ref().data, "[1]", "{path}");
    }
    // The same bytes on the other path: `to` is read as `ID`, `data` as `To`.
    let status =
        raw_call::<_, _, MessageResponse>(network.host(), &address, MESSAGE, Request::new(message()))
            .await
            .expect_err("swapped");
    assert_eq!(
        status.message(),
        r#"invalid destination "[1]": no port: write node.port"#
    );
    let status = raw_call::<_, _, Response>(
        network.host(),
        &address,
        "/ModuleService/Message",
        Request::new(message()),
    )
    .await;
    assert_eq!(status.expect_err("no such path").code(), Code::Unimplemented);
}

#[tokio::test(start_paused = true)]
async fn a_trace_in_the_headers_of_send_counts_where_the_metadata_has_none() {
    let (network, b, address) = callee(Options::default()).await;
    place(&b, &[], "reflect", Reflect, &[]);
    let own = "00-00000000000000000000000000000abc-00f067aa0ba902b7-01";
    for (metadata, trace) in [
        (None, "0af7651916cd43dd8448eb211c80319c"),
        (Some(own), &own[3..35]),
    ] {
        let mut request = Request::new(SendRequest {
            to: "reflect.in".into(),
            ..SendRequest::default()
        });
        request.get_mut().metadata = metadata
            .map(|it| ("traceparent".into(), it.into()))
            .into_iter()
            .collect();
        for (key, value) in [
            ("traceparent", TRACEPARENT),
            ("tracestate", "v=1"),
            ("grpc-timeout", "3S"),
        ] {
            request.metadata_mut().insert(key, value.parse().unwrap());
        }
        let reply: tonic::Response<Response> =
            raw_call(network.host(), &address, SEND, request).await.unwrap();
        let seen: serde_json::Value = serde_json::from_slice(&reply.get_ref().data).unwrap();
        assert_eq!(seen["trace"], trace);
        assert_eq!(seen["metadata"], serde_json::json!({ "tracestate": "v=1" }));
        assert_eq!(seen["left_us"], 3_000_000);
    }
}

/// A Go module: it has `Message` only, and remembers what it was asked.
#[derive(Clone, Default)]
struct Deployed {
    answer: Option<fn() -> Result<&'static str, Status>>,
    seen: Arc<Mutex<Vec<Request<MessageRequest>>>>,
    sends: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl ModuleService for Deployed {
    async fn send(&self, _: Request<SendRequest>) -> Result<tonic::Response<Response>, Status> {
        self.sends.fetch_add(1, Ordering::SeqCst);
        Err(Status::unimplemented(
            "unknown method Send for service module.ModuleService",
        ))
    }

    async fn message(
        &self,
        request: Request<MessageRequest>,
    ) -> Result<tonic::Response<MessageResponse>, Status> {
        self.seen.lock().unwrap().push(request);
        let data = self.answer.map_or(Ok("\"done\""), |answer| answer())?.into();
        Ok(tonic::Response::new(MessageResponse { data }))
    }
}

/// A module `a` whose peer `b` is a Go module.
async fn with_deployed(peer: Deployed) -> Module<Memory> {
    let network = Network::default();
    let address = serve_foreign(network.host(), peer).await;
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![address]);
    a.set_node("p.b.far-x1", "b");
    a
}

#[tokio::test(start_paused = true)]
async fn a_peer_without_send_is_called_by_message_and_asked_only_once() {
    let peer = Deployed::default();
    let a = with_deployed(peer.clone()).await;
    place(&a, &[], "pass", Pass, &[("out", "p.b.far-x1:in")]);
    let sent = || {
        message("pass.in")
            .trace(0xabc)
            .timeout(ms(5000))
            .metadata("Tenant", "t-1")
            .metadata("city", "Zürich")
    };
    for _ in 0..3 {
        assert_eq!(
            a.scheduler().handle(sent()).await.unwrap(),
            Some(json("\"done\""))
        );
    }
    assert_eq!(peer.sends.load(Ordering::SeqCst), 1, "remembered");
    assert_eq!(a.state("b").unwrap().endpoints[0].method, Method::Message);
    let seen = peer.seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    let body = seen[0].get_ref();
    let fields = (&*body.id, &*body.from, &*body.to, &body.payload[..]);
    assert_eq!(fields, ("", "pass.out", "p.b.far-x1:in", &b"1"[..]));
    let headers = seen[0].metadata();
    assert_eq!(headers.get("x-message-depth").unwrap(), "1");
    assert_eq!(headers.get("grpc-timeout").unwrap(), "5000000u");
    assert_eq!(headers.get("tenant").unwrap(), "t-1");
    assert_eq!(headers.get_bin("city-bin").unwrap().to_bytes().unwrap(), "Zürich");
    let trace = headers.get("traceparent").unwrap().to_str().unwrap();
    assert!(
        trace.starts_with("00-00000000000000000000000000000abc-"),
        "{trace}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_said_to_have_message_is_not_asked_for_send() {
    let peer = Deployed::default();
    let a = with_deployed(peer.clone()).await;
    a.set_method("b", Method::Message);
    let sent = message("p.b.far-x1:in").edge("e-1");
    a.scheduler().handle(sent).await.unwrap();
    assert_eq!(peer.sends.load(Ordering::SeqCst), 0);
    assert_eq!(peer.seen.lock().unwrap()[0].get_ref().edge_id, "e-1");
}

#[tokio::test(start_paused = true)]
async fn a_peer_with_neither_method_certainly_did_nothing() {
    struct Other;
    #[tonic::async_trait]
    impl ModuleService for Other {}
    let network = Network::default();
    let address = serve_foreign(network.host(), Other).await;
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![address]);
    a.set_node("far", "b");
    let error = a
        .scheduler()
        .handle(message("far.in"))
        .await
        .expect_err("no method");
    assert_eq!(
        error.to_string(),
        "gRPC send failed: Unimplemented: Not yet implemented"
    );
    assert_eq!((error.class(), error.outcome()), ("error", Outcome::Failed));
}

#[tokio::test(start_paused = true)]
async fn errors_of_go_peers_keep_what_is_known_of_them() {
    type Case = (
        fn() -> Result<&'static str, Status>,
        &'static str,
        &'static str,
        Outcome,
    );
    let cases: [Case; 4] = [
        (
            || Err(Status::unknown("boom")),
            "remote error: boom",
            "remote_error",
            Outcome::Failed,
        ),
        (
            || Err(Status::unavailable("c is down")),
            "module unavailable: b",
            "unavailable",
            Outcome::Unknown,
        ),
        (
            || Err(Status::cancelled("context canceled")),
            "gRPC send failed: Cancelled: context canceled",
            "error",
            Outcome::Unknown,
        ),
        (
            || Err(Status::not_found("no such row")),
            "gRPC send failed: NotFound: no such row",
            "error",
            Outcome::Failed,
        ),
    ];
    for (answer, text, class, outcome) in cases {
        let peer = Deployed {
            answer: Some(answer),
            ..Deployed::default()
        };
        let a = with_deployed(peer).await;
        let error = a
            .scheduler()
            .handle(message("p.b.far-x1:in"))
            .await
            .expect_err(text);
        assert_eq!(
            (&*error.to_string(), error.class(), error.outcome()),
            (text, class, outcome)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn message_pack_is_not_sent_to_a_peer_that_reads_json_only() {
    let peer = Deployed::default();
    let a = with_deployed(peer.clone()).await;
    let data = Payload::new(vec![0x81], ContentType::MessagePack);
    let sent = squall_router::Message::new("p.b.far-x1:in", data);
    let error = a.scheduler().handle(sent).await.expect_err("not JSON");
    let text =
        "serialization failed: the peer's method Message takes application/json, not application/msgpack";
    assert_eq!((&*error.to_string(), error.outcome()), (text, Outcome::Failed));
    assert!(peer.seen.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn between_our_own_modules_both_methods_mean_the_same() {
    for method in [Method::Send, Method::Message] {
        let network = Network::default();
        let (a, b) = pair(network.host(), network.host(), Options::default()).await;
        a.set_method("b", method);
        place(&b, &[&a], "reflect", Reflect, &[]);
        place(&b, &[&a], "panics", Panic, &[]);
        let bad = || ComponentError::new("boom").code("E7").retryable(false);
        place(&b, &[&a], "bad", Fail(bad), &[]);
        place(&b, &[&a], "packed", Packed, &[]);
        let call = |to| {
            a.scheduler()
                .handle(message(to).trace(0xabc).timeout(ms(500)).metadata("k", "ü"))
        };

        let seen = call("reflect.in").await.unwrap().unwrap().json().unwrap();
        assert_eq!(seen["left_us"], 500_000, "{method:?}");
        assert_eq!(seen["trace"], "00000000000000000000000000000abc");
        assert_eq!(seen["metadata"], serde_json::json!({ "k": "ü" }));
        let error = call("bad.in").await.expect_err("it fails");
        assert_eq!(error.to_string(), "remote error: boom");
        assert_eq!((error.kind(), error.code()), (Kind::Component, Some("E7")));
        assert_eq!((error.retryable(), error.origin()), (Some(false), Some("b")));
        let error = call("panics.in").await.expect_err("it panics");
        assert_eq!(
            (error.kind(), error.class()),
            (Kind::Panic, "remote_error"),
            "{method:?}"
        );
        let value = call("packed.in").await.unwrap().unwrap();
        assert_eq!(
            (value.content_type(), value.bytes().as_ref()),
            (ContentType::MessagePack, &[0xc0][..])
        );
    }
}

/// Answers in MessagePack.
struct Packed;

#[squall_router::async_trait]
impl squall_router::Component for Packed {
    async fn handle(
        &self,
        _: squall_router::Input<'_>,
        _: &squall_router::Output,
    ) -> Result<Option<Payload>, ComponentError> {
        Ok(Some(Payload::new(vec![0xc0], ContentType::MessagePack)))
    }
}

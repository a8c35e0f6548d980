//! The method `Message` as the server has it, and the paths. Spec: router 2.1 to 2.4.

use crate::support::raw::*;
use crate::support::*;
use squall_proto::module::{Message as SendRequest, MessageRequest, MessageResponse, Response};
use squall_router::{Authority, ComponentError, Module, Options};
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

//! Bytes and metadata on the wire.

use std::collections::BTreeMap;

use crate::support::*;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use prost::Message as _;
use squall_platform::{Authority, Executor, Platform, TokioPlatform};
use squall_proto::module::module_service_server::{ModuleService, ModuleServiceServer};
use squall_proto::module::{Message as Request, Response};
use squall_router::{ComponentError, ContentType, Options};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn request(to: &str, data: &str, metadata: &[(&str, &str)]) -> Request {
    let metadata = metadata
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    Request {
        to: to.into(),
        from: "router-def456.out_a".into(),
        data: data.to_owned().into(),
        metadata,
    }
}

/// Calls a server as any gRPC client would, without anything of the router.
async fn raw_call(
    server: &Authority,
    path: &'static str,
    request: Request,
) -> Result<tonic::Response<Response>, tonic::Status> {
    let platform = TokioPlatform::loopback();
    let stream = platform.connect(server).await.expect("it listens");
    let (sender, connection) = http2::handshake(Executor::new(platform), TokioIo::new(stream))
        .await
        .unwrap();
    platform.spawn(async move { drop(connection.await) });
    let service = SendOne(sender);
    let mut grpc = Grpc::with_origin(service, format!("http://{server}").parse().unwrap());
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::default();
    grpc.unary(
        tonic::Request::new(request),
        PathAndQuery::from_static(path),
        codec,
    )
    .await
}

struct SendOne(http2::SendRequest<tonic::body::Body>);

impl tower_service::Service<http::Request<tonic::body::Body>> for SendOne {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

const SEND: &str = "/module.ModuleService/Send";

#[test]
fn a_message_and_a_response_are_the_golden_bytes() {
    let message = request(
        "http-server-abc123.request",
        r#"{"k":1}"#,
        &[("x-message-depth", "1")],
    );
    let golden = "0a1a687474702d7365727665722d6162633132332e726571756573741213726f757465722d6465663435362e6f75745f61\
                  1a077b226b223a317d22140a0f782d6d6573736167652d6465707468120131";
    assert_eq!(hex(&message.encode_to_vec()), golden);
    let boom = Response {
        data: Default::default(),
        error: "boom".into(),
    };
    assert_eq!(hex(&boom.encode_to_vec()), "1204626f6f6d");
    let ok = Response {
        data: r#"{"ok":true}"#.into(),
        error: String::new(),
    };
    assert_eq!(hex(&ok.encode_to_vec()), "0a0b7b226f6b223a747275657d");
    assert_eq!(hex(&Response::default().encode_to_vec()), "");
}

#[tokio::test]
async fn an_error_is_in_band_with_its_classification_beside_it() {
    let (b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    place(
        &b,
        &[],
        "bad",
        Fail(|| ComponentError::new("boom").code("E7").retryable(false)),
        &[],
    );
    let reply = raw_call(&address, SEND, request("bad.in", "1", &[]))
        .await
        .expect("the status is OK");
    let header = |key| reply.metadata().get(key).and_then(|it| it.to_str().ok());
    assert_eq!(header("x-error-kind"), Some("component"));
    assert_eq!(header("x-error-origin"), Some("b"));
    assert_eq!(header("x-error-code"), Some("E7"));
    assert_eq!(header("x-error-retryable"), Some("false"));
    assert_eq!(header("x-error-outcome"), Some("failed"));
    assert_eq!(reply.get_ref().error, "boom");
    assert!(reply.get_ref().data.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_an_in_band_error_and_reaches_no_component() {
    let (b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    let held = Held::new();
    place(&b, &[], "held", held.clone(), &[]);
    for (request, text) in [
        (
            request("held.in", r#"{"k":"#, &[]),
            "EOF while parsing a value at line 1 column 5",
        ),
        (
            request("held.in", "1", &[("x-message-depth", "-1")]),
            r#"the metadata "x-message-depth" cannot be read: "-1""#,
        ),
        (
            request("held.in", "1", &[("content-type", "text/x")]),
            r#"the metadata "content-type" cannot be read: "text/x""#,
        ),
    ] {
        let reply = raw_call(&address, SEND, request).await.expect("the status is OK");
        assert_eq!(reply.get_ref().error, text);
        assert_eq!(reply.metadata().get("x-error-kind").unwrap(), "serialization");
    }
    assert_eq!(held.entered.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_foreign_caller_without_metadata_is_served() {
    let (b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    let reply = raw_call(&address, SEND, request("echo.in", "[]", &[]))
        .await
        .unwrap();
    assert_eq!(&reply.get_ref().data[..], b"[]");
    let reply = raw_call(&address, SEND, request("echo.in", "", &[]))
        .await
        .unwrap();
    assert_eq!(reply.get_ref(), &Response::default(), "nothing in, nothing out");
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let (_b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    let status = raw_call(&address, "/module.ModuleService/Mail", request("a.b", "", &[])).await;
    assert_eq!(
        status.expect_err("no such method").code(),
        tonic::Code::Unimplemented
    );
}

#[tokio::test]
async fn what_is_passed_on_carries_trace_depth_budget_and_nothing_else() {
    /// A peer that is not ours: answers with the metadata it was sent.
    struct Peer;
    #[tonic::async_trait]
    impl ModuleService for Peer {
        async fn send(
            &self,
            request: tonic::Request<Request>,
        ) -> Result<tonic::Response<Response>, tonic::Status> {
            let metadata: BTreeMap<_, _> = request.into_inner().metadata;
            let data = serde_json::to_vec(&metadata).unwrap().into();
            Ok(tonic::Response::new(Response {
                data,
                error: String::new(),
            }))
        }
    }
    let platform = TokioPlatform::loopback();
    let mut listener = platform.bind(0).await.unwrap();
    let address = squall_platform::Listener::local_addr(&listener).unwrap();
    platform.spawn(async move {
        let (stream, _) = squall_platform::Listener::accept(&mut listener).await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(ModuleServiceServer::new(Peer));
        let server = hyper::server::conn::http2::Builder::new(Executor::new(platform));
        drop(server.serve_connection(TokioIo::new(stream), service).await);
    });
    let (a, _) = start(platform, "a", Options::default()).await;
    a.register("b", vec![address.to_string().parse().unwrap()]);
    a.set_node("far", "b");
    place(&a, &[], "pass", Pass, &[("out", "far.in")]);
    let sent = message("pass.in").trace(0xabc).timeout(ms(5000));
    let seen = a.scheduler().handle(sent).await.unwrap().unwrap().json().unwrap();
    let seen = seen.as_object().unwrap();
    assert_eq!(
        seen.keys().collect::<Vec<_>>(),
        ["traceparent", "x-message-depth", "x-timeout-us"]
    );
    assert_eq!(seen["x-message-depth"], "1");
    let prefix = "00-00000000000000000000000000000abc-";
    assert!(
        seen["traceparent"].as_str().unwrap().starts_with(prefix),
        "{seen:?}"
    );
    let budget: u64 = seen["x-timeout-us"].as_str().unwrap().parse().unwrap();
    assert!((1..=5_000_000).contains(&budget), "{budget}");
}

#[tokio::test]
async fn message_pack_is_carried_both_ways_and_not_looked_into() {
    let (a, b) = loopback_pair().await;
    place(&b, &[&a], "echo", Echo, &[]);
    let sent = squall_router::Payload::new(vec![0xc1, 0xff], ContentType::MessagePack);
    let answer = a
        .scheduler()
        .handle(squall_router::Message::new("echo.in", sent.clone()))
        .await;
    assert_eq!(answer.unwrap(), Some(sent.clone()));
    let text = sent.json().expect_err("not JSON").to_string();
    assert_eq!(text, "serialization failed: cannot decode application/msgpack");
}

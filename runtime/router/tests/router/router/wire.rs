//! Bytes and metadata on the wire.

use std::collections::BTreeMap;

use crate::support::raw::*;
use crate::support::*;
use prost::Message as _;
use squall_platform::{Authority, TokioPlatform};
use squall_proto::module::module_service_server::ModuleService;
use squall_proto::module::{Message as Request, MessageRequest, MessageResponse, Response};
use squall_router::{ComponentError, ContentType, Options};

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

async fn send(
    server: &Authority,
    path: &'static str,
    request: Request,
) -> Result<tonic::Response<Response>, tonic::Status> {
    raw_call(
        TokioPlatform::loopback(),
        server,
        path,
        tonic::Request::new(request),
    )
    .await
}

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

#[test]
fn the_request_and_response_of_deployed_modules_are_the_golden_bytes() {
    let message = MessageRequest {
        id: String::new(),
        from: "a1b2c3d4.common-module-v0.router-x1:out_a".into(),
        to: "a1b2c3d4.http-module-v0.http-server-y2:request".into(),
        payload: r#"{"k":1}"#.into(),
        edge_id: "e-1".into(),
    };
    let golden = "122961316232633364342e636f6d6d6f6e2d6d6f64756c652d76302e726f757465722d78313a6f75745f611a2e6131623263\
                  3364342e687474702d6d6f64756c652d76302e687474702d7365727665722d79323a7265717565737422077b226b223a317d\
                  2a03652d31";
    assert_eq!(hex(&message.encode_to_vec()), golden);
    assert_eq!(message.encoded_len(), 105);
    let ok = MessageResponse {
        data: r#"{"ok":true}"#.into(),
    };
    assert_eq!(hex(&ok.encode_to_vec()), "0a0b7b226f6b223a747275657d");
    assert_eq!(hex(&MessageResponse::default().encode_to_vec()), "");
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
    let reply = send(&address, SEND, request("bad.in", "1", &[]))
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
        let reply = send(&address, SEND, request).await.expect("the status is OK");
        assert_eq!(reply.get_ref().error, text);
        assert_eq!(reply.metadata().get("x-error-kind").unwrap(), "serialization");
    }
    assert_eq!(held.entered.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_foreign_caller_without_metadata_is_served() {
    let (b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    let reply = send(&address, SEND, request("echo.in", "[]", &[])).await.unwrap();
    assert_eq!(&reply.get_ref().data[..], b"[]");
    let reply = send(&address, SEND, request("echo.in", "", &[])).await.unwrap();
    assert_eq!(reply.get_ref(), &Response::default(), "nothing in, nothing out");
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let (_b, address) = start(TokioPlatform::loopback(), "b", Options::default()).await;
    let status = send(&address, "/module.ModuleService/Mail", request("a.b", "", &[])).await;
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
    let address = serve_foreign(platform, Peer).await;
    let (a, _) = start(platform, "a", Options::default()).await;
    a.register("b", vec![address]);
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

//! Peers that have `Message` and not `Send`, and what is made of their answers. Spec: router 2.2, 2.3.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::raw::*;
use crate::support::*;
use squall_proto::module::module_service_server::ModuleService;
use squall_proto::module::{Message as SendRequest, MessageRequest, MessageResponse, Response};
use squall_router::{
    ComponentError, ContentType, Kind, Method, Module, Options, Outcome, Payload, RetryPolicy,
};
use tonic::{Code, Request, Status};

/// A Go module: it has `Message` only, and remembers what it was asked.
#[derive(Clone, Default)]
struct Deployed {
    answer: Option<fn() -> Result<&'static str, Status>>,
    seen: Arc<Mutex<Vec<Request<MessageRequest>>>>,
    sends: Arc<AtomicUsize>,
    /// What the last `Send` said of its time.
    timeout: Arc<Mutex<Option<String>>>,
}

#[tonic::async_trait]
impl ModuleService for Deployed {
    async fn send(&self, request: Request<SendRequest>) -> Result<tonic::Response<Response>, Status> {
        self.sends.fetch_add(1, Ordering::SeqCst);
        let timeout = request.metadata().get("grpc-timeout");
        *self.timeout.lock().unwrap() = timeout.map(|it| it.to_str().unwrap().to_owned());
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
    assert_eq!(peer.timeout.lock().unwrap().as_deref(), Some("5000000u"));
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
async fn a_handler_that_says_unimplemented_does_not_run_again_by_message() {
    /// Its handler does something, and says something else.
    #[derive(Clone, Default)]
    struct Picky(Arc<AtomicUsize>);
    #[tonic::async_trait]
    impl ModuleService for Picky {
        async fn send(&self, _: Request<SendRequest>) -> Result<tonic::Response<Response>, Status> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Err(Status::unimplemented("this node knows no refunds"))
        }

        async fn message(
            &self,
            _: Request<MessageRequest>,
        ) -> Result<tonic::Response<MessageResponse>, Status> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(tonic::Response::new(MessageResponse::default()))
        }
    }
    let network = Network::default();
    let peer = Picky::default();
    let address = serve_foreign(network.host(), peer.clone()).await;
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![address]);
    a.set_node("far", "b");
    let error = a.scheduler().handle(message("far.in")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "gRPC send failed: Unimplemented: this node knows no refunds"
    );
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(peer.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_said_to_have_send_is_never_asked_for_message() {
    let peer = Deployed::default();
    let a = with_deployed(peer.clone()).await;
    a.set_method("b", Method::Send);
    let error = a.scheduler().handle(message("p.b.far-x1:in")).await.unwrap_err();
    assert_eq!((error.class(), error.outcome()), ("error", Outcome::Failed));
    assert_eq!(peer.sends.load(Ordering::SeqCst), 1);
    // Certainly no handler has run: a policy sends it again.
    let sent = message("p.b.far-x1:in").retry(RetryPolicy::attempts(2));
    a.scheduler().handle(sent).await.unwrap_err();
    assert_eq!(peer.sends.load(Ordering::SeqCst), 1 + 2);
    assert!(peer.seen.lock().unwrap().is_empty());
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

/// A peer that counts, and answers both methods with one status.
#[derive(Clone)]
struct Says(Code, Arc<AtomicUsize>);

#[tonic::async_trait]
impl ModuleService for Says {
    async fn send(&self, _: Request<SendRequest>) -> Result<tonic::Response<Response>, Status> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Err(Status::new(self.0, "said"))
    }

    async fn message(&self, _: Request<MessageRequest>) -> Result<tonic::Response<MessageResponse>, Status> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Err(Status::new(self.0, "said"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_each_status_of_a_peer_means_and_whether_a_policy_sends_it_again() {
    let mut table = String::new();
    for code in (1..=16).map(Code::from_i32) {
        let mut line = format!("{code:?}");
        for method in [Method::Send, Method::Message] {
            let network = Network::default();
            let peer = Says(code, Arc::default());
            let address = serve_foreign(network.host(), peer.clone()).await;
            let (a, _) = start(network.host(), "a", Options::default()).await;
            a.register("b", vec![address]);
            a.set_node("far", "b");
            a.set_method("b", method);
            let sent = message("far.in").retry(RetryPolicy::attempts(2));
            let error = a.scheduler().handle(sent).await.unwrap_err();
            let (class, outcome, times) = (
                error.class(),
                error.outcome().as_str(),
                peer.1.load(Ordering::SeqCst),
            );
            line += &format!(" | {method:?}: {class}, {outcome}, {times}");
        }
        table += &line;
        table.push('\n');
    }
    assert_eq!(
        table,
        "\
Cancelled | Send: error, unknown, 1 | Message: error, unknown, 1
Unknown | Send: error, unknown, 1 | Message: remote_error, failed, 1
InvalidArgument | Send: error, unknown, 1 | Message: error, failed, 1
DeadlineExceeded | Send: timeout, unknown, 1 | Message: timeout, unknown, 1
NotFound | Send: error, unknown, 1 | Message: error, failed, 1
AlreadyExists | Send: error, unknown, 1 | Message: error, failed, 1
PermissionDenied | Send: error, unknown, 1 | Message: error, failed, 1
ResourceExhausted | Send: error, unknown, 1 | Message: error, unknown, 1
FailedPrecondition | Send: error, unknown, 1 | Message: error, failed, 1
Aborted | Send: error, unknown, 1 | Message: error, unknown, 1
OutOfRange | Send: error, unknown, 1 | Message: error, failed, 1
Unimplemented | Send: error, failed, 1 | Message: error, failed, 1
Internal | Send: error, unknown, 1 | Message: error, unknown, 1
Unavailable | Send: unavailable, unknown, 1 | Message: unavailable, unknown, 1
DataLoss | Send: error, unknown, 1 | Message: error, unknown, 1
Unauthenticated | Send: error, unknown, 1 | Message: error, failed, 1
"
    );
}

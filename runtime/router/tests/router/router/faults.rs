//! Peers that misbehave in HTTP/2, and what is made of it. Spec: router appendix A.

use std::future::poll_fn;

use h2::Reason;
use squall_platform::{Listener, Platform, TokioListener, TokioPlatform};
use squall_router::{Authority, Error, Module, Options, Outcome};

use crate::support::*;

/// A module `a` whose peer `b` is whatever listens at the listener.
async fn with_raw_peer() -> (Module<TokioPlatform>, TokioListener) {
    let platform = TokioPlatform::loopback();
    let listener = platform.bind(0).await.expect("a free port");
    let address: Authority = listener.local_addr().unwrap().to_string().parse().unwrap();
    let module = Module::new(platform, "a", Options::default());
    module.register("b", vec![address]);
    module.set_node("far", "b");
    (module, listener)
}

/// Takes requests on one connection, and has `react` do something about each.
async fn serve(
    mut listener: TokioListener,
    react: impl Fn(&mut h2::server::Connection<Stream, bytes::Bytes>, h2::server::SendResponse<bytes::Bytes>),
) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((mut request, respond))) = connection.accept().await {
        let mut body = std::pin::pin!(request.body_mut().data());
        // The connection has to be driven for the body to arrive.
        poll_fn(|cx| {
            let _ = connection.poll_accept(cx);
            body.as_mut().poll(cx).map(drop)
        })
        .await;
        react(&mut connection, respond);
    }
}

type Stream = <TokioPlatform as Platform>::Stream;

async fn error_after(
    react: impl Fn(&mut h2::server::Connection<Stream, bytes::Bytes>, h2::server::SendResponse<bytes::Bytes>),
) -> Error {
    let (a, listener) = with_raw_peer().await;
    let mut serve = std::pin::pin!(serve(listener, react));
    let mut call = std::pin::pin!(a.scheduler().handle(message("far.in")));
    let mut served = false;
    poll_fn(|cx| {
        if !served {
            served = serve.as_mut().poll(cx).is_ready();
        }
        call.as_mut().poll(cx)
    })
    .await
    .expect_err("the peer misbehaves")
}

#[tokio::test]
async fn a_refused_stream_is_unavailable_and_certainly_did_not_happen() {
    let error = error_after(|_, mut respond| respond.send_reset(Reason::REFUSED_STREAM)).await;
    assert_eq!(error.to_string(), "module unavailable: b");
    assert_eq!((error.class(), error.outcome()), ("unavailable", Outcome::Failed));
}

#[tokio::test]
async fn a_stream_that_is_reset_otherwise_is_a_failed_send_that_may_have_happened() {
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let error = error_after(|_, mut respond| respond.send_reset(reason)).await;
        assert!(error.to_string().starts_with("gRPC send failed: "), "{error}");
        assert_eq!(
            (error.class(), error.outcome()),
            ("error", Outcome::Unknown),
            "{reason:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_ends_after_the_request_is_unavailable_and_may_have_happened() {
    let error = error_after(|connection, respond| {
        connection.abrupt_shutdown(Reason::INTERNAL_ERROR);
        drop(respond);
    })
    .await;
    assert_eq!(error.to_string(), "module unavailable: b");
    assert_eq!(
        (error.class(), error.outcome()),
        ("unavailable", Outcome::Unknown)
    );
}

#[tokio::test]
async fn a_status_unavailable_of_the_peer_is_unavailable_and_may_have_happened() {
    let answer = |code: &'static str| {
        move |_: &mut _, mut respond: h2::server::SendResponse<bytes::Bytes>| {
            let head = http::Response::builder()
                .header("content-type", "application/grpc")
                .header("grpc-status", code)
                .header("grpc-message", "reason");
            respond.send_response(head.body(()).unwrap(), true).unwrap();
        }
    };
    let error = error_after(answer("14")).await;
    assert_eq!(
        (error.class(), error.outcome(), error.cause()),
        ("unavailable", Outcome::Unknown, Some("reason"))
    );
    let error = error_after(answer("4")).await;
    assert_eq!(
        (error.class(), error.outcome()),
        ("timeout", Outcome::Unknown),
        "whoever has kept the time"
    );
    let error = error_after(answer("8")).await;
    assert_eq!(
        (error.class(), error.outcome()),
        ("error", Outcome::Unknown),
        "it may have been the size of the answer"
    );
}

#[tokio::test]
async fn a_peer_that_closes_at_once_leaves_the_call_unavailable() {
    let (a, mut listener) = with_raw_peer().await;
    let accept = async { drop(listener.accept().await.unwrap()) };
    let (result, ()) = tokio::join!(a.scheduler().handle(message("far.in")), accept);
    let error = result.expect_err("nobody speaks HTTP/2 there");
    assert_eq!(
        (error.to_string().as_str(), error.class()),
        ("module unavailable: b", "unavailable")
    );
}

#[tokio::test]
async fn many_cancelled_requests_at_once_do_not_cost_the_connection() {
    let platform = TokioPlatform::loopback();
    let (b, address) = start(platform, "b", Options::default()).await;
    place(&b, &[], "echo", Echo, &[]);
    let stream = platform.connect(&address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = platform.spawn(async move { drop(connection.await) });
    let mut client = client.ready().await.unwrap();
    let request = || {
        http::Request::post(format!("http://{address}/module.ModuleService/Send"))
            .body(())
            .unwrap()
    };
    for _ in 0..90 {
        let (_, mut stream) = client.send_request(request(), false).unwrap();
        stream.send_reset(Reason::CANCEL);
    }
    let (answer, _) = client.send_request(request(), true).unwrap();
    let answer = answer.await.expect("the connection is as good as before");
    assert!(answer.headers().contains_key("grpc-status"), "{answer:?}");
    assert!(!connection.is_finished());
}

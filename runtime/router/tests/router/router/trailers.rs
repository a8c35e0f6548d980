//! What kind of error it was travels behind the answer, in trailers, on both methods. Spec: router 2.4.

use std::future::poll_fn;
use std::pin::Pin;

use crate::support::raw::*;
use crate::support::*;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Body, Incoming};
use squall_platform::{Listener, Platform};
use squall_router::{ComponentError, Error, Method, Options};
use tower_service::Service;

const MARKS: [(&str, &str); 4] = [
    ("x-error-kind", "component"),
    ("x-error-origin", "b"),
    ("x-error-code", "E7"),
    ("x-error-retryable", "true"),
];

fn marks(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let all = headers.iter();
    let marks = all.filter(|(key, _)| key.as_str().starts_with("x-error-") && *key != "x-error-outcome");
    marks
        .map(|(key, value)| (key.as_str(), value.to_str().expect("text")))
        .collect()
}

/// A body to its end, and its trailers.
async fn read(mut body: Incoming) -> (Vec<u8>, HeaderMap) {
    let (mut bytes, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame.expect("a whole answer").into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    (bytes, trailers)
}

/// What a component that fails is answered with, to a request of these bytes.
async fn answer(path: &str, request: &str) -> Response<Incoming> {
    let network = Network::default();
    let (b, address) = start(network.host(), "b", Options::default()).await;
    let fails = Fail(|| ComponentError::new("boom").code("E7").retryable(true));
    place(&b, &[], "bad", fails, &[]);
    let body = tonic::body::Body::new(request.to_owned());
    let request = Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .body(body);
    let answer = dial(network.host(), &address)
        .await
        .call(request.expect("it can be sent"));
    answer.await.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn an_in_band_error_has_its_classification_in_trailers_and_no_headers() {
    let answer = answer(SEND, "\0\0\0\0\x08\x0a\x06bad.in").await;
    assert_eq!(marks(answer.headers()), []);
    let (bytes, trailers) = read(answer.into_body()).await;
    assert_eq!(bytes, b"\0\0\0\0\x06\x12\x04boom");
    assert_eq!(marks(&trailers), MARKS);
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_a_status_is_nothing_but_trailers() {
    let answer = answer(MESSAGE, "\0\0\0\0\x08\x1a\x06bad.in").await;
    assert_eq!(marks(answer.headers()), MARKS);
    assert!(answer.body().is_end_stream(), "the first headers are the last");
}

/// What a peer says before its answer, and behind it.
async fn told(before: &[(&'static str, &'static str)], behind: &[(&'static str, &'static str)]) -> Error {
    let network = Network::default();
    let host = network.host();
    let mut listener = host.bind(0).await.unwrap();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register(
        "b",
        vec![listener.local_addr().unwrap().to_string().parse().unwrap()],
    );
    a.set_method("b", Method::Send);
    a.set_node("far", "b");
    let call = in_background(&a, "far.in");
    let (stream, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let (_, mut respond) = connection.accept().await.unwrap().unwrap();
    let map = |marks: &[(&'static str, &'static str)]| -> HeaderMap {
        let marks = marks.iter();
        marks
            .map(|(key, value)| (key.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    };
    let mut head = Response::new(());
    head.headers_mut().extend(map(before));
    head.headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut body = respond.send_response(head, false).unwrap();
    body.send_data(bytes::Bytes::from_static(b"\0\0\0\0\x06\x12\x04boom"), false)
        .unwrap();
    let mut trailers = map(behind);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    body.send_trailers(trailers).unwrap();
    host.spawn(async move { while let Some(Ok(_)) = connection.accept().await {} });
    call.await.expect("no panic").expect_err("an error")
}

#[tokio::test(start_paused = true)]
async fn what_is_said_in_headers_is_read_too_and_trailers_have_the_last_word() {
    for (before, behind) in [
        (&MARKS[..], &[][..]),
        (&[], &MARKS),
        (&[("x-error-code", "E1"), ("x-error-retryable", "false")], &MARKS),
    ] {
        let error = told(before, behind).await;
        assert_eq!(error.message(), "boom");
        assert_eq!(
            (error.origin(), error.code(), error.retryable()),
            (Some("b"), Some("E7"), Some(true))
        );
    }
    let error = told(&[], &[]).await;
    assert_eq!(
        (error.code(), error.retryable()),
        (None, None),
        "a peer that says nothing"
    );
}

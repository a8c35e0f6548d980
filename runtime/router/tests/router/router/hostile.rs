//! Input that is wrong or means harm: each has its own error, and the next request is served.

use crate::support::raw::*;
use crate::support::*;
use http::{HeaderValue, Method, Request, Response};
use squall_platform::Platform;
use squall_router::{Authority, Component, ComponentError, Discovery, Module, Options};
use tower_service::Service;

/// Sends a request as it is, and gives the answer's head.
async fn send(
    network: &Network,
    server: &Authority,
    request: http::request::Builder,
    body: &str,
) -> Response<()> {
    let request = request
        .body(tonic::body::Body::new(body.to_owned()))
        .expect("it can be sent");
    let answer = dial(network.host(), server).await.call(request).await;
    answer.expect("an answer").map(drop)
}

fn request(server: &Authority, path: &str) -> http::request::Builder {
    Request::post(format!("http://{server}{path}")).header("content-type", "application/grpc")
}

fn header<'a>(answer: &'a Response<()>, key: &str) -> &'a str {
    let value = answer.headers().get(key).and_then(|it| it.to_str().ok());
    value.unwrap_or_default()
}

async fn callee() -> (Network, Module<Memory>, Authority) {
    let network = Network::default();
    let options = Options {
        max_message_bytes: 1000,
        ..Options::default()
    };
    let (b, address) = start(network.host(), "b", options).await;
    place(&b, &[], "echo", Echo, &[]);
    (network, b, address)
}

async fn serves_still(network: &Network, b: &Authority) {
    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![b.clone()]);
    a.set_node("echo", "b");
    let answer = a.scheduler().handle(message("echo.in")).await;
    assert_eq!(answer.unwrap(), Some(json("1")));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_grpc_is_told_what_would_be() {
    let (network, _b, address) = callee().await;
    for (content_type, text) in [
        (None, r#"the content type "" is not served: use application/grpc"#),
        (
            Some("text/html"),
            r#"the content type "text/html" is not served: use application/grpc"#,
        ),
        (
            Some("application/grpc+json"),
            r#"the content type "application/grpc+json" is not served: use application/grpc"#,
        ),
        (
            Some("application/grpcs"),
            r#"the content type "application/grpcs" is not served: use application/grpc"#,
        ),
    ] {
        let mut bare = Request::post(format!("http://{address}{SEND}"));
        if let Some(content_type) = content_type {
            bare = bare.header("content-type", content_type);
        }
        let answer = send(&network, &address, bare, "").await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "grpc-status")),
            (415, "3")
        );
        let told = header(&answer, "grpc-message")
            .replace("%20", " ")
            .replace("%22", "\"");
        assert_eq!(told, text);
    }
    let get = request(&address, SEND).method(Method::GET);
    let answer = send(&network, &address, get, "").await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "grpc-status")),
        (405, "13")
    );
    for content_type in ["application/grpc+proto", "application/grpc;charset=utf-8"] {
        let bare = Request::post(format!("http://{address}{SEND}")).header("content-type", content_type);
        let answer = send(&network, &address, bare, "\0\0\0\0\x04\x0a\x02ab").await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "grpc-status")),
            (200, "")
        );
    }
    serves_still(&network, &address).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_said_to_have_reached_nobody() {
    let (network, _b, address) = callee().await;
    let large = format!("\0\0\0\x0f\x00{}", "x".repeat(0xf00));
    for path in [SEND, MESSAGE] {
        for (body, code, text) in [
            ("", "13", "the request has no message"),
            (
                "\0\0\0\0\x03\x07\x07\x07",
                "13",
                "failed to decode Protobuf message: invalid wire type value: 7",
            ),
            ("\0\0\0\0\x02\x0a\x7f", "13", "failed to decode Protobuf message"),
            ("\0\0\0\0\x09ab", "13", "the message is not whole"),
            (
                "\x01\0\0\0\x02ab",
                "13",
                "the request says that it is compressed, and not how",
            ),
            (
                "\x07\0\0\0\x02ab",
                "13",
                "the message begins with 7, which is neither compressed nor not",
            ),
            (
                &large,
                "8",
                "Error, decoded message length too large: found 3840 bytes, the limit is: 1000 bytes",
            ),
        ] {
            let answer = send(&network, &address, request(&address, path), body).await;
            let told = header(&answer, "grpc-message").replace("%20", " ");
            assert!(told.contains(text), "{path} {told}");
            assert_eq!(header(&answer, "grpc-status"), code, "{path} {text}");
            assert_eq!(header(&answer, "x-error-kind"), "serialization", "{path} {text}");
            assert_eq!(header(&answer, "x-error-outcome"), "failed", "{path} {text}");
        }
    }
    serves_still(&network, &address).await;
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_no_text_or_too_many_are_refused() {
    let (network, _b, address) = callee().await;
    let body = "\0\0\0\0\x09\x1a\x07echo.in";
    for (key, shown) in [
        ("x-message-depth", "x-message-depth"),
        ("tenant", "tenant"),
        ("user-bin", "user-bin"),
    ] {
        let value = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
        let answer = send(
            &network,
            &address,
            request(&address, MESSAGE).header(key, value),
            body,
        )
        .await;
        let told = header(&answer, "grpc-message")
            .replace("%20", " ")
            .replace("%22", "\"");
        assert!(
            told.starts_with(&format!(r#"the metadata "{shown}" cannot be read: "#)),
            "{told}"
        );
        assert_eq!(header(&answer, "grpc-status"), "3");
    }
    let huge = request(&address, MESSAGE).header("tenant", "x".repeat(20_000));
    let refused = dial(network.host(), &address)
        .await
        .call(huge.body(tonic::body::Body::new(body.to_owned())).unwrap())
        .await;
    assert!(
        refused.is_ok_and(|answer| answer.status() == 431),
        "HTTP/2 itself refuses it"
    );
    serves_still(&network, &address).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_outside_of_any_component_is_answered_too() {
    struct Broken;
    impl Discovery for Broken {
        fn owner(&self, _: &str) -> Option<std::sync::Arc<str>> {
            panic!("no registry")
        }
        fn endpoints(&self, _: &str) -> Option<Vec<Authority>> {
            None
        }
    }
    let (network, b, address) = callee().await;
    b.discover(std::sync::Arc::new(Broken));
    // No destination, unless it is a node without a port: so the registry is asked.
    let body = "\0\0\0\0\x07\x1a\x05other";
    let answer = send(&network, &address, request(&address, MESSAGE), body).await;
    let told = header(&answer, "grpc-message").replace("%20", " ");
    assert_eq!(
        told,
        "component panicked: outside of it, in the module: no registry"
    );
    assert_eq!(header(&answer, "x-error-kind"), "panic");
    serves_still(&network, &address).await;
}

/// A peer whose statuses have details that are no base64, on which tonic's client would panic.
#[tokio::test(start_paused = true)]
async fn a_peer_cannot_make_its_caller_panic() {
    let network = Network::default();
    let host = network.host();
    let mut listener = host.bind(0).await.unwrap();
    let address = squall_platform::Listener::local_addr(&listener).unwrap();
    for trailing in [false, true] {
        let (a, _) = start(network.host(), "a", Options::default()).await;
        a.register("b", vec![address.to_string().parse().unwrap()]);
        a.set_node("far", "b");
        let call = in_background(&a, "far.in");
        let (stream, _) = squall_platform::Listener::accept(&mut listener).await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        let mut head = Response::new(());
        head.headers_mut()
            .insert("content-type", HeaderValue::from_static("application/grpc"));
        let mut status = http::HeaderMap::new();
        status.insert("grpc-status", HeaderValue::from_static("2"));
        status.insert("grpc-status-details-bin", HeaderValue::from_static("%%%"));
        if trailing {
            let mut body: h2::SendStream<bytes::Bytes> = respond.send_response(head, false).unwrap();
            body.send_trailers(status).unwrap();
        } else {
            head.headers_mut().extend(status);
            respond.send_response(head, true).unwrap();
        }
        host.spawn(async move { while let Some(Ok(_)) = connection.accept().await {} });
        let error = call.await.expect("no panic").expect_err("a status");
        assert!(
            error.to_string().starts_with("gRPC send failed: Unknown"),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn data_for_a_port_that_cannot_be_is_not_looked_into() {
    struct Untouched;
    #[squall_router::async_trait]
    impl Component for Untouched {
        async fn handle(
            &self,
            _: squall_router::Input<'_>,
            _: &squall_router::Output,
        ) -> Result<Option<squall_router::Payload>, ComponentError> {
            panic!("never called")
        }
    }
    let (network, b, address) = callee().await;
    place(&b, &[], "node", Untouched, &[]);
    for (to, text) in [
        ("", r#"invalid destination "": no port: write node.port"#),
        ("node._control", "port _control is not served to other modules"),
        (
            "node",
            r#"invalid destination "node": this is a node without a port: write node.port"#,
        ),
    ] {
        let sent = squall_proto::module::Message {
            to: to.into(),
            data: "{not json".into(),
            ..Default::default()
        };
        let reply: tonic::Response<squall_proto::module::Response> =
            raw_call(network.host(), &address, SEND, tonic::Request::new(sent))
                .await
                .unwrap();
        assert!(
            reply.get_ref().error.starts_with(text),
            "{}",
            reply.get_ref().error
        );
    }
}

//! How long a call may take, and who says so.

use std::sync::Arc;

use crate::support::*;
use squall_platform::Platform;
use squall_router::{Edge, Module, Options};
use tokio::time::Instant;

/// `pass` on `a` leads to `stuck` on `b`, which never answers.
async fn stuck(edge: Edge) -> Module<impl Platform> {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    a.install("pass", Arc::new(Pass), vec![edge]);
    place(&b, &[&a], "stuck", Never, &[]);
    a
}

fn edge() -> Edge {
    Edge::new("out", "stuck.in")
}

/// How long it takes until the call times out, in milliseconds.
async fn timed_out<P: Platform>(module: &Module<P>, message: squall_router::Message) -> u128 {
    let start = Instant::now();
    let error = module.scheduler().handle(message).await.expect_err("no answer");
    assert_eq!(error.to_string(), "cross-module call timed out");
    assert_eq!(error.class(), "timeout");
    start.elapsed().as_millis()
}

#[tokio::test(start_paused = true)]
async fn the_calls_own_timeout_beats_the_edges_and_that_the_target_modules() {
    let a = stuck(edge()).await;
    assert_eq!(timed_out(&a, message("pass.in")).await, 30_000);
    a.set_timeout("b", Some(ms(60_000)));
    assert_eq!(
        timed_out(&a, message("pass.in")).await,
        60_000,
        "longer than the default"
    );
    assert_eq!(timed_out(&a, message("stuck.in")).await, 60_000);
    assert_eq!(
        timed_out(&a, message("stuck.in").timeout(ms(90_000))).await,
        90_000
    );
    a.set_edges("pass", vec![edge().timeout(ms(80_000))]);
    // The edge was there before, and there it stays with another timeout.
    assert_eq!(timed_out(&a, message("pass.in")).await, 80_000);
    assert_eq!(
        timed_out(&a, message("pass.in").timeout(ms(500))).await,
        500,
        "the shorter one wins"
    );
    a.set_timeout("b", None);
    assert_eq!(timed_out(&a, message("stuck.in")).await, 30_000);
}

#[tokio::test(start_paused = true)]
async fn an_edges_timeout_bounds_a_local_handler_too() {
    let module = alone(Options::default());
    module.install("pass", Arc::new(Pass), vec![edge().timeout(ms(70))]);
    place(&module, &[], "stuck", Never, &[]);
    let start = Instant::now();
    let error = ask(&module, "pass.in").await.expect_err("no answer");
    assert_eq!(error.to_string(), "call timed out on node stuck");
    assert_eq!((error.class(), start.elapsed()), ("timeout", ms(70)));
}

/// What a server says to a request with this `grpc-timeout`, and how often its handler ran. The body comes `late`.
async fn asked_with(path: &'static str, timeout: &str, late: std::time::Duration) -> (String, usize) {
    let network = Network::default();
    let (b, address) = start(network.host(), "b", Options::default()).await;
    let (counted, calls) = Counted::new(|_| Ok(Some(json("1"))));
    place(&b, &[], "echo", counted, &[]);
    let host = network.host();
    let stream = host.connect(&address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    host.spawn(async move { drop(connection.await) });
    let request = http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", timeout);
    let (answer, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
    tokio::time::sleep(late).await;
    let message: &[u8] = match path {
        raw::SEND => b"\0\0\0\0\x09\x0a\x07echo.in",
        _ => b"\0\0\0\0\x09\x1a\x07echo.in",
    };
    // The server may have given up by then.
    drop(body.send_data(message.into(), true));
    let (head, mut incoming) = answer.await.unwrap().into_parts();
    while incoming.data().await.is_some() {}
    let mut headers = head.headers;
    headers.extend(incoming.trailers().await.unwrap().unwrap_or_default());
    let kind = headers.get("x-error-kind").map_or("", |it| it.to_str().unwrap());
    let outcome = headers
        .get("x-error-outcome")
        .map_or("", |it| it.to_str().unwrap());
    (format!("{kind} {outcome}"), count(&calls))
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_time_is_over_is_not_executed() {
    for path in [raw::SEND, raw::MESSAGE] {
        let refused = ("upstream_timeout failed".to_owned(), 0);
        assert_eq!(asked_with(path, "0n", ms(0)).await, refused, "{path}");
        assert_eq!(asked_with(path, "1S", ms(0)).await, (" ".to_owned(), 1), "{path}");
        // Its time has begun with its headers, however late the rest of it comes.
        assert_eq!(asked_with(path, "1S", ms(1500)).await, refused, "{path}");
        assert_eq!(
            asked_with(path, "1S", ms(500)).await,
            (" ".to_owned(), 1),
            "{path}"
        );
    }
}

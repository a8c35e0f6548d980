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

//! Modules and components for the tests, on real loopback sockets or on an in-memory network.

mod components;
mod memory;

use squall_platform::{Platform, TokioPlatform};
use squall_router::{Authority, Component, Edge, Message, Module, Options, Payload};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use components::*;
pub(crate) use memory::{Link, Network};

/// A module that serves on a free port, and its address.
pub(crate) async fn start<P: Platform>(platform: P, name: &str, options: Options) -> (Module<P>, Authority) {
    let module = Module::new(platform.clone(), name, options);
    let server = module.bind(0).await.expect("a free port");
    let address = server
        .local_addr()
        .to_string()
        .parse()
        .expect("a socket address is an authority");
    platform.spawn(server.run());
    (module, address)
}

/// Two modules that know each other, on real sockets.
pub(crate) async fn loopback_pair() -> (Module<TokioPlatform>, Module<TokioPlatform>) {
    pair(
        TokioPlatform::loopback(),
        TokioPlatform::loopback(),
        Options::default(),
    )
    .await
}

/// Two modules, `a` and `b`, that know each other.
pub(crate) async fn pair<P: Platform>(a: P, b: P, options: Options) -> (Module<P>, Module<P>) {
    let (a, a_address) = start(a, "a", options.clone()).await;
    let (b, b_address) = start(b, "b", options).await;
    a.register("b", vec![b_address]);
    b.register("a", vec![a_address]);
    (a, b)
}

/// Installs `node` on `module` and tells `others` who owns it.
pub(crate) fn place<P: Platform>(
    module: &Module<P>,
    others: &[&Module<P>],
    node: &str,
    component: impl Component,
    edges: &[(&str, &str)],
) {
    let edges = edges.iter().map(|(port, to)| Edge::new(*port, *to)).collect();
    module.install(node, Arc::new(component), edges);
    for other in others {
        other.set_node(node, module.name());
    }
}

pub(crate) fn message(to: &str) -> Message {
    Message::new(to, json("1"))
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::new(text.to_owned(), squall_router::ContentType::Json)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

//! Modules and components for the tests, on real loopback sockets or on an in-memory network.

mod components;
pub(crate) mod raw;

use squall_platform::{Platform, TokioPlatform};
use squall_router::{
    Authority, Component, Drained, Edge, Error, Keepalive, Message, Module, Options, Payload,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use components::*;
pub(crate) use squall_memory::{Link, Memory, Network};

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

/// Options of modules that notice within 13 s that nothing comes any more.
pub(crate) fn noticing_silence() -> Options {
    Options {
        keepalive: Some(Keepalive::tiny_systems()),
        ..Options::default()
    }
}

/// A module that serves until it is told to stop.
pub(crate) struct Stoppable {
    pub(crate) module: Module<Memory>,
    pub(crate) address: Authority,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) drained: oneshot::Receiver<Drained>,
}

impl Stoppable {
    pub(crate) async fn start(network: &Network, grace_ms: u64) -> Self {
        let module = Module::new(network.host(), "b", Options::default());
        let server = module.bind(0).await.expect("a free port");
        let address = server.local_addr().to_string().parse().unwrap();
        let (stop, stopping) = oneshot::channel();
        let (done, drained) = oneshot::channel();
        network.host().spawn(async move {
            let shutdown = async { stopping.await.expect("the test says when") };
            let drained = server.run_until(shutdown, ms(grace_ms)).await;
            done.send(drained).expect("the test listens");
        });
        Stoppable {
            module,
            address,
            stop,
            drained,
        }
    }
}

/// A call that goes on while the test does something else.
#[expect(clippy::disallowed_methods, reason = "it is the test's, and of no host")]
pub(crate) fn in_background<P: Platform>(module: &Module<P>, to: &str) -> JoinHandle<Answered> {
    let (module, message) = (module.clone(), message(to));
    tokio::spawn(async move { module.scheduler().handle(message).await })
}

pub(crate) type Answered = Result<Option<Payload>, Error>;

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

/// A module without peers.
pub(crate) fn alone(options: Options) -> Module<impl Platform> {
    Module::new(Network::default().host(), "a", options)
}

/// Sends `1` to `to`.
pub(crate) async fn ask<P: Platform>(module: &Module<P>, to: &str) -> Result<Option<Payload>, Error> {
    module.scheduler().handle(message(to)).await
}

/// Starts a call in the background.
pub(crate) fn call<P: Platform>(
    platform: &P,
    module: &Module<P>,
    message: Message,
) -> oneshot::Receiver<Result<Option<Payload>, Error>> {
    let (done, answer) = oneshot::channel();
    let module = module.clone();
    platform.spawn(async move {
        drop(done.send(module.scheduler().handle(message).await));
    });
    answer
}

pub(crate) fn count(calls: &AtomicUsize) -> usize {
    calls.load(Ordering::SeqCst)
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

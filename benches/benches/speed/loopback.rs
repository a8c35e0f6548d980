//! One call over real loopback TCP: scheduler, pool, server and scheduler, against bare tonic. And a local call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use squall::router::{
    Component, ComponentError, Input, Message, Module, Options, Output, Payload, async_trait,
};
use squall_platform::TokioPlatform;
use squall_proto::module as proto;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};

use crate::tonic_peer;

/// What calls took.
pub(crate) struct Taken {
    /// All of them, on the wall.
    pub(crate) whole: Duration,
    /// Half of them took no longer.
    pub(crate) median: Duration,
}

struct Echo;

#[async_trait]
impl Component for Echo {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(Some(input.data))
    }
}

pub(crate) fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system gives what a runtime needs")
}

/// Lets `callers` make `calls` in all, one after the other each, after some that do not count.
pub(crate) async fn take<F: Future<Output = ()> + Send>(
    callers: u32,
    calls: u32,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Taken {
    for _ in 0..calls.div_ceil(20) {
        call().await;
    }
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let call = call.clone();
        running.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..calls / callers {
                let start = Instant::now();
                call().await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times = running.join_all().await.concat();
    let whole = start.elapsed();
    times.sort();
    Taken {
        whole,
        median: times[times.len() / 2],
    }
}

/// A JSON text of so many bytes.
fn payload(bytes: usize) -> Payload {
    Payload::encode(&"x".repeat(bytes - 2)).expect("a string is JSON")
}

fn module(name: &str) -> Module<TokioPlatform> {
    Module::new(TokioPlatform::loopback(), name, Options::default())
}

/// Through two modules.
pub(crate) fn through_modules(bytes: usize, callers: u32, calls: u32) -> Taken {
    runtime().block_on(async {
        let (here, there) = (module("here"), module("there"));
        there.install("echo", Arc::new(Echo), vec![]);
        let server = there.bind(0).await.expect("there is a free port");
        let address = server.local_addr().to_string();
        tokio::spawn(server.run());
        here.set_node("echo", "there");
        here.register("there", vec![address.parse().expect("an address")]);
        let data = payload(bytes);
        let calling = move || {
            let (here, data) = (here.clone(), data.clone());
            async move {
                let answer = here.scheduler().handle(Message::new("echo.in", data)).await;
                assert_eq!(answer.expect("answered").expect("a value").len(), bytes);
            }
        };
        take(callers, calls, calling).await
    })
}

/// Through tonic's client and server.
pub(crate) fn through_tonic(bytes: usize, callers: u32, calls: u32) -> Taken {
    runtime().block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(tonic_peer::server().serve_with_incoming(incoming));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel: Channel = endpoint
            .tcp_nodelay(true)
            .connect()
            .await
            .expect("the server is there");
        let client = proto::module_service_client::ModuleServiceClient::new(channel);
        let data = payload(bytes).bytes().clone();
        let calling = move || {
            let (mut client, data) = (client.clone(), data.clone());
            async move {
                let message = proto::Message {
                    to: "echo.in".into(),
                    from: String::new(),
                    data,
                    metadata: Default::default(),
                };
                let answer = client.send(message).await.expect("answered");
                assert_eq!(answer.into_inner().data.len(), bytes);
            }
        };
        take(callers, calls, calling).await
    })
}

/// Within one module, which is no hop.
pub(crate) fn locally(calls: u32) -> Duration {
    runtime().block_on(async {
        let here = module("here");
        here.install("echo", Arc::new(Echo), vec![]);
        let data = payload(128);
        let start = Instant::now();
        for _ in 0..calls {
            let answer = here
                .scheduler()
                .handle(Message::new("echo.in", data.clone()))
                .await;
            assert!(answer.expect("handled").is_some());
        }
        start.elapsed() / calls
    })
}

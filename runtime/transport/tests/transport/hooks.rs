//! Hooks around calls, and panics. Spec: cluster section 6, W10, W11.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use squall_cluster::{ActorRef, Delivered, Error, HistoryError, TimeTravel, WireEndpoint, async_trait};
use squall_transport::{Interceptor, Method, Rpc};
use tokio::time::sleep;
use tonic::{Code, Status};

use crate::support::raw::{Client, request};
use crate::support::{History, NODE, Slow, Workers, World, framed, text};

const SECOND: Duration = Duration::from_secs(1);

/// Panics, at once or later.
struct Panicking;

#[async_trait]
impl WireEndpoint for Panicking {
    async fn deliver_wire(&self, to: &ActorRef, _: Bytes, _: Option<&str>) -> Result<Delivered, Error> {
        sleep(SECOND).await;
        panic!("no such luck for {}", to.id);
    }

    async fn spawn_wire(&self, _: &str, _: &str, _: Option<Bytes>) -> Result<ActorRef, Error> {
        panic!("at once");
    }
}

#[async_trait]
impl TimeTravel for Panicking {
    async fn state_at(&self, _: &str, _: i64) -> Result<Bytes, HistoryError> {
        panic!("in the past");
    }

    async fn steps(&self, _: &str) -> Result<Vec<i64>, HistoryError> {
        Ok(vec![7])
    }
}

#[async_trait]
impl Interceptor for Panicking {
    async fn before(&self, rpc: &Rpc<'_>) -> Result<(), Status> {
        assert!(!rpc.headers.contains_key("x-panic"), "as asked");
        Ok(())
    }
}

/// Lets only those spawn that have the password, and remembers how calls end.
#[derive(Clone, Default)]
struct Guard(Arc<Mutex<Vec<(Method, Code)>>>);

#[async_trait]
impl Interceptor for Guard {
    async fn before(&self, rpc: &Rpc<'_>) -> Result<(), Status> {
        let is_known = rpc.headers.get("authorization").is_some_and(|it| it == "sesame");
        match rpc.method == Method::Spawn && !is_known {
            true => Err(Status::unauthenticated("say the word")),
            false => Ok(()),
        }
    }

    fn after(&self, rpc: &Rpc<'_>, code: Code) {
        self.0.lock().unwrap().push((rpc.method, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_endpoint_is_internal_and_the_server_goes_on() {
    let panicking = Arc::new(Panicking);
    let world = World::serving(|node| {
        node.endpoint(panicking.clone())
            .time_travel(panicking)
            .interceptor(Panicking)
    })
    .await;
    let client = Client::connect(&world.network.host(), &world.address).await;
    for (method, said) in [
        (Method::Deliver, "the endpoint panicked: no such luck for w-1"),
        (Method::Spawn, "the endpoint panicked: at once"),
        (Method::StateAt, "the endpoint panicked: in the past"),
    ] {
        let message = [framed(r#"{"ref":{"ID":"w-1"}}"#)];
        let answer = client
            .ask(request(method.path()).body(()).unwrap(), &message)
            .await;
        assert_eq!(answer.status(), (13, said.to_owned()));
        assert_eq!(text(&answer.headers, "crucible-error"), "panicked");
    }
    let asked = request(Method::Steps.path())
        .header("x-panic", "yes")
        .body(())
        .unwrap();
    assert_eq!(client.ask(asked, &[framed("{}")]).await.status().0, 13);
    assert_eq!(world.client.steps(NODE, "counter-1").await.unwrap(), [7]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_authorises_each_method_and_sees_how_calls_end() {
    let (workers, guard) = (Arc::new(Workers::default()), Guard::default());
    let world = World::serving(|node| {
        let history = Arc::new(History::counter());
        node.endpoint(workers.clone())
            .time_travel(history)
            .interceptor(guard.clone())
    })
    .await;
    let refused = Error::Remote {
        node: NODE.to_owned(),
        code: Code::Unauthenticated as i32,
        message: "say the word".to_owned(),
    };
    assert_eq!(world.spawn("worker", "w-1").await, Err(refused));
    assert_eq!(workers.running(), 0);
    assert_eq!(world.deliver("w-1", "\"ping\"").await, Ok(Delivered::NOBODY));
    world.client.state_at(NODE, "nope", 0).await.unwrap_err();
    let client = Client::connect(&world.network.host(), &world.address).await;
    let asked = request(Method::Spawn.path())
        .header("authorization", "sesame")
        .body(())
        .unwrap();
    let message = [framed(r#"{"src":"worker","id":"w-1"}"#)];
    assert_eq!(client.ask(asked, &message).await.status().0, 0);
    assert_eq!(workers.running(), 1);
    let unknown = request("/crucible.transport.v1.Transport/Stop").body(()).unwrap();
    assert_eq!(client.ask(unknown, &message).await.status().0, 12);
    let seen = guard.0.lock().unwrap();
    let expected = [
        (Method::Spawn, Code::Unauthenticated),
        (Method::Deliver, Code::Ok),
        (Method::StateAt, Code::NotFound),
        (Method::Spawn, Code::Ok),
    ];
    assert_eq!(*seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_hook_sees_that_a_caller_has_gone() {
    let (slow, ..) = Slow::new(5 * SECOND);
    let guard = Guard::default();
    let world = World::serving(|node| node.endpoint(Arc::new(slow)).interceptor(guard.clone())).await;
    // The client's default deadline is not known to the server, but its going is.
    let call = world.deliver("w-1", "1");
    drop(tokio::time::timeout(SECOND, call).await);
    sleep(SECOND).await;
    assert_eq!(*guard.0.lock().unwrap(), [(Method::Deliver, Code::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_hook_ends_its_call_as_internal_also_for_the_hooks_before_it() {
    let guard = Guard::default();
    let world = World::serving(|node| {
        let workers = Arc::new(Workers::default());
        node.endpoint(workers)
            .interceptor(guard.clone())
            .interceptor(Panicking)
    })
    .await;
    let client = Client::connect(&world.network.host(), &world.address).await;
    let asked = request(Method::Deliver.path())
        .header("x-panic", "yes")
        .body(())
        .unwrap();
    assert_eq!(client.ask(asked, &[framed("{}")]).await.status().0, 13);
    assert_eq!(*guard.0.lock().unwrap(), [(Method::Deliver, Code::Internal)]);
}

//! A node of the cluster runtime on real sockets, and a caller of one. `ci/interop/cluster` lets both meet a peer in Go.
//!
//! ```sh
//! cargo run --example cluster_node serve 7000
//! cargo run --example cluster_node call 127.0.0.1:7000
//! ```

#![expect(clippy::print_stdout, reason = "it talks to its user")]

use std::error::Error;
use std::fmt::Display;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use squall_cluster::{
    Actor, ActorRef, BoxError, CallOptions, Context, HistoryError, Next, System, TimeTravel, Transport as _,
    async_trait,
};
use squall_platform::TokioPlatform;
use squall_transport::{Node, Server, Transport};

const NODE: &str = "node-b";

/// Takes texts, and finishes with `finish`.
struct Worker;

#[async_trait]
impl Actor<String> for Worker {
    async fn handle(&mut self, event: String, _: &mut Context<'_, String>) -> Result<Next, BoxError> {
        Ok(match &*event {
            "finish" => Next::Done(Value::Null),
            _ => Next::Handled,
        })
    }
}

/// The past of `counter-1`.
struct History;

#[async_trait]
impl TimeTravel for History {
    async fn state_at(&self, id: &str, step: i64) -> Result<Bytes, HistoryError> {
        let last = self.steps(id).await?.len() as i64 - 1;
        if !(-1..=last).contains(&step) {
            return Err(HistoryError::OutOfRange {
                id: id.to_owned(),
                step,
                first: -1,
                last,
            });
        }
        Ok(format!(r#"{{"machine":"counter","context":{{"n":{}}}}}"#, step + 1).into())
    }

    async fn steps(&self, id: &str) -> Result<Vec<i64>, HistoryError> {
        match id {
            "counter-1" => Ok(vec![0, 1]),
            _ => Err(HistoryError::NotFound { id: id.to_owned() }),
        }
    }
}

async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let platform = TokioPlatform::new();
    let system = System::builder(platform, NODE)
        .behaviour("worker", |_| Ok(Worker))
        .build();
    let node = Node::builder(platform)
        .endpoint(Arc::new(system))
        .time_travel(Arc::new(History))
        .build();
    let server = Server::bind(platform, port, node).await?;
    println!("listening {}", server.local_addr().port());
    server.run_until(pending(), Duration::ZERO).await;
    Ok(())
}

/// Prints a line for each call, as the peer in Go does.
async fn call(address: &str) -> Result<(), Box<dyn Error>> {
    let transport = Transport::new(TokioPlatform::new());
    transport.add_node(NODE, address.parse()?);
    let options = CallOptions {
        timeout: Some(Duration::from_secs(5)),
        message_id: None,
    };
    for (src, id, input) in [
        ("worker", "w-1", Some(r#"{"k":"<é>","n":1}"#)),
        ("worker", "w-2", None),
        ("nope", "w-3", None),
        ("worker", "w-4", Some("[]")),
    ] {
        let input = input.map(Bytes::from);
        told(
            "spawn",
            id,
            transport.spawn(NODE, src, id, input, &options).await.map(shown),
        );
    }
    for (id, event) in [
        ("w-1", "\"ping\""),
        ("w-1", "\"finish\""),
        ("w-1", "\"ping\""),
        ("w-2", "42"),
    ] {
        let delivered = transport
            .deliver(&ActorRef::on(NODE, id), event.into(), &options)
            .await;
        told("deliver", id, delivered.map(|it| it.delivered));
    }
    for (id, step) in [("counter-1", -1), ("counter-1", 1), ("counter-1", 2), ("nope", 0)] {
        let state = transport.state_at(NODE, id, step).await;
        told(
            "state",
            id,
            state.map(|it| String::from_utf8_lossy(&it).into_owned()),
        );
    }
    let steps = transport.steps(NODE, "counter-1").await;
    told("steps", "counter-1", steps.map(|it| format!("{it:?}")));
    Ok(())
}

fn shown(actor: ActorRef) -> String {
    format!("{} {:?} {} {}", actor.id, actor.system_id, actor.src, actor.node)
}

fn told(what: &str, id: &str, result: Result<impl Display, impl Display>) {
    match result {
        Ok(it) => println!("{what} {id}: {it}"),
        Err(error) => println!("{what} {id}: error: {error}"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", port] => runtime.block_on(serve(port.parse()?)),
        ["call", address] => runtime.block_on(call(address)),
        _ => Err("say: serve PORT, or call ADDRESS".into()),
    }
}

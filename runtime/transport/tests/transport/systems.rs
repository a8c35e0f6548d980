//! Two systems of the cluster runtime, one of which has actors of the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use squall_cluster::{
    Actor, ActorRef, BoxError, CallOptions, Context, Delivered, Error, Input, Next, Outcome, System,
    async_trait,
};
use tokio::time::sleep;

use crate::support::{NODE, World};

/// Takes a while for each event, and finishes with `finish`.
struct Worker {
    delay: Duration,
    handled: Arc<AtomicUsize>,
}

#[async_trait]
impl Actor<String> for Worker {
    async fn handle(&mut self, event: String, _: &mut Context<'_, String>) -> Result<Next, BoxError> {
        sleep(self.delay).await;
        self.handled.fetch_add(1, Ordering::SeqCst);
        Ok(match &*event {
            "ping" => Next::Handled,
            "finish" => Next::Done(Value::Null),
            "wait" => Next::Rejected("in no mood".to_owned()),
            _ => Next::Ignored,
        })
    }
}

/// A system behind a server, and one that reaches it over gRPC.
struct Pair {
    world: World,
    near: System<String>,
    far: System<String>,
    handled: Arc<AtomicUsize>,
    inputs: Arc<Mutex<Vec<Option<Input>>>>,
}

impl Pair {
    async fn new(delay: Duration) -> Pair {
        let handled = Arc::<AtomicUsize>::default();
        let inputs = Arc::<Mutex<Vec<Option<Input>>>>::default();
        let mut far = None;
        let world = World::serving_on(|platform, node| {
            let (handled, inputs) = (Arc::clone(&handled), Arc::clone(&inputs));
            let behaviour = move |input| {
                inputs.lock().unwrap().push(input);
                Ok(Worker {
                    delay,
                    handled: Arc::clone(&handled),
                })
            };
            let system = System::builder(platform, NODE)
                .behaviour("worker", behaviour)
                .behaviour("broken", |_| Err::<Worker, _>("as always".into()))
                .build();
            far = Some(system.clone());
            node.endpoint(Arc::new(system))
        })
        .await;
        let near = System::builder(world.network.host(), "node-a")
            .transport(Arc::new(world.client.clone()))
            .build();
        Pair {
            world,
            near,
            far: far.unwrap(),
            handled,
            inputs,
        }
    }

    async fn spawn(&self, src: &str, id: &str) -> Result<ActorRef, Error> {
        self.near.spawn(NODE, src, id, None).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_spawned_told_and_finished_on_the_other_node() {
    let pair = Pair::new(Duration::ZERO).await;
    let input = serde_json::json!({"k": "v", "n": 1}).as_object().cloned();
    let actor = pair
        .near
        .spawn(NODE, "worker", "w-1", input.clone())
        .await
        .unwrap();
    assert_eq!((&*actor.id, &*actor.node, &*actor.src), ("w-1", NODE, "worker"));
    assert_eq!((pair.near.running(), pair.far.running()), (0, 1));
    assert_eq!(*pair.inputs.lock().unwrap(), [input]);
    for (event, outcome) in [
        ("ping", Outcome::Handled),
        ("wait", Outcome::Rejected("in no mood".to_owned())),
        ("what", Outcome::Ignored),
        ("finish", Outcome::Handled),
    ] {
        let delivered = pair.near.deliver(&actor, event.to_owned()).await;
        assert_eq!(delivered, Ok(Delivered::to_actor(outcome)), "{event}");
    }
    assert_eq!(pair.far.running(), 0);
    let delivered = pair.near.deliver(&actor, "ping".to_owned()).await;
    assert_eq!(delivered, Ok(Delivered::NOBODY));
}

#[tokio::test(start_paused = true)]
async fn the_errors_of_the_other_node_are_those_of_a_call_there() {
    let pair = Pair::new(Duration::ZERO).await;
    for (src, id) in [("nope", "w-1"), ("broken", "w-2")] {
        let over_there = pair.far.spawn_local(src, id, None).await;
        assert!(over_there.is_err());
        assert_eq!(pair.spawn(src, id).await, over_there);
    }
    pair.spawn("worker", "w-3").await.unwrap();
    let conflict = pair.spawn("broken", "w-3").await;
    assert!(matches!(conflict, Err(Error::Conflict { .. })), "{conflict:?}");
    let delivered = pair.world.deliver("w-3", "42").await;
    assert!(matches!(delivered, Err(Error::BadPayload { id, .. }) if id == "w-3"));
}

#[tokio::test(start_paused = true)]
async fn a_message_with_an_id_is_handled_once_although_its_answer_was_lost() {
    let pair = Pair::new(Duration::from_secs(1)).await;
    pair.spawn("worker", "w-1").await.unwrap();
    let patient = |message_id: Option<&str>| CallOptions {
        timeout: Some(Duration::from_secs(300)),
        message_id: message_id.map(str::to_owned),
    };
    let cut = async {
        sleep(Duration::from_millis(500)).await;
        pair.world.network.cut();
    };
    let options = patient(Some("m-1"));
    let (delivered, ()) = tokio::join!(pair.world.deliver_with("w-1", "\"ping\"", &options), cut);
    assert_eq!(delivered, Ok(Delivered::to_actor(Outcome::Handled)));
    assert_eq!(pair.handled.load(Ordering::SeqCst), 1);
    // Without an id nobody knows, and nothing is repeated.
    let cut = async {
        sleep(Duration::from_millis(500)).await;
        pair.world.network.cut();
    };
    let options = patient(None);
    let (delivered, ()) = tokio::join!(pair.world.deliver_with("w-1", "\"ping\"", &options), cut);
    assert!(delivered.unwrap_err().may_have_happened());
    assert_eq!(pair.handled.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_handled_to_its_end_when_its_sender_has_given_up() {
    let pair = Pair::new(Duration::from_secs(5)).await;
    pair.spawn("worker", "w-1").await.unwrap();
    let options = CallOptions {
        timeout: Some(Duration::from_secs(1)),
        message_id: None,
    };
    let late = pair.world.deliver_with("w-1", "\"finish\"", &options).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })));
    assert_eq!((pair.far.running(), pair.handled.load(Ordering::SeqCst)), (1, 0));
    sleep(Duration::from_secs(5)).await;
    assert_eq!((pair.far.running(), pair.handled.load(Ordering::SeqCst)), (0, 1));
}

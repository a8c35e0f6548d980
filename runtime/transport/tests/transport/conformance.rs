//! The checklist of the specification, section 5a, line by line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, HistoryError, Transport as _, async_trait};
use squall_memory::{Memory, Network};
use squall_transport::{Interceptor, QueryError, Rpc, Transport};
use tonic::Status;

use crate::support::{History, NODE, Workers, World};

/// Counts calls, by their paths.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

#[async_trait]
impl Interceptor for Counting {
    async fn before(&self, rpc: &Rpc<'_>) -> Result<(), Status> {
        assert!(rpc.path().starts_with("/crucible.transport.v1."));
        let _: &HeaderMap = rpc.headers;
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn line_01_a_spawned_actor_has_the_asked_id_and_node_and_runs_there() {
    let (world, workers) = World::new().await;
    let actor = world.spawn("worker", "w-1").await.unwrap();
    let expected = ActorRef {
        src: "worker".to_owned(),
        ..ActorRef::on(NODE, "w-1")
    };
    assert_eq!(actor, expected);
    assert_eq!(workers.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn line_02_an_actor_that_is_told_to_finish_is_delivered_to_and_runs_no_more() {
    let (world, workers) = World::new().await;
    let actor = world.spawn("worker", "w-1").await.unwrap();
    let options = CallOptions::default();
    let deliver = |event| world.client.deliver(&actor, Bytes::from_static(event), &options);
    assert_eq!(deliver(br#""finish""#).await, Ok(Delivered::to_actor(None)));
    assert_eq!(workers.running(), 0);
    assert_eq!(deliver(br#""finish""#).await, Ok(Delivered::NOBODY));
}

#[tokio::test(start_paused = true)]
async fn line_03_and_04_a_node_that_was_never_added_is_unreachable() {
    let client = Transport::new(Network::default().host());
    let (to, options) = (ActorRef::on("nowhere", "w-1"), CallOptions::default());
    let unreachable = Error::NodeUnreachable {
        node: "nowhere".to_owned(),
    };
    // That is found out before the payload is looked at.
    let delivered = client.deliver(&to, "no JSON".into(), &options).await;
    assert_eq!(delivered, Err(unreachable.clone()));
    let spawned = client.spawn("nowhere", "worker", "w-1", None, &options).await;
    assert_eq!(spawned, Err(unreachable));
}

#[tokio::test(start_paused = true)]
async fn line_05_an_interceptor_sees_a_spawn_and_a_delivery_once_each() {
    let (workers, counting) = (Arc::new(Workers::default()), Counting::default());
    let world = World::serving(|node| node.endpoint(workers.clone()).interceptor(counting.clone())).await;
    let options = CallOptions::default();
    let input = Bytes::from_static(br#"{"k":"v","n":1}"#);
    let spawn = world
        .client
        .spawn(NODE, "worker", "w-1", Some(input.clone()), &options);
    let actor = spawn.await.unwrap();
    assert_eq!(workers.inputs(), [Some(input)]);
    let delivered = world.client.deliver(&actor, "\"ping\"".into(), &options).await;
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
    assert_eq!(counting.0.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn line_06_an_unknown_source_is_an_error_over_the_wire() {
    let (world, workers) = World::new().await;
    let unknown = Error::UnknownSource {
        id: "w-3".to_owned(),
        src: "nope".to_owned(),
        node: NODE.to_owned(),
    };
    assert_eq!(world.spawn("nope", "w-3").await, Err(unknown));
    assert_eq!(workers.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn line_07_and_08_what_is_no_json_is_an_error_that_names_the_actor_and_is_not_sent() {
    let (world, _) = World::new().await;
    let is_bad = |error: Error| matches!(error, Error::BadPayload { id, .. } if id == "w-1");
    let delivered = world.deliver("w-1", "{").await;
    assert!(is_bad(delivered.unwrap_err()));
    let options = CallOptions::default();
    let spawned = world
        .client
        .spawn(NODE, "worker", "w-1", Some("nan".into()), &options);
    assert!(is_bad(spawned.await.unwrap_err()));
    assert_eq!(world.network.dials(&world.address), 0);
}

#[tokio::test(start_paused = true)]
async fn line_09_the_past_at_a_node_that_was_never_added_is_unreachable() {
    let client = Transport::new(Network::default().host());
    let unreachable = QueryError::Call(Error::NodeUnreachable {
        node: "nowhere".to_owned(),
    });
    let state = client.state_at("nowhere", "counter-1", 0).await;
    assert_eq!(state, Err(unreachable.clone()));
    assert_eq!(client.steps("nowhere", "counter-1").await, Err(unreachable));
}

#[test]
fn line_10_the_client_is_a_transport_of_the_cluster() {
    let client = Transport::new(Network::default().host());
    let _: Arc<dyn squall_cluster::Transport> = Arc::<Transport<Memory>>::new(client);
}

#[tokio::test(start_paused = true)]
async fn line_11_the_last_recorded_state_and_the_one_before_are_right_once_decoded() {
    let (world, _) = World::new().await;
    for (step, current) in [(1, "c"), (0, "b"), (-1, "a")] {
        let snapshot = world.client.state_at(NODE, "counter-1", step).await.unwrap();
        let snapshot: Value = serde_json::from_slice(&snapshot).unwrap();
        assert_eq!(snapshot["current"], current, "step {step}");
    }
    assert_eq!(world.client.steps(NODE, "counter-1").await.unwrap(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn line_12_an_interceptor_sees_a_look_at_the_past_once() {
    let counting = Counting::default();
    let history = Arc::new(History::counter());
    let world = World::serving(|node| node.time_travel(history).interceptor(counting.clone())).await;
    world.client.state_at(NODE, "counter-1", 0).await.unwrap();
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn line_13_the_past_of_an_unknown_instance_is_an_error_over_the_wire() {
    let (world, _) = World::new().await;
    let not_found = QueryError::History(HistoryError::NotFound {
        id: "nope".to_owned(),
    });
    assert_eq!(
        world.client.state_at(NODE, "nope", 0).await,
        Err(not_found.clone())
    );
    assert_eq!(world.client.steps(NODE, "nope").await, Err(not_found));
    let out_of_range = QueryError::History(HistoryError::OutOfRange {
        id: "counter-1".to_owned(),
        step: 2,
        first: -1,
        last: 1,
    });
    assert_eq!(
        world.client.state_at(NODE, "counter-1", 2).await,
        Err(out_of_range)
    );
}

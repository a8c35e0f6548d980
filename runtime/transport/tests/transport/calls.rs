//! The client: deadlines, repetitions, the table of nodes, errors. Spec: cluster section 6.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, Outcome, Transport as _};
use squall_memory::Link;
use squall_transport::{ClientConfig, QueryError, Transport};
use tokio::time::Instant;

use crate::support::peer::{Peer, unavailable, with_id, within};
use crate::support::{NODE, Telling, World, endpoint, framed, raw, text};

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_unavailable_and_is_tried_once() {
    let peer = Peer::new().await;
    peer.network.set_link(&peer.address, Link::Refused);
    let error = peer.deliver(&CallOptions::default()).await.unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(unavailable(error), Some(false));
    assert_eq!(peer.network.dials(&peer.address), 1);
    // Once it is there again, so is the node: nothing has to be waited for.
    peer.network.set_link(&peer.address, Link::Open);
    let mut asked = peer.asked;
    let to = ActorRef::on(NODE, "w-1");
    let options = CallOptions::default();
    let (delivered, ()) = tokio::join!(peer.client.deliver(&to, "1".into(), &options), async {
        asked.recv().await.unwrap().answer(r#"{"delivered":true}"#, &[]);
    });
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_answers_is_waited_for_until_the_default_deadline() {
    let mut peer = Peer::new().await;
    let begun = Instant::now();
    let late = Error::DeadlineExceeded {
        node: NODE.to_owned(),
    };
    assert_eq!(peer.deliver(&CallOptions::default()).await, Err(late.clone()));
    assert_eq!(begun.elapsed(), ClientConfig::default().timeout);
    let asked = peer.asked.recv().await.unwrap();
    assert_eq!(text(asked.request.headers(), "grpc-timeout"), "");
    // The caller's own is sent along.
    let begun = Instant::now();
    assert_eq!(peer.spawn(&within(Duration::from_secs(2))).await, Err(late));
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    let asked = peer.asked.recv().await.unwrap();
    assert_eq!(text(asked.request.headers(), "grpc-timeout"), "2000000u");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_dialled_in_time_has_certainly_received_nothing() {
    let peer = Peer::new().await;
    peer.network.set_link(&peer.address, Link::BlackHole);
    let error = peer.deliver(&within(Duration::from_secs(1))).await.unwrap_err();
    assert_eq!(unavailable(error), Some(false));
}

#[tokio::test(start_paused = true)]
async fn without_any_time_nothing_is_sent() {
    let mut peer = Peer::new().await;
    let (client, to) = (peer.client.clone(), ActorRef::on(NODE, "w-1"));
    let options = CallOptions::default();
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        peer.asked.recv().await.unwrap().answer("{}", &[]);
    });
    assert_eq!(delivered, Ok(Delivered::NOBODY));
    let error = peer.deliver(&within(Duration::ZERO)).await.unwrap_err();
    assert_eq!(unavailable(error), Some(false));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(peer.asked.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_may_have_delivered() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    let host = peer.host.clone();
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        let _asked = peer.asked.recv().await.unwrap();
        host.kill();
    });
    assert_eq!(delivered.map_err(unavailable), Err(Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_removed_node_is_unreachable_and_a_new_one_of_its_name_takes_its_place() {
    let (world, workers) = World::new().await;
    assert_eq!(world.client.nodes(), [NODE]);
    world.spawn("worker", "w-1").await.unwrap();
    assert!(world.client.remove_node(NODE));
    assert!(!world.client.remove_node(NODE));
    let unreachable = Error::NodeUnreachable {
        node: NODE.to_owned(),
    };
    assert_eq!(world.deliver("w-1", "\"ping\"").await, Err(unreachable));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.network.open_streams(), 0, "nobody holds its connection");
    world.client.add_node(NODE, world.address.clone());
    assert_eq!(
        world.deliver("w-1", "\"ping\"").await,
        Ok(Delivered::to_actor(None))
    );
    assert_eq!(workers.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_survives_the_removal_of_its_node() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        let asked = peer.asked.recv().await.unwrap();
        assert!(client.remove_node(NODE));
        tokio::time::sleep(Duration::from_secs(5)).await;
        asked.answer(r#"{"delivered":true}"#, &[]);
    });
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
}

#[tokio::test(start_paused = true)]
async fn outcomes_and_message_ids_arrive() {
    let telling = Arc::new(Telling::default());
    let world = World::serving(|node| node.endpoint(telling.clone())).await;
    for (event, outcome) in [
        ("1", Outcome::Handled),
        ("2", Outcome::Ignored),
        ("3", Outcome::Rejected("not é now".to_owned())),
        ("4", Outcome::Failed("broken".to_owned())),
    ] {
        let delivered = world.deliver("w-1", event).await;
        assert_eq!(delivered, Ok(Delivered::to_actor(outcome)));
    }
    world.deliver_with("w-1", "1", &with_id()).await.unwrap();
    let ids = telling.ids.lock().unwrap();
    assert_eq!(ids.last().unwrap().as_deref(), Some("m-1"));
    assert_eq!(ids.iter().flatten().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_under_a_wrong_name_refuses_and_says_so() {
    let (world, _) = World::new().await;
    world.client.add_node("node-c", world.address.clone());
    let to = ActorRef::on("node-c", "w-1");
    let options = CallOptions::default();
    let delivered = world.client.deliver(&to, "\"ping\"".into(), &options);
    let wrong = Error::WrongNode {
        id: "w-1".to_owned(),
        wanted: "node-c".to_owned(),
        node: NODE.to_owned(),
    };
    assert_eq!(delivered.await, Err(wrong));
}

#[tokio::test(start_paused = true)]
async fn answers_that_cannot_be_read_are_errors_of_the_remote_node() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    for answer in ["", "{", "[]", r#"{"delivered":1}"#] {
        let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
            peer.asked.recv().await.unwrap().answer(answer, &[]);
        });
        assert!(
            matches!(delivered, Err(Error::Remote { code: 13, .. })),
            "{answer}: {delivered:?}"
        );
    }
    // While names in any case and unknown members are those of a newer node.
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        let answer = r#"{"Delivered":true,"actorEpoch":3}"#;
        peer.asked
            .recv()
            .await
            .unwrap()
            .answer(answer, &[("crucible-outcome", "of-tomorrow")]);
    });
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
}

#[tokio::test(start_paused = true)]
async fn a_node_in_go_has_no_steps() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (steps, ()) = tokio::join!(client.steps(NODE, "counter-1"), async {
        let asked = peer.asked.recv().await.unwrap();
        assert_eq!(
            asked.request.uri().path(),
            "/crucible.transport.v1.TimeTravel/Steps"
        );
        assert_eq!(asked.body, framed(r#"{"id":"counter-1"}"#));
        asked.fail(
            12,
            "unknown method Steps for service crucible.transport.v1.TimeTravel",
        );
    });
    assert!(matches!(
        steps,
        Err(QueryError::Call(Error::Remote { code: 12, .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn the_services_of_a_node_may_have_an_endpoint_each() {
    let mut peer = Peer::new().await;
    let client = Transport::new(peer.network.host());
    let (actors, mut delivered, _server) = raw::serve(&peer.host).await;
    client.add_node_with_time_travel(NODE, actors, peer.address.clone());
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    let (state, (), result) = tokio::join!(
        client.state_at(NODE, "counter-1", 0),
        async {
            peer.asked
                .recv()
                .await
                .unwrap()
                .answer(r#"{"snapshot":"e30="}"#, &[]);
            delivered
                .recv()
                .await
                .unwrap()
                .answer(r#"{"delivered":true}"#, &[]);
        },
        client.deliver(&to, "1".into(), &options),
    );
    assert_eq!(state, Ok(Bytes::from_static(b"{}")));
    assert_eq!(result, Ok(Delivered::to_actor(None)));
}

#[tokio::test(start_paused = true)]
async fn payloads_beyond_the_limit_are_refused_before_anything_is_sent() {
    let config = ClientConfig {
        send_bytes_max: 200,
        ..ClientConfig::default()
    };
    let world = World::with_client(config, endpoint(Telling::default())).await;
    let event = |length: usize| Bytes::from(format!("\"{}\"", "x".repeat(length - 2)));
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    for length in [100, 151, 1000] {
        let refused = world.client.deliver(&to, event(length), &options).await;
        let Err(Error::BadPayload { reason, .. }) = refused else {
            panic!("{length}: {refused:?}");
        };
        assert!(reason.contains("more than the limit of 200"), "{reason}");
    }
    assert_eq!(world.network.dials(&world.address), 0);
    assert!(world.client.deliver(&to, event(30), &options).await.is_ok());
}

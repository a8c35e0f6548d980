//! What a server grants its callers, and what it does not. Spec: cluster section 6.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, Transport as _};
use squall_grpc::{Limits, Serving};
use squall_memory::Network;
use squall_platform::Platform;
use squall_transport::{ClientConfig, Method, Node, QueryError, Server, ServerConfig, Transport};
use tokio::time::{Instant, sleep};

use crate::support::peer::within;
use crate::support::raw::{Client, request};
use crate::support::{History, NODE, Slow, Workers, World, endpoint, framed, history};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_delivery_and_a_spawn_go_on_when_their_callers_have_gone() {
    let (slow, begun, ended) = Slow::new(5 * SECOND);
    let world = World::serving(endpoint(slow)).await;
    let late = world.deliver_with("w-1", "1", &within(SECOND)).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })));
    let late = world
        .client
        .spawn(NODE, "worker", "w-1", None, &within(SECOND))
        .await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })));
    // A caller that dies is one that goes.
    let client = Client::connect(&world.network.host(), &world.address).await;
    let deliver = request(Method::Deliver.path()).body(()).unwrap();
    let call = client.begin(deliver, framed(r#"{"ref":{"ID":"w-1"}}"#)).await;
    sleep(SECOND).await;
    drop((call, client));
    sleep(SECOND).await;
    assert_eq!(
        (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)),
        (3, 0)
    );
    sleep(6 * SECOND).await;
    assert_eq!(ended.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn looking_at_the_past_ends_with_its_caller() {
    let (slow, begun, ended) = Slow::new(100 * SECOND);
    let world = World::serving(history(slow)).await;
    let state = world.client.state_at(NODE, "counter-1", 0).await;
    assert!(matches!(
        state,
        Err(QueryError::Call(Error::DeadlineExceeded { .. }))
    ));
    sleep(200 * SECOND).await;
    assert_eq!(
        (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn no_call_takes_longer_than_the_server_grants() {
    let (slow, ..) = Slow::new(1000 * SECOND);
    let world = World::serving(endpoint(slow)).await;
    let begun = Instant::now();
    let late = world.deliver_with("w-1", "1", &within(500 * SECOND)).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })));
    assert_eq!(
        begun.elapsed().as_secs(),
        ServerConfig::default().time_max.as_secs()
    );
    // The caller's own deadline counts, if it is earlier.
    let client = Client::connect(&world.network.host(), &world.address).await;
    let asked = request(Method::Deliver.path())
        .header("grpc-timeout", "2S")
        .body(())
        .unwrap();
    let begun = Instant::now();
    let answer = client.ask(asked, &[framed("{}")]).await;
    assert_eq!(answer.status(), (4, "there was no answer within 2s".to_owned()));
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_is_not_waited_for_any_longer() {
    let (world, _) = World::new().await;
    let client = Client::connect(&world.network.host(), &world.address).await;
    let begun = Instant::now();
    for body in [Bytes::new(), framed("{}").slice(..6)] {
        let (response, _open) = client
            .begin(request(Method::Spawn.path()).body(()).unwrap(), body)
            .await;
        let answer = crate::support::raw::read(response.await.unwrap()).await;
        assert_eq!(answer.status().0, 4);
    }
    assert!(begun.elapsed() <= 2 * ServerConfig::default().time_max + SECOND);
}

#[tokio::test(start_paused = true)]
async fn names_are_checked_before_the_endpoint_sees_them() {
    let (world, workers) = World::new().await;
    let long = "x".repeat(257);
    for id in [&*long, "a\nb", "\u{7f}"] {
        let Err(Error::Remote { code: 3, message, .. }) = world.spawn("worker", id).await else {
            panic!("{id:?} was accepted");
        };
        assert!(message.starts_with("id has"), "{message}");
        assert!(matches!(
            world.spawn(id, "w-1").await,
            Err(Error::Remote { code: 3, .. })
        ));
        assert!(matches!(
            world.deliver(id, "1").await,
            Err(Error::Remote { code: 3, .. })
        ));
        let state = world.client.state_at(NODE, id, 0).await;
        assert!(matches!(
            state,
            Err(QueryError::Call(Error::Remote { code: 3, .. }))
        ));
        let options = CallOptions {
            message_id: Some(id.to_owned()),
            ..CallOptions::default()
        };
        let delivered = world.deliver_with("w-1", "1", &options).await;
        assert!(matches!(delivered, Err(Error::Remote { code: 3, .. })));
    }
    assert_eq!(workers.running(), 0);
    world.spawn("worker", &long[1..]).await.unwrap();
    world.spawn("worker", "é/ü ..").await.unwrap();
    assert_eq!(workers.running(), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_are_refused_and_work_without_a_caller_counts() {
    let (slow, begun, _) = Slow::new(5 * SECOND);
    let config = ServerConfig {
        calls_max: 2,
        ..ServerConfig::default()
    };
    let world = World::serving(|node| node.endpoint(Arc::new(slow)).config(config)).await;
    for _ in 0..2 {
        world.deliver_with("w-1", "1", &within(SECOND)).await.unwrap_err();
    }
    let Err(Error::Remote { code: 8, message, .. }) = world.deliver("w-1", "1").await else {
        panic!("it was accepted");
    };
    assert!(message.contains("2 calls"), "{message}");
    sleep(5 * SECOND).await;
    assert!(world.deliver("w-1", "1").await.is_ok());
    assert_eq!(begun.load(Ordering::SeqCst), 3);
}

/// A history with one snapshot of this length.
fn large(length: usize) -> History {
    let snapshot = format!("\"{}\"", "x".repeat(length - 2)).into();
    History([("large".to_owned(), [(0, snapshot)].into())].into())
}

#[tokio::test(start_paused = true)]
async fn snapshots_fit_as_they_do_in_go_and_larger_ones_if_both_sides_agree() {
    let state = async |world: &World| world.client.state_at(NODE, "large", 0).await;
    let world = World::serving(history(large(3_145_000))).await;
    assert_eq!(state(&world).await.unwrap().len(), 3_145_000);
    let world = World::serving(history(large(3_146_000))).await;
    let Err(QueryError::Call(Error::Remote { code: 8, message, .. })) = state(&world).await else {
        panic!("it was accepted");
    };
    assert!(message.contains("send_bytes_max"), "{message}");
    let config = ServerConfig {
        send_bytes_max: 8 << 20,
        ..ServerConfig::default()
    };
    let build = |node: squall_transport::Builder| history(large(3_146_000))(node).config(config);
    let world = World::serving(build).await;
    assert!(matches!(
        state(&world).await,
        Err(QueryError::Call(Error::Remote { code: 8, .. }))
    ));
    let client = ClientConfig {
        receive_bytes_max: 8 << 20,
        ..ClientConfig::default()
    };
    let world = World::with_client(client, build).await;
    assert_eq!(state(&world).await.unwrap().len(), 3_146_000);
}

#[tokio::test(start_paused = true)]
async fn requests_may_be_larger_if_both_sides_agree() {
    let client = ClientConfig {
        send_bytes_max: 16 << 20,
        ..ClientConfig::default()
    };
    let event: Bytes = format!("\"{}\"", "x".repeat(6 << 20)).into();
    for (receive_bytes_max, is_accepted) in [(4 << 20, false), (16 << 20, true)] {
        let workers = Arc::new(Workers::default());
        let config = ServerConfig {
            receive_bytes_max,
            ..ServerConfig::default()
        };
        let world = World::with_client(client, |node| node.endpoint(workers).config(config)).await;
        let to = ActorRef::on(NODE, "w-1");
        let delivered = world
            .client
            .deliver(&to, event.clone(), &CallOptions::default())
            .await;
        match is_accepted {
            true => assert_eq!(delivered, Ok(Delivered::NOBODY)),
            false => assert!(
                matches!(delivered, Err(Error::Remote { code: 8, .. })),
                "{delivered:?}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_calls_in_flight_and_takes_no_new_connections() {
    let (slow, begun, _) = Slow::new(5 * SECOND);
    let mut world = World::serving(endpoint(slow)).await;
    let shutdown = world.shutdown.take().unwrap();
    let (delivered, ()) = tokio::join!(world.deliver("w-1", "1"), async {
        sleep(SECOND).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        drop(shutdown);
    });
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
    let refused = world.deliver("w-1", "1").await.unwrap_err();
    assert!(refused.is_unreachable(), "{refused}");
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_held_count_for_the_limits_of_the_server() {
    let limits = Limits {
        connection_bytes: 1 << 20,
        ..Limits::generous()
    };
    let serving = Serving {
        limits,
        ..Serving::default()
    };
    let network = Network::default();
    let host = network.host();
    let node = history(large(3_000_000))(Node::builder(host.clone())).build();
    let server = Server::bind(host.clone(), 0, node)
        .await
        .unwrap()
        .serving(serving);
    let client = Transport::new(network.host());
    client.add_node(NODE, server.local_addr().to_string().parse().unwrap());
    host.spawn(server.run());
    let Err(QueryError::Call(Error::Remote { code: 8, message, .. })) =
        client.state_at(NODE, "large", 0).await
    else {
        panic!("it was sent");
    };
    assert!(message.contains("thrown away"), "{message}");
}

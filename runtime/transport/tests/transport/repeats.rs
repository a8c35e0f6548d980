//! Which calls are repeated, and how often. Spec: cluster section 6, W5.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use squall_cluster::{ActorRef, CallOptions, Delivered, Transport as _};
use squall_memory::Link;
use squall_transport::ClientConfig;
use tokio::time::Instant;

use crate::support::NODE;
use crate::support::peer::{Peer, unavailable, with_id};

#[tokio::test(start_paused = true)]
async fn a_delivery_with_an_id_is_repeated_and_one_without_is_not() {
    let mut peer = Peer::new().await;
    let options = CallOptions::default();
    let client = peer.client.clone();
    let to = ActorRef::on(NODE, "w-1");
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        peer.asked.recv().await.unwrap().fail(14, "later");
    });
    assert_eq!(delivered.map_err(unavailable), Err(Some(true)));
    assert!(peer.asked.try_recv().is_err(), "it was asked once");
    let options = with_id();
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        let mut bodies = Vec::new();
        for _ in 0..2 {
            let asked = peer.asked.recv().await.unwrap();
            bodies.push(asked.body.clone());
            asked.fail(14, "later");
        }
        let asked = peer.asked.recv().await.unwrap();
        let message: Value = serde_json::from_slice(&asked.body[5..]).unwrap();
        assert_eq!(message["messageId"], "m-1");
        assert_eq!(bodies, [asked.body.clone(), asked.body.clone()]);
        asked.answer(r#"{"delivered":true}"#, &[]);
    });
    assert_eq!(delivered, Ok(Delivered::to_actor(None)));
}

#[tokio::test(start_paused = true)]
async fn other_errors_are_not_repeated_whatever_the_id() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), with_id());
    for code in [1, 2, 4, 8, 13] {
        let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
            peer.asked.recv().await.unwrap().fail(code, "no");
        });
        assert!(delivered.is_err());
        assert!(peer.asked.try_recv().is_err(), "code {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn repetitions_are_bounded_in_number_and_in_time() {
    let peer = Peer::new().await;
    peer.network.set_link(&peer.address, Link::Refused);
    let begun = Instant::now();
    let error = peer.deliver(&with_id()).await.unwrap_err();
    assert_eq!(unavailable(error), Some(false));
    let config = ClientConfig::default();
    assert_eq!(peer.network.dials(&peer.address), config.repeats_max as usize + 1);
    let pauses = Duration::from_millis(100 + 200 + 400 + 800 + 1600);
    assert!(
        (pauses / 2..=pauses + Duration::from_millis(9)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    let (before, begun) = (peer.network.dials(&peer.address), Instant::now());
    let limit = Duration::from_millis(120);
    let options = CallOptions {
        timeout: Some(limit),
        ..with_id()
    };
    peer.deliver(&options).await.unwrap_err();
    assert!(begun.elapsed() <= limit);
    assert_eq!(
        peer.network.dials(&peer.address),
        before + 2,
        "at once, and after the first pause"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_attempt_may_have_done_a_refused_one_does_not_undo() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), with_id());
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        let _asked = peer.asked.recv().await.unwrap();
        peer.network.set_link(&peer.address, Link::Refused);
        peer.host.kill();
    });
    assert_eq!(delivered.map_err(unavailable), Err(Some(true)));
    assert!(peer.network.dials(&peer.address) > 1);
}

#[tokio::test(start_paused = true)]
async fn a_spawn_is_repeated_only_if_the_node_has_certainly_not_received_it() {
    let mut peer = Peer::new().await;
    let (client, options) = (peer.client.clone(), with_id());
    let (spawned, ()) = tokio::join!(client.spawn(NODE, "worker", "w-1", None, &options), async {
        peer.asked.recv().await.unwrap().fail(14, "later");
    });
    assert_eq!(spawned.map_err(unavailable), Err(Some(true)));
    assert!(peer.asked.try_recv().is_err());
    let peer = Peer::new().await;
    peer.network.set_link(&peer.address, Link::Refused);
    assert_eq!(peer.spawn(&options).await.map_err(unavailable), Err(Some(false)));
    let repeats = ClientConfig::default().repeats_max as usize;
    assert_eq!(peer.network.dials(&peer.address), 1 + repeats);
}

#[tokio::test(start_paused = true)]
async fn what_the_peer_says_it_has_not_processed_is_sent_again_transparently() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (to, options) = (ActorRef::on(NODE, "w-1"), CallOptions::default());
    let (delivered, ()) = tokio::join!(client.deliver(&to, "1".into(), &options), async {
        peer.asked.recv().await.unwrap().reset(h2::Reason::REFUSED_STREAM);
        peer.asked
            .recv()
            .await
            .unwrap()
            .answer(r#"{"delivered":false}"#, &[]);
    });
    assert_eq!(delivered, Ok(Delivered::NOBODY));
}

#[tokio::test(start_paused = true)]
async fn queries_are_repeated_when_the_node_is_unavailable() {
    let mut peer = Peer::new().await;
    let client = peer.client.clone();
    let (state, ()) = tokio::join!(client.state_at(NODE, "counter-1", 0), async {
        peer.asked.recv().await.unwrap().fail(14, "later");
        peer.asked
            .recv()
            .await
            .unwrap()
            .answer(r#"{"snapshot":"e30="}"#, &[]);
    });
    assert_eq!(state, Ok(Bytes::from_static(b"{}")));
}

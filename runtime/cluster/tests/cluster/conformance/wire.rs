//! A node as its server sees it: lines 15 to 19.

use bytes::Bytes;
use squall_cluster::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_15_an_event_in_json_is_decoded_and_delivered() {
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let to = ActorRef::on("a", "w");
    let answer = a.deliver_wire(&to, Bytes::from(r#""Finish""#), None).await;
    assert_eq!((answer, a.running()), (Ok(handled()), 0));
}

#[tokio::test(start_paused = true)]
async fn line_16_an_input_in_json_is_decoded_and_given_to_the_behaviour() {
    let (a, shared) = node("a");
    let input = Bytes::from(r#"{"start":5,"more":{"deep":[1]}}"#);
    let reference = a.spawn_wire("worker", "w", Some(input)).await.unwrap();
    assert_eq!((&*reference.id, &*reference.node, a.running()), ("w", "a", 1));
    settled().await;
    assert_eq!(shared.take(), ["w starts with 5"]);
}

#[tokio::test(start_paused = true)]
async fn line_17_no_bytes_and_null_are_no_input_and_the_zero_event() {
    let (a, _) = node("a");
    for (id, nothing) in [("w-1", None), ("w-2", Some("")), ("w-3", Some("null"))] {
        a.spawn_wire("worker", id, nothing.map(Bytes::from))
            .await
            .unwrap();
    }
    for nothing in ["", "null", " null "] {
        let answer = a
            .deliver_wire(&ActorRef::local("w-1"), Bytes::from(nothing), None)
            .await;
        // The actor ignores the zero event, and lives.
        assert_eq!(answer, Ok(Delivered::to_actor(Outcome::Ignored)));
    }
    assert_eq!(a.running(), 3);
}

#[tokio::test(start_paused = true)]
async fn line_18_bad_json_is_an_error_and_has_no_effect() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    settled().await;
    shared.take();
    for bad in ["{", r#""Unknown""#, r#"{"Add":"x"}"#, "\u{1}"] {
        let error = a
            .deliver_wire(&ActorRef::local("w"), Bytes::from(bad), None)
            .await;
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::BadPayload { id, .. } if id == "w"),
            "{bad}: {error}"
        );
    }
    for bad in ["{", "[]", "3", r#""text""#] {
        let error = a.spawn_wire("worker", "x", Some(Bytes::from(bad))).await;
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::BadPayload { id, .. } if id == "x"),
            "{bad}: {error}"
        );
    }
    assert_eq!((a.running(), shared.take()), (1, vec![]));
}

#[test]
fn line_19_a_system_is_an_endpoint_and_so_is_its_weak_handle() {
    fn endpoint<T: WireEndpoint>() {}
    endpoint::<System<Ask>>();
    endpoint::<WeakSystem<Ask>>();
}

#[tokio::test(start_paused = true)]
async fn a_reference_of_another_node_is_refused() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let error = a
        .deliver_wire(&ActorRef::on("b", "w"), Bytes::from(r#"{"Add":1}"#), None)
        .await;
    let expected = Error::WrongNode {
        id: "w".to_owned(),
        wanted: "b".to_owned(),
        node: "a".to_owned(),
    };
    assert_eq!(error, Err(expected));
    settled().await;
    assert_eq!(shared.take(), ["w starts with 0"]);
}

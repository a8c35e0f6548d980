//! Spawns: lines 7 to 11.

use squall_cluster::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_07_spawns_by_the_own_name_and_by_no_name_are_local() {
    let (a, _) = node("a");
    let first = a.spawn("a", "worker", "w-1", None).await.unwrap();
    let expected = ActorRef {
        src: "worker".to_owned(),
        ..ActorRef::on("a", "w-1")
    };
    assert_eq!((first, a.running()), (expected, 1));
    let second = a.spawn("", "worker", "w-2", None).await.unwrap();
    assert_eq!((&*second.node, a.running()), ("a", 2));
}

#[tokio::test(start_paused = true)]
async fn line_08_a_remote_spawn_runs_there_and_is_driven_through_its_reference() {
    let (a, b, shared, _) = pair();
    let start = input(serde_json::json!({ "start": 40 }));
    let reference = a.spawn("b", "worker", "w", start).await.unwrap();
    assert_eq!(reference.to_string(), "w@b");
    assert_eq!((a.running(), b.running()), (0, 1));
    assert_eq!(a.deliver(&reference, Ask::Add(2)).await, Ok(handled()));
    assert_eq!(a.deliver(&reference, Ask::Finish).await, Ok(handled()));
    assert_eq!(b.running(), 0);
    assert_eq!(life(&b, "w"), Life::Done(42.into()));
    assert_eq!(a.deliver(&reference, Ask::Add(1)).await, Ok(Delivered::NOBODY));
    assert_eq!(shared.take(), ["w starts with 40", "w +2 = 42"]);
}

#[tokio::test(start_paused = true)]
async fn line_09_a_remote_spawn_without_a_transport_is_an_error() {
    let (a, shared) = node("a");
    let error = Error::NoTransport { node: "b".to_owned() };
    assert_eq!(a.spawn("b", "worker", "w", None).await, Err(error));
    assert_eq!((a.running(), shared.take()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn line_10_a_spawn_on_an_unknown_node_finds_it_unreachable() {
    let (a, _b, _, _) = pair();
    let error = a.spawn("c", "worker", "w", None).await.unwrap_err();
    assert_eq!(error, Error::NodeUnreachable { node: "c".to_owned() });
    assert!(error.is_unreachable() && !error.may_have_happened());
}

#[tokio::test(start_paused = true)]
async fn line_11_a_spawn_of_an_unknown_behaviour_is_an_error() {
    let (a, b, _, _) = pair();
    for node in ["a", "b"] {
        let error = a.spawn(node, "nobody", "w", None).await.unwrap_err();
        let expected = Error::UnknownSource {
            id: "w".to_owned(),
            src: "nobody".to_owned(),
            node: node.to_owned(),
        };
        assert_eq!(error, expected);
    }
    assert_eq!((a.actors(), b.actors()), (vec![], vec![]));
}

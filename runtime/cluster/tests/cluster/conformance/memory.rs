//! The transport in memory: lines 12 to 14.

use squall_cluster::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_12_a_node_with_a_mere_reference_reaches_the_actor() {
    let (a, b, _, _) = pair();
    b.spawn_local("worker", "w", None).await.unwrap();
    let answer = a.deliver(&ActorRef::on("b", "w"), Ask::Finish).await;
    assert_eq!((answer, b.running()), (Ok(handled()), 0));
}

#[tokio::test(start_paused = true)]
async fn line_13_an_unregistered_node_is_unreachable() {
    let (a, _b, _, transport) = pair();
    let error = a.deliver(&ActorRef::on("c", "w"), Ask::Finish).await;
    assert_eq!(error, Err(Error::NodeUnreachable { node: "c".to_owned() }));
    assert!(transport.unregister("b") && !transport.unregister("b"));
    let error = a.deliver(&ActorRef::on("b", "w"), Ask::Finish).await;
    assert_eq!(error, Err(Error::NodeUnreachable { node: "b".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn line_14_an_unknown_actor_of_a_known_node_is_no_error() {
    let (a, _b, _, _) = pair();
    let answer = a.deliver(&ActorRef::on("b", "w"), Ask::Finish).await;
    assert_eq!(answer, Ok(Delivered::NOBODY));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_registration_is_an_error_and_not_a_circle() {
    let (a, b, _, transport) = pair();
    transport.register("b", a.downgrade());
    b.spawn_local("worker", "w", None).await.unwrap();
    a.spawn_local("worker", "w", None).await.unwrap();
    let error = a.deliver(&ActorRef::on("b", "w"), Ask::Finish).await;
    let expected = Error::WrongNode {
        id: "w".to_owned(),
        wanted: "b".to_owned(),
        node: "a".to_owned(),
    };
    assert_eq!(error, Err(expected));
    assert_eq!((a.running(), b.running()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_system_is_gone_is_unavailable() {
    let (a, b, _, _) = pair();
    drop(b);
    let error = a.deliver(&ActorRef::on("b", "w"), Ask::Finish).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }) && !error.may_have_happened());
}

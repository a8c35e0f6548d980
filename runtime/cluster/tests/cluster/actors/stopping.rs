//! Stops, and the end of a system.

use squall_cluster::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_stopped_actor_finishes_its_message_and_the_next_one_of_its_id_waits_for_that() {
    let (a, shared) = node("a");
    let reference = a.spawn_local("worker", "w", None).await.unwrap();
    let mut held = Box::pin(a.deliver_by_id("w", Ask::Hold));
    assert!(is_waiting(&mut held).await);
    let mut behind = Box::pin(a.deliver_by_id("w", Ask::Add(1)));
    assert!(is_waiting(&mut behind).await);
    assert!(a.stop(&reference));
    assert_eq!(a.running(), 0);
    assert_eq!(behind.await, Ok(Delivered::NOBODY));
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.running(), 1);
    let mut next = Box::pin(a.deliver_by_id("w", Ask::Add(2)));
    assert!(is_waiting(&mut next).await);
    assert_eq!(shared.take(), ["w starts with 0", "w holds"]);
    shared.gate.notify_one();
    assert_eq!((held.await, next.await), (Ok(handled()), Ok(handled())));
    assert_eq!(shared.take(), ["w goes on", "w starts with 0", "w +2 = 2"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_stopped_while_it_waits_for_its_predecessor_is_free_afterwards() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let mut held = Box::pin(a.deliver_by_id("w", Ask::Hold));
    assert!(is_waiting(&mut held).await);
    for _ in 0..3 {
        assert!(a.stop(&ActorRef::local("w")));
        assert!(!a.stop(&ActorRef::local("w")));
        a.spawn_local("worker", "w", None).await.unwrap();
    }
    assert!(a.stop(&ActorRef::local("w")));
    shared.gate.notify_one();
    held.await.unwrap();
    settled().await;
    assert_eq!(a.actors(), []);
    assert_eq!(shared.take(), ["w starts with 0", "w holds", "w goes on"]);
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
}

#[tokio::test(start_paused = true)]
async fn an_actor_can_stop_itself_and_others() {
    let (a, _) = node("a");
    for id in ["v", "w"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    assert_eq!(
        a.deliver_by_id("v", Ask::Stop("w".to_owned())).await,
        Ok(handled())
    );
    assert_eq!((a.running(), a.status("w")), (1, None));
    assert_eq!(
        a.deliver_by_id("v", Ask::Stop("v".to_owned())).await,
        Ok(handled())
    );
    assert_eq!(a.actors(), []);
}

#[tokio::test(start_paused = true)]
async fn a_failure_from_outside_is_that_of_a_step_and_happens_once() {
    let (a, _) = node("a");
    let supervisor = Supervisor::builder(platform()).restart("worker", 1).build();
    supervisor.attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    assert!(
        a.settle_error("w", Box::<dyn std::error::Error + Send + Sync>::from("told so"))
            .await
    );
    assert_eq!((a.running(), supervisor.handled().len()), (1, 1));
    assert!(
        a.settle_error("w", Box::<dyn std::error::Error + Send + Sync>::from("again"))
            .await
    );
    // It does not run: nothing happens, and nothing is counted.
    assert!(
        !a.settle_error("w", Box::<dyn std::error::Error + Send + Sync>::from("dead"))
            .await
    );
    assert_eq!((a.running(), supervisor.handled().len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn at_a_shutdown_messages_in_hand_are_abandoned_and_senders_told() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let options = CallOptions {
        timeout: None,
        message_id: Some("m".to_owned()),
    };
    let to = ActorRef::local("w");
    let mut held = Box::pin(a.deliver_with(&to, Ask::Hold, &options));
    assert!(is_waiting(&mut held).await);
    let mut behind = Box::pin(a.deliver_by_id("w", Ask::Add(1)));
    assert!(is_waiting(&mut behind).await);
    a.shut_down();
    let cancelled = Error::Cancelled { node: "a".to_owned() };
    assert_eq!(
        (held.await, behind.await),
        (Err(cancelled.clone()), Ok(Delivered::NOBODY))
    );
    assert_eq!(a.spawn_local("worker", "w", None).await, Err(cancelled));
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(Delivered::NOBODY));
    assert_eq!(shared.take(), ["w starts with 0", "w holds"]);
}

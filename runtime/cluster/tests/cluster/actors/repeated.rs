//! A message with an id is handled once.

use squall_cluster::*;

use crate::support::*;

async fn tell(system: &System<Ask>, event: Ask, id: &str) -> Result<Delivered, Error> {
    let options = CallOptions {
        timeout: None,
        message_id: Some(id.to_owned()),
    };
    system.deliver_with(&ActorRef::local("w"), event, &options).await
}

#[tokio::test(start_paused = true)]
async fn a_repeated_message_gets_the_first_answer_and_is_not_handled_again() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    for _ in 0..3 {
        assert_eq!(tell(&a, Ask::Add(1), "m-1").await, Ok(handled()));
        let rejected = Delivered::to_actor(Outcome::Rejected("no".to_owned()));
        assert_eq!(tell(&a, Ask::Reject("no".to_owned()), "m-2").await, Ok(rejected));
    }
    // Other ids, and no id, are other messages.
    tell(&a, Ask::Add(1), "m-3").await.unwrap();
    a.deliver_by_id("w", Ask::Add(1)).await.unwrap();
    a.deliver_by_id("w", Ask::Add(1)).await.unwrap();
    let lines = ["w starts with 0", "w +1 = 1", "w +1 = 2", "w +1 = 3", "w +1 = 4"];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_repeated_while_it_is_handled_waits_for_the_same_answer() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let mut first = Box::pin(tell(&a, Ask::Hold, "m"));
    assert!(is_waiting(&mut first).await);
    // Its sender has given up, and tries again.
    drop(first);
    let mut second = Box::pin(tell(&a, Ask::Hold, "m"));
    let mut third = Box::pin(tell(&a, Ask::Hold, "m"));
    assert!(is_waiting(&mut second).await && is_waiting(&mut third).await);
    shared.gate.notify_one();
    assert_eq!((second.await, third.await), (Ok(handled()), Ok(handled())));
    assert_eq!(shared.take(), ["w starts with 0", "w holds", "w goes on"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_message_of_an_actor_is_answered_alike_after_its_end() {
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    for _ in 0..2 {
        assert_eq!(tell(&a, Ask::Finish, "m").await, Ok(handled()));
    }
    assert_eq!(tell(&a, Ask::Finish, "other").await, Ok(Delivered::NOBODY));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_its_actor_does_not_fail_the_restarted_one() {
    let (a, _) = node("a");
    let supervisor = Supervisor::builder(platform()).restart("worker", 5).build();
    supervisor.attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    for _ in 0..3 {
        assert_eq!(tell(&a, fail(), "m").await, Ok(failed("boom")));
    }
    assert_eq!((a.running(), supervisor.handled().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_took_may_be_repeated() {
    let shared = Shared::default();
    let a = builder("a", &shared).mailbox_limit(1).build();
    assert_eq!(tell(&a, Ask::Add(1), "m").await, Ok(Delivered::NOBODY));
    a.spawn_local("worker", "w", None).await.unwrap();
    let mut held = Box::pin(tell(&a, Ask::Hold, "held"));
    assert!(is_waiting(&mut held).await);
    let mut waiting = Box::pin(tell(&a, Ask::Finish, "finish"));
    assert!(is_waiting(&mut waiting).await);
    assert!(matches!(
        tell(&a, Ask::Add(1), "m").await,
        Err(Error::Overflow { .. })
    ));
    a.stop(&ActorRef::local("w"));
    assert_eq!(waiting.await, Ok(Delivered::NOBODY));
    shared.gate.notify_one();
    assert_eq!(held.await, Ok(handled()));
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(tell(&a, Ask::Add(1), "m").await, Ok(handled()));
    assert_eq!(tell(&a, Ask::Finish, "finish").await, Ok(handled()));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_answers_are_remembered_oldest_forgotten_first() {
    let shared = Shared::default();
    let a = builder("a", &shared).remembered_limit(2).build();
    a.spawn_local("worker", "w", None).await.unwrap();
    for (id, number) in [
        ("m-1", 1),
        ("m-2", 2),
        ("m-3", 4),
        ("m-3", 4),
        ("m-2", 2),
        ("m-1", 1),
    ] {
        tell(&a, Ask::Add(number), id).await.unwrap();
    }
    let lines = ["w starts with 0", "w +1 = 1", "w +2 = 3", "w +4 = 7", "w +1 = 8"];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn a_message_id_has_a_longest_length() {
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(
        tell(&a, Ask::Add(1), &"m".repeat(MESSAGE_ID_MAX)).await,
        Ok(handled())
    );
    let error = tell(&a, Ask::Add(1), &"m".repeat(MESSAGE_ID_MAX + 1))
        .await
        .unwrap_err();
    let text = "bad payload for actor 'w': the message id is longer than 256 bytes";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn ids_travel_over_a_transport() {
    let (a, b, shared, _) = pair();
    b.spawn_local("worker", "w", None).await.unwrap();
    let options = CallOptions {
        timeout: None,
        message_id: Some("m".to_owned()),
    };
    for _ in 0..2 {
        let answer = a
            .deliver_with(&ActorRef::on("b", "w"), Ask::Add(1), &options)
            .await;
        assert_eq!(answer, Ok(handled()));
    }
    assert_eq!(shared.take(), ["w starts with 0", "w +1 = 1"]);
}

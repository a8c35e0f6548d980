//! One message at a time, in order, to the end.

use squall_cluster::*;
use squall_memory::Memory;
use squall_platform::Platform;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn two_deliveries_at_once_are_handled_one_after_the_other() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let answers = tokio::join!(
        a.deliver_by_id("w", Ask::Yield(3)),
        a.deliver_by_id("w", Ask::Yield(3)),
        a.deliver_by_id("w", Ask::Add(1)),
    );
    assert_eq!(answers, (Ok(handled()), Ok(handled()), Ok(handled())));
    let lines = [
        "w starts with 0",
        "w begins",
        "w ends",
        "w begins",
        "w ends",
        "w +1 = 1",
    ];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn different_actors_work_at_the_same_time() {
    let (a, shared) = node("a");
    for id in ["v", "w"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    settled().await;
    shared.take();
    let (_, _) = tokio::join!(
        a.deliver_by_id("v", Ask::Yield(1)),
        a.deliver_by_id("w", Ask::Yield(1))
    );
    assert_eq!(shared.take()[..2], ["v begins", "w begins"]);
}

#[test]
fn no_message_is_lost_among_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (a, _) = node("a");
        a.spawn_local("worker", "w", None).await.unwrap();
        let platform = platform();
        let (done, mut all_done) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..8 {
            let (a, done) = (a.clone(), done.clone());
            let senders = async move {
                for _ in 0..200 {
                    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
                }
                done.send(()).unwrap();
            };
            <Memory as Platform>::spawn(&platform, senders);
        }
        drop(done);
        let mut count = 0;
        while all_done.recv().await.is_some() {
            count += 1;
        }
        a.deliver_by_id("w", Ask::Finish).await.unwrap();
        assert_eq!((count, life(&a, "w")), (8, Life::Done(1600.into())));
    });
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_and_its_sender_is_told() {
    let shared = Shared::default();
    let a = builder("a", &shared).mailbox_limit(2).build();
    a.spawn_local("worker", "w", None).await.unwrap();
    let mut held = Box::pin(a.deliver_by_id("w", Ask::Hold));
    assert!(is_waiting(&mut held).await);
    let mut first = Box::pin(a.deliver_by_id("w", Ask::Add(1)));
    let mut second = Box::pin(a.deliver_by_id("w", Ask::Add(2)));
    assert!(is_waiting(&mut first).await && is_waiting(&mut second).await);
    let overflow = Error::Overflow {
        id: "w".to_owned(),
        limit: 2,
    };
    let refused = a.deliver_by_id("w", Ask::Add(4)).await.unwrap_err();
    assert_eq!(refused, overflow);
    assert!(refused.may_be_retried() && !refused.may_have_happened());
    let wire = a
        .deliver_wire(&ActorRef::local("w"), r#"{"Add":4}"#.into(), None)
        .await;
    assert_eq!(wire, Err(overflow));
    shared.gate.notify_one();
    assert_eq!(
        (held.await, first.await, second.await),
        (Ok(handled()), Ok(handled()), Ok(handled()))
    );
    // There is room again.
    assert_eq!(a.deliver_by_id("w", Ask::Add(8)).await, Ok(handled()));
    assert_eq!(shared.take().last().unwrap(), "w +8 = 11");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stops_to_wait_does_not_stop_the_message() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let to = ActorRef::local("w");
    let mut held = Box::pin(a.deliver_wire(&to, r#""Hold""#.into(), None));
    assert!(is_waiting(&mut held).await);
    let mut behind = Box::pin(a.deliver_wire(&to, r#"{"Add":1}"#.into(), None));
    assert!(is_waiting(&mut behind).await);
    drop(held);
    drop(behind);
    shared.gate.notify_one();
    settled().await;
    assert_eq!(
        shared.take(),
        ["w starts with 0", "w holds", "w goes on", "w +1 = 1"]
    );
    assert_eq!(a.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_and_not_the_message() {
    let (a, b, shared, _) = pair();
    b.spawn_local("worker", "w", None).await.unwrap();
    let options = CallOptions {
        timeout: Some(ms(100)),
        message_id: None,
    };
    for system in [&a, &b] {
        let late = system
            .deliver_with(&ActorRef::on("b", "w"), Ask::Hold, &options)
            .await;
        assert_eq!(late, Err(Error::DeadlineExceeded { node: "b".to_owned() }));
        shared.gate.notify_one();
        settled().await;
    }
    let lines = ["w starts with 0", "w holds", "w goes on", "w holds", "w goes on"];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn a_refused_or_ignored_message_leaves_the_actor_as_it_was() {
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let rejected = a.deliver_by_id("w", Ask::Reject("not now".to_owned())).await;
    assert_eq!(
        rejected,
        Ok(Delivered::to_actor(Outcome::Rejected("not now".to_owned())))
    );
    let ignored = a.deliver_by_id("w", Ask::Nothing).await;
    assert_eq!(ignored, Ok(Delivered::to_actor(Outcome::Ignored)));
    assert_eq!(a.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_behind_the_last_one_are_delivered_to_nobody() {
    for (end, answer) in [(Ask::Finish, handled()), (fail(), failed("boom"))] {
        let (a, shared) = node("a");
        a.spawn_local("worker", "w", None).await.unwrap();
        let answers = tokio::join!(
            a.deliver_by_id("w", Ask::Yield(1)),
            a.deliver_by_id("w", end),
            a.deliver_by_id("w", Ask::Add(1)),
        );
        assert_eq!(answers, (Ok(handled()), Ok(answer), Ok(Delivered::NOBODY)));
        assert_eq!(shared.take(), ["w starts with 0", "w begins", "w ends"]);
    }
}

//! Spawns of ids that are known.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use futures_util::FutureExt;
use serde_json::json;
use squall_cluster::*;
use squall_memory::Memory;
use squall_platform::Platform;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_spawn_of_a_running_actor_finds_it() {
    let (a, shared) = node("a");
    let first = a
        .spawn_local("worker", "w", input(json!({ "start": 1 })))
        .await
        .unwrap();
    let second = a
        .spawn_local("worker", "w", input(json!({ "start": 2 })))
        .await
        .unwrap();
    assert_eq!((first, a.running()), (second, 1));
    settled().await;
    assert_eq!(shared.take(), ["w starts with 1"]);
    assert_eq!(shared.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_spawn_from_another_behaviour_is_a_conflict_while_the_actor_runs() {
    let (a, _) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    for src in ["other", "nobody"] {
        let expected = Error::Conflict {
            id: "w".to_owned(),
            src: "worker".to_owned(),
            wanted: src.to_owned(),
        };
        assert_eq!(a.spawn_wire(src, "w", None).await, Err(expected));
    }
    a.deliver_by_id("w", Ask::Finish).await.unwrap();
    let reference = a.spawn_local("other", "w", None).await.unwrap();
    assert_eq!((&*reference.src, a.running()), ("other", 1));
}

#[tokio::test(start_paused = true)]
async fn a_spawn_of_an_ended_actor_creates_it_anew() {
    let (a, shared) = node("a");
    for end in [Ask::Finish, fail(), Ask::StopSelf] {
        a.spawn_local("worker", "w", input(json!({ "start": 1 })))
            .await
            .unwrap();
        assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
        a.deliver_by_id("w", end).await.unwrap();
        assert_eq!(a.running(), 0);
    }
    assert_eq!(shared.take(), ["w starts with 1", "w +1 = 2"].repeat(3));
}

#[tokio::test(start_paused = true)]
async fn a_respawn_replaces_a_running_actor_and_keeps_what_is_not_said_again() {
    let (a, shared) = node("a");
    let spec = SpawnSpec::new("worker", "w").input(input(json!({ "start": 5 })).unwrap());
    a.spawn_spec(spec.system_id("named")).await.unwrap();
    a.deliver_by_id("w", Ask::Spawn(SpawnSpec::new("worker", "child")))
        .await
        .unwrap();
    a.respawn("worker", "w", None).await.unwrap();
    settled().await;
    assert_eq!((a.running(), a.named("named").unwrap().id), (1, "w".to_owned()));
    a.respawn("worker", "w", input(json!({ "start": 6 })))
        .await
        .unwrap();
    settled().await;
    a.respawn("other", "w", None).await.unwrap();
    a.respawn("worker", "new", None).await.unwrap();
    settled().await;
    assert_eq!((a.running(), a.named("named")), (2, None));
    let starts: Vec<_> = shared
        .take()
        .into_iter()
        .filter(|it| !it.starts_with("child"))
        .collect();
    let lines = [
        "w starts with 5",
        "w starts with 5",
        "w starts with 6",
        "w starts with 0",
        "new starts with 0",
    ];
    assert_eq!(starts, lines);
}

#[tokio::test(start_paused = true)]
async fn any_text_is_an_id() {
    let (a, _) = node("a");
    for id in ["", "..", "a/b c", "é\0"] {
        let reference = a.spawn_local("worker", id, None).await.unwrap();
        assert_eq!(a.deliver(&reference, Ask::Add(1)).await, Ok(handled()));
    }
    assert_eq!(a.running(), 4);
}

#[test]
fn spawns_of_one_id_at_the_same_time_run_the_behaviour_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let shared = Shared::default();
        // The behaviour waits for this test, on a thread of its own.
        let (begun, is_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let (begun, may_go_on) = (std::sync::Mutex::new(begun), std::sync::Mutex::new(may_go_on));
        let slow = move |_| {
            begun.lock().unwrap().send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
            Err::<Idle, _>("after all".into())
        };
        let a = builder("a", &shared).behaviour("slow", slow).build();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let first = {
            let a = a.clone();
            async move {
                let _ = answer.send(a.spawn_local("slow", "w", None).await);
            }
        };
        <Memory as Platform>::spawn(&platform(), first);
        is_begun.recv().unwrap();

        // While it runs, the actor is neither there nor free.
        assert_eq!((a.running(), life(&a, "w")), (0, Life::Starting));
        assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(Delivered::NOBODY));
        assert!(matches!(
            a.spawn_local("other", "w", None).await,
            Err(Error::Conflict { .. })
        ));
        let mut second = Box::pin(a.spawn_local("slow", "w", None));
        assert!((&mut second).now_or_never().is_none());
        go_on.send(()).unwrap();
        let second = second.await;
        assert!(matches!(&second, Err(Error::Failed { reason, .. }) if reason == "after all"));
        assert_eq!(answered.await.unwrap(), second);
        assert!(is_begun.try_recv().is_err());
        assert_eq!(a.status("w"), None);
    });
}

struct Idle;

#[async_trait]
impl Actor<Ask> for Idle {
    async fn handle(&mut self, _: Ask, _: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        Ok(Next::Handled)
    }
}

#[tokio::test(start_paused = true)]
async fn the_node_forgets_the_oldest_ended_actors_beyond_its_limit() {
    let shared = Shared::default();
    let a = builder("a", &shared).ended_limit(2).build();
    for id in ["w-1", "w-2", "w-3", "w-4"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    for id in ["w-3", "w-1", "w-2"] {
        a.deliver_by_id(id, fail()).await.unwrap();
    }
    let ids: Vec<_> = a.actors().iter().map(|it| it.reference.id.clone()).collect();
    assert_eq!(ids, ["w-1", "w-2", "w-4"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_system_leaves_no_tasks() {
    let (a, shared) = node("a");
    let gauge = Arc::downgrade(&shared.begun);
    a.spawn_local("worker", "w", None).await.unwrap();
    settled().await;
    drop((a, shared));
    settled().await;
    assert_eq!(gauge.strong_count(), 0);
}

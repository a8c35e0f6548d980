//! Restarts at once: lines 25 to 28.

use std::sync::Arc;

use serde_json::json;
use squall_cluster::*;

use super::supervisor::{Sink, log, settings, supervised};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_25_within_its_budget_a_failed_actor_runs_again() {
    let (a, _, supervisor) = supervised(settings().restart("worker", 1)).await;
    let before = a.status("w").unwrap();
    assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
    assert_eq!(
        (a.running(), log(&supervisor)),
        (1, vec!["w worker restart: boom".to_owned()])
    );
    let after = a.status("w").unwrap();
    assert_eq!(after.reference, before.reference);
    assert!(after.incarnation > before.incarnation);
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
}

#[tokio::test(start_paused = true)]
async fn line_26_the_third_failure_of_a_budget_of_two_is_escalated() {
    let sink = Sink::default();
    let (a, _, supervisor) = supervised(settings().restart("worker", 2).sink(sink.hear())).await;
    for expected in [1, 1, 0] {
        a.deliver_by_id("w", fail()).await.unwrap();
        assert_eq!(a.running(), expected);
    }
    assert_eq!(sink.causes(), ["w: boom"]);
    let decisions: Vec<_> = supervisor.handled().iter().map(|it| it.decision).collect();
    assert_eq!(
        decisions,
        [Decision::Restart, Decision::Restart, Decision::Escalate]
    );
}

#[tokio::test(start_paused = true)]
async fn line_27_a_respawner_that_was_given_at_construction_works_as_well() {
    let (a, _) = node("a");
    let restarting = settings().restart("worker", 1).respawner(Arc::new(a.downgrade()));
    a.set_escalations(Some(Arc::new(restarting.build())));
    a.spawn_local("worker", "w", None).await.unwrap();
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(a.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn line_28_without_a_respawner_a_restart_is_an_escalation() {
    let sink = Sink::default();
    let (a, _, supervisor) = supervised(settings().restart("worker", 1).sink(sink.hear())).await;
    supervisor.set_respawner(None);
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!((a.running(), sink.causes()), (0, vec!["w: boom".to_owned()]));
    assert_eq!(log(&supervisor), ["w worker escalate: boom"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_everything_that_the_spawn_said() {
    let (a, shared, _) = supervised(settings().restart("worker", 1)).await;
    let child = SpawnSpec::new("worker", "child")
        .input(input(json!({ "start": 7 })).unwrap())
        .system_id("well-known")
        .on_done("child-done");
    a.deliver_by_id("w", Ask::Spawn(child)).await.unwrap();
    a.deliver_by_id("child", Ask::Panic("no".to_owned()))
        .await
        .unwrap();
    let status = a.status("child").unwrap();
    assert_eq!(status.parent.as_deref(), Some("w"));
    assert_eq!(a.named("well-known"), Some(status.reference));
    assert_eq!(a.status("w").unwrap().children, ["child"]);
    a.deliver_by_id("child", Ask::Finish).await.unwrap();
    settled().await;
    let lines = [
        "w starts with 0",
        "child starts with 7",
        "child starts with 7",
        "w: child-done child Ok(Number(7))",
    ];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn a_failed_spawn_is_its_callers_error_and_no_supervisors() {
    let sink = Sink::default();
    let (a, shared, supervisor) = supervised(settings().restart("worker", 3).sink(sink.hear())).await;
    let begun = shared.begun.load(std::sync::atomic::Ordering::SeqCst);
    let refused = a
        .spawn_local("worker", "x", input(json!({ "refuse": "not today" })))
        .await;
    let expected = Error::Failed {
        id: "x".to_owned(),
        src: "worker".to_owned(),
        node: "a".to_owned(),
        reason: "not today".to_owned(),
    };
    assert_eq!(refused, Err(expected));
    assert!(a.spawn_local("nobody", "y", None).await.is_err());
    assert_eq!((log(&supervisor), sink.causes()), (vec![], vec![]));
    assert_eq!((a.status("x"), a.status("y")), (None, None));
    assert_eq!(shared.begun.load(std::sync::atomic::Ordering::SeqCst), begun + 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_window_the_budget_refills_and_without_one_it_does_not() {
    for (window, expected) in [(Some(ms(1000)), 1), (None, 0)] {
        let mut restarting = settings().restart("worker", 2);
        if let Some(window) = window {
            restarting = restarting.window(window);
        }
        let (a, _, _) = supervised(restarting).await;
        a.deliver_by_id("w", fail()).await.unwrap();
        tokio::time::advance(ms(600)).await;
        a.deliver_by_id("w", fail()).await.unwrap();
        // The first one is a second old, the other one is not.
        tokio::time::advance(ms(400)).await;
        a.deliver_by_id("w", fail()).await.unwrap();
        assert_eq!(a.running(), expected);
        a.deliver_by_id("w", fail()).await.unwrap();
        assert_eq!(a.running(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_whose_behaviour_fails_spends_the_budget_and_is_tried_again() {
    // Refuses its second and third run.
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for (max, expected) in [(2, 0), (3, 1)] {
        runs.store(0, std::sync::atomic::Ordering::SeqCst);
        let (shared, counter) = (Shared::default(), Arc::clone(&runs));
        let refusing = builder("a", &shared).behaviour("worker", move |_| {
            match counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                1 | 2 => Err("not yet".into()),
                _ => Ok(Stubborn),
            }
        });
        let a = refusing.build();
        let sink = Sink::default();
        settings()
            .restart("worker", max)
            .sink(sink.hear())
            .build()
            .attach(&a);
        a.spawn_local("worker", "w", None).await.unwrap();
        assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
        assert_eq!(a.running(), expected);
        assert_eq!(sink.causes().len(), 1 - expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_behaviour_that_always_fails_is_not_tried_for_ever() {
    let backoff = Backoff {
        initial: ms(0),
        max: None,
        factor: 1.0,
    };
    let immediate = settings().restart("worker", u32::MAX);
    for (settings, waited) in [
        (immediate, 0),
        (settings().backoff("worker", 1000, backoff), 1100),
    ] {
        let shared = Shared::default();
        let counter = Arc::clone(&shared.begun);
        let once = builder("a", &shared).behaviour("worker", move |_| {
            match counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => Ok(Stubborn),
                _ => Err("never again".into()),
            }
        });
        let a = once.build();
        let sink = Sink::default();
        settings.sink(sink.hear()).build().attach(&a);
        a.spawn_local("worker", "w", None).await.unwrap();
        assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
        tokio::time::sleep(ms(waited)).await;
        assert_eq!((a.running(), sink.causes().len()), (0, 1));
    }
}

/// Always fails.
struct Stubborn;

#[async_trait]
impl Actor<Ask> for Stubborn {
    async fn handle(&mut self, _: Ask, _: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        Err("boom".into())
    }
}

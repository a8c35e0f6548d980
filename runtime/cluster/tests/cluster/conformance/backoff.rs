//! Restarts after a delay: lines 29 to 38.

use std::time::Duration;

use squall_cluster::*;
use tokio::time::advance;

use super::supervisor::{Sink, log, settings, supervised};
use crate::support::*;

fn doubling(initial: u64) -> Backoff {
    Backoff {
        initial: ms(initial),
        max: None,
        factor: 2.0,
    }
}

#[tokio::test(start_paused = true)]
async fn line_29_a_restart_takes_place_after_exactly_the_initial_delay() {
    let (a, _, supervisor) = supervised(settings().manual().backoff("worker", 3, doubling(1000))).await;
    assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
    assert_eq!((a.running(), supervisor.planned()), (0, 1));
    assert_eq!(log(&supervisor), ["w worker backoff: boom"]);
    advance(ms(999)).await;
    assert_eq!((supervisor.tick().await, a.running()), (0, 0));
    advance(ms(1)).await;
    assert_eq!((supervisor.tick().await, a.running()), (1, 1));
    assert_eq!(supervisor.tick().await, 0);
}

#[tokio::test(start_paused = true)]
async fn line_30_the_second_delay_is_the_first_times_the_factor() {
    let (a, _, supervisor) = supervised(settings().manual().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    advance(ms(1000)).await;
    supervisor.tick().await;
    a.deliver_by_id("w", fail()).await.unwrap();
    advance(ms(1000)).await;
    assert_eq!(supervisor.tick().await, 0);
    advance(ms(1000)).await;
    assert_eq!((supervisor.tick().await, a.running()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn line_31_beyond_the_budget_a_failure_is_escalated_and_nothing_is_planned() {
    let sink = Sink::default();
    let backoff = settings().manual().backoff("worker", 1, doubling(1000));
    let (a, _, supervisor) = supervised(backoff.sink(sink.hear())).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    advance(ms(1000)).await;
    assert_eq!(supervisor.tick().await, 1);
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(sink.causes(), ["w: boom"]);
    advance(ms(100_000)).await;
    assert_eq!((supervisor.tick().await, a.running()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn line_32_a_tick_with_nothing_planned_restarts_nobody() {
    let (_, _, supervisor) = supervised(settings()).await;
    assert_eq!(supervisor.tick().await, 0);
}

#[tokio::test(start_paused = true)]
async fn line_33_without_a_respawner_a_planned_restart_is_kept() {
    for settings in [settings().manual(), settings()] {
        let (a, _, supervisor) = supervised(settings.backoff("worker", 1, doubling(1000))).await;
        a.deliver_by_id("w", fail()).await.unwrap();
        supervisor.set_respawner(None);
        advance(ms(2000)).await;
        settled().await;
        assert_eq!((supervisor.tick().await, supervisor.planned()), (0, 1));
        supervisor.set_respawner(Some(std::sync::Arc::new(a.downgrade())));
        assert_eq!((supervisor.tick().await, a.running()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn line_34_forget_fills_the_budget() {
    let (a, _, supervisor) = supervised(settings().restart("worker", 1)).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    supervisor.forget("w");
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(a.running(), 1);
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(a.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn line_35_forget_removes_a_planned_restart() {
    let (a, _, supervisor) = supervised(settings().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    supervisor.forget("w");
    assert_eq!(supervisor.planned(), 0);
    advance(ms(100_000)).await;
    settled().await;
    assert_eq!((supervisor.tick().await, a.running()), (0, 0));
}

#[test]
fn line_36_without_a_maximum_a_delay_stops_at_what_64_bits_hold() {
    assert_eq!(DELAY_MAX.as_nanos(), i64::MAX as u128);
    let nano = Duration::from_nanos(1);
    let of = |initial, factor, spent| {
        let max = None;
        Backoff { initial, max, factor }.delay(spent)
    };
    assert_eq!(of(ms(1000), 10.0, 10_000), DELAY_MAX);
    assert_eq!(of(ms(1000), f64::INFINITY, 1), DELAY_MAX);
    // Exactly 2^63: one more than fits.
    assert_eq!(of(nano, 2.0, 63), DELAY_MAX);
    assert_eq!(of(nano, 2.0, 62), Duration::from_nanos(1 << 62));
    assert_eq!(of(Duration::ZERO, 2.0, u32::MAX), Duration::ZERO);
    assert_eq!(of(ms(1000), f64::NAN, 3), ms(1000));
    assert_eq!(of(ms(1000), -2.0, 3), ms(1000));
}

#[test]
fn line_37_a_maximum_caps_also_the_initial_delay() {
    let of = |initial, max, spent| {
        let (initial, max, factor) = (ms(initial), Some(ms(max)), 2.0);
        Backoff { initial, max, factor }.delay(spent)
    };
    assert_eq!(
        [0, 1, 2, 3].map(|spent| of(1000, 5000, spent)),
        [1000, 2000, 4000, 5000].map(ms)
    );
    assert_eq!(of(9000, 5000, 0), ms(5000));
}

#[test]
fn line_38_a_factor_below_one_never_shortens_the_delay() {
    let backoff = Backoff {
        factor: 0.5,
        ..doubling(1000)
    };
    assert_eq!([0, 1, 9].map(|spent| backoff.delay(spent)), [ms(1000); 3]);
}

#[tokio::test(start_paused = true)]
async fn planned_restarts_take_place_by_the_clock_alone() {
    let (a, _, supervisor) = supervised(settings().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    tokio::time::sleep(ms(990)).await;
    assert_eq!(a.running(), 0);
    tokio::time::sleep(ms(20)).await;
    assert_eq!((a.running(), supervisor.planned()), (1, 0));
    // One that is planned while the task waits for a later one.
    a.spawn_local("worker", "x", None).await.unwrap();
    a.deliver_by_id("w", fail()).await.unwrap();
    a.deliver_by_id("x", fail()).await.unwrap();
    tokio::time::sleep(ms(1010)).await;
    assert_eq!((a.status("x").unwrap().life, a.running()), (Life::Running, 1));
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(a.running(), 2);
}

#[tokio::test(start_paused = true)]
async fn restarts_that_are_due_together_take_place_in_the_order_of_their_times() {
    let late = settings().manual().backoff("worker", 3, doubling(2000));
    let (a, shared, supervisor) = supervised(late.backoff("other", 3, doubling(1000))).await;
    a.spawn_local("other", "x", None).await.unwrap();
    for id in ["w", "x"] {
        a.deliver_by_id(id, fail()).await.unwrap();
    }
    shared.take();
    advance(ms(5000)).await;
    assert_eq!(supervisor.tick().await, 2);
    settled().await;
    assert_eq!(shared.take(), ["x starts with 0", "w starts with 0"]);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_its_owner_brings_back_is_not_restarted_on_top() {
    let (a, shared, supervisor) = supervised(settings().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(supervisor.planned(), 0);
    a.deliver_by_id("w", Ask::Add(1)).await.unwrap();
    tokio::time::sleep(ms(5000)).await;
    a.deliver_by_id("w", Ask::Add(1)).await.unwrap();
    let lines = ["w starts with 0", "w starts with 0", "w +1 = 1", "w +1 = 2"];
    assert_eq!(shared.take(), lines);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_its_owner_stops_is_not_restarted() {
    let (a, _, supervisor) = supervised(settings().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    assert!(a.stop(&ActorRef::local("w")));
    assert_eq!(supervisor.planned(), 0);
    tokio::time::sleep(ms(5000)).await;
    assert_eq!(a.actors(), []);
}

#[tokio::test(start_paused = true)]
async fn a_planned_restart_is_remembered_however_many_actors_end_meanwhile() {
    let shared = Shared::default();
    let a = builder("a", &shared).ended_limit(2).build();
    let supervisor = settings().backoff("worker", 3, doubling(1000)).build();
    supervisor.attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    a.deliver_by_id("w", fail()).await.unwrap();
    for number in 0..5 {
        let id = format!("x-{number}");
        a.spawn_local("other", &id, None).await.unwrap();
        a.deliver_by_id(&id, Ask::Finish).await.unwrap();
    }
    let ids: Vec<_> = a.actors().iter().map(|it| it.reference.id.clone()).collect();
    assert_eq!(ids, ["w", "x-4"]);
    tokio::time::sleep(ms(1001)).await;
    assert_eq!(life(&a, "w"), Life::Running);
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_delays_by_numbers_of_its_seed() {
    async fn planned(seed: u64) -> u64 {
        let backoff = settings()
            .backoff("worker", 3, doubling(1000))
            .jitter(50, Some(seed));
        let (a, _, _) = supervised(backoff).await;
        a.deliver_by_id("w", fail()).await.unwrap();
        let mut waited = 0;
        while a.running() == 0 {
            tokio::time::sleep(ms(1)).await;
            waited += 1;
        }
        waited
    }
    let (one, same, other) = (planned(1).await, planned(1).await, planned(2).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert!(
        (499..=1001).contains(&one) && (499..=1001).contains(&other),
        "{one}, {other}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_task_of_a_supervisor_ends_with_it() {
    let (a, _, supervisor) = supervised(settings().backoff("worker", 3, doubling(1000))).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    a.set_escalations(None);
    drop(supervisor);
    tokio::time::sleep(ms(5000)).await;
    assert_eq!(a.running(), 0);
}

//! Groups, turns, and one other member when the first cannot be reached. Spec: provider 2.10, 2.11; section 6,
//! point 11.

use squall_engine::{Call, Code, Engine, Outcome};
use squall_memory::Link;
use squall_platform::Platform;
use tokio::sync::mpsc;
use tonic::Status;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn members_take_turns() {
    let world = World::start().await;
    let a = world.active("ml", "pool", &["A", "B"]).await;
    let b = world.active("ml", "pool", &["A", "B"]).await;
    let c = world.active("ml", "pool", &["B", "A"]).await;
    for round in 1..=9 {
        world
            .call(if round % 2 == 0 { "ml.A" } else { "ml.B" })
            .await
            .unwrap();
        let counts = [&a, &b, &c].map(|it| it.executor.count());
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= 1, "{counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_cannot_be_reached_costs_no_call() {
    let world = World::start().await;
    let dead = world.active("ml", "pool", &["A"]).await;
    let _alive = world.active("ml", "pool", &["A"]).await;
    world.network.set_link(&dead.url, Link::Refused);
    for _ in 0..6 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
    assert_eq!(dead.executor.count(), 0);
    let metrics = world.manager.metrics_text();
    assert!(
        metrics.contains("constellation_provider_failovers_total 1\n"),
        "it is put aside: {metrics}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_accepts_connections_and_says_nothing_is_put_aside_and_comes_back() {
    let world = World::start().await;
    let hangs = world.active("ml", "pool", &["A"]).await;
    let alive = world.active("ml", "pool", &["A"]).await;
    let _beating = [hangs.keep_alive(secs(5)), alive.keep_alive(secs(5))];
    world.network.set_link(&hangs.url, Link::Silent);
    let call = || Call::new("ml.A", text("hello")).timeout(secs(1));
    let mut lost = 0;
    for _ in 0..20 {
        lost += usize::from(world.manager.call(call()).await.is_err());
    }
    // Three until it is put aside, and a trial now and then.
    assert!((3..=6).contains(&lost), "{lost}");
    assert_eq!(alive.executor.count(), 20 - lost);
    world.network.set_link(&hangs.url, Link::Open);
    for _ in 0..100 {
        drop(world.manager.call(call()).await);
        tokio::time::sleep(secs(1)).await;
    }
    let before = [&hangs, &alive].map(|it| it.executor.count());
    for _ in 0..10 {
        world.manager.call(call()).await.unwrap();
    }
    assert_eq!(
        [&hangs, &alive].map(|it| it.executor.count()),
        before.map(|count| count + 5)
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_calls_all_run_out_of_time_is_put_aside_and_all_of_them_are_not() {
    let world = World::start().await;
    let slow = || async {
        let mut slow = Provider::start(&world, Executor::slow(secs(3))).await;
        slow.register("ml", "pool", &["A"]).await;
        slow.open().await;
        slow
    };
    let first = slow().await;
    let call = || Call::new("ml.A", text("hello")).timeout(secs(1));
    for _ in 0..8 {
        assert!(world.manager.call(call()).await.is_err());
    }
    assert_eq!(first.executor.count(), 8, "there is no other");
    let second = slow().await;
    for _ in 0..16 {
        assert!(world.manager.call(call()).await.is_err());
    }
    let counts = [&first, &second].map(|it| it.executor.count());
    assert!(counts[0] > 8 && counts[1] >= 8, "they take turns: {counts:?}");
    let quick = world.active("ml", "pool", &["A"]).await;
    let mut lost = 0;
    for _ in 0..20 {
        lost += usize::from(world.manager.call(call()).await.is_err());
    }
    assert!(lost <= 6 && quick.executor.count() >= 14, "{lost}");
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_short_age_cost_no_call_although_there_is_no_other_member() {
    let world = World::start().await;
    let executor = Executor::slow(ms(10));
    let mut provider = Provider::start(&world, executor.clone()).await;
    let mut request = provider.request("ml", "", &["A"]);
    request.executor_url = executor.serve_aging(&provider.host, ms(300)).await.to_string();
    assert!(provider.try_register(request).await.success);
    let (done, mut answers) = mpsc::unbounded_channel();
    for _ in 0..27 {
        let (manager, done) = (world.manager.clone(), done.clone());
        world.network.host().spawn(async move {
            for _ in 0..100 {
                let call = Call::new("ml.A", text("hello"));
                done.send(manager.call(call).await.is_ok()).unwrap();
            }
        });
    }
    drop(done);
    let mut lost = 0;
    while let Some(is_ok) = answers.recv().await {
        lost += usize::from(!is_ok);
    }
    assert_eq!(lost, 0, "of 2,700");
    assert_eq!(executor.count(), 2_700, "and none was executed twice");
}

#[tokio::test(start_paused = true)]
async fn only_one_other_member_is_tried() {
    let world = World::start().await;
    let mut all = vec![];
    for _ in 0..3 {
        let provider = world.active("ml", "pool", &["A"]).await;
        world.network.set_link(&provider.url, Link::Refused);
        all.push(provider);
    }
    let error = world.call("ml.A").await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Failed));
    assert!(error.message.starts_with("UNAVAILABLE: "), "{error}");
    let dials: usize = all.iter().map(|it| world.network.dials(&it.url)).sum();
    assert_eq!(dials, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_have_arrived_is_not_sent_again() {
    let world = World::start().await;
    let mut dies = Provider::start(&world, Executor::slow(secs(60))).await;
    dies.register("ml", "pool", &["A"]).await;
    dies.open().await;
    let other = world.active("ml", "pool", &["A"]).await;
    let call = world.in_background("ml.A");
    settle().await;
    assert_eq!(dies.executor.count(), 1);
    dies.host.kill();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Unavailable, Outcome::Unknown));
    assert_eq!(other.executor.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_status_of_the_members_own_is_an_answer() {
    let world = World::start().await;
    let mut busy = Provider::start(&world, Executor::status(Status::unavailable("busy"))).await;
    busy.register("ml", "pool", &["A"]).await;
    let other = world.active("ml", "pool", &["A"]).await;
    let error = world.call("ml.A").await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert_eq!(other.executor.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_is_never_answered_ends_with_the_deadline_or_at_another_member() {
    let world = World::start().await;
    let hole = world.active("ml", "pool", &["A"]).await;
    let alive = world.active("ml", "pool", &["A"]).await;
    world.network.set_link(&hole.url, Link::BlackHole);
    let begun = tokio::time::Instant::now();
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    assert_eq!(begun.elapsed().as_secs(), 5, "as long as a dial may take");
    // The next turn is that of the one that cannot be reached, again.
    alive.host.kill();
    settle().await;
    let mut call = squall_engine::Call::new("ml.A", text("hello"));
    call.timeout = Some(ms(100));
    let error = squall_engine::Engine::call(&world.manager, call)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.outcome),
        (Code::Timeout, Outcome::Failed),
        "it was certainly not sent"
    );
}

#[tokio::test(start_paused = true)]
async fn members_come_and_go_under_load_without_a_failed_call() {
    let world = World::start().await;
    let steady = world.active("ml", "pool", &["A"]).await;
    let beating = steady.keep_alive(secs(5));
    let (done, finished) = tokio::sync::oneshot::channel();
    let load = world.manager.clone();
    world.network.host().spawn(async move {
        for _ in 0..400 {
            let call = squall_engine::Call::new("ml.A", text("hello"));
            squall_engine::Engine::call(&load, call)
                .await
                .expect("somebody is there");
            tokio::time::sleep(ms(5)).await;
        }
        let _ = done.send(());
    });
    for round in 0..10 {
        let mut comer = world.active("ml", "pool", &["A"]).await;
        tokio::time::sleep(ms(100)).await;
        if round % 2 == 0 {
            comer.control.take().unwrap().close().await;
        } else {
            assert!(comer.deregister(&["A"]).await.success);
        }
        assert!(comer.executor.count() > 5, "it had its share");
        tokio::time::sleep(ms(50)).await;
    }
    finished.await.unwrap();
    beating.abort();
}

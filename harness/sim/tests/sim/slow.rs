//! Slow hosts: polls cost virtual CPU time, and what is ready waits for its turn.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_platform::Platform;

use super::support::{idle, simulate};

const COST: Duration = Duration::from_micros(300);

/// When, in microseconds, tasks that were spawned together were polled for the `n`th time on a host whose polls cost
/// something, and how often each.
fn polled(tasks: usize, times: usize, cost: Option<Duration>) -> Vec<(usize, u128)> {
    let (finished, _) = simulate(move |sim| async move {
        let host = sim.add_host("slow", idle);
        sim.start(host);
        sim.sleep(Duration::from_millis(5)).await;
        if let Some(cost) = cost {
            sim.slow_down(1, host, cost);
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, clock) = (seen.clone(), sim.clone());
        let spawned = sim.run_on(host, move |platform| async move {
            for task in 0..tasks {
                let (log, clock) = (log.clone(), clock.clone());
                platform.spawn(async move {
                    for _ in 0..times {
                        log.lock()
                            .expect("no panic")
                            .push((task, clock.now().as_micros()));
                        tokio::task::yield_now().await;
                    }
                });
            }
        });
        spawned.await.expect("the host lives");
        sim.sleep(Duration::from_millis(50)).await;
        sim.end_slow_down(1, host);
        Arc::try_unwrap(seen)
            .expect("all tasks have ended")
            .into_inner()
            .expect("no panic")
    });
    finished.value
}

#[test]
fn polls_of_a_slow_host_follow_each_other_at_their_cost_and_take_turns() {
    let polls = polled(3, 2, Some(COST));
    let tasks: Vec<usize> = polls.iter().map(|(task, _)| *task).collect();
    assert_eq!(tasks, [0, 1, 2, 0, 1, 2], "in the order of becoming ready");
    let gaps: Vec<u128> = polls.windows(2).map(|two| two[1].1 - two[0].1).collect();
    assert_eq!(gaps, [300; 5], "{polls:?}");
}

#[test]
fn polls_of_other_hosts_cost_nothing() {
    let polls = polled(3, 2, None);
    assert_eq!(polls.len(), 6);
    assert!(polls.iter().all(|(_, at)| *at == polls[0].1), "{polls:?}");
}

#[test]
fn a_slow_host_is_slow_again_after_it_died_and_leaves_nothing_of_its_queue() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("slow", idle);
        sim.start(host);
        sim.slow_down(1, host, COST);
        sim.slow_down(2, host, COST);
        let busy = sim.run_on(host, |platform| async move {
            for _ in 0..100 {
                platform.spawn(async { tokio::task::yield_now().await });
            }
        });
        busy.await.expect("the host lives");
        sim.sleep(Duration::from_millis(2)).await;
        sim.kill(host);
        sim.sleep(Duration::from_millis(1)).await;
        let left = sim.left_behind();
        sim.end_slow_down(1, host);
        sim.start(host);
        let from = sim.now();
        // The poll of the host's own task comes first, then this one's.
        let took = sim.run_on(host, |_| async {}).await;
        took.expect("the host lives");
        (left.tasks, sim.now() - from)
    });
    assert_eq!(finished.value, (0, COST));
}

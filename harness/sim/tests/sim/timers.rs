//! Timers of a platform: exact to the nanosecond, one process's, and gone with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::support::{config, echo, idle, process, simulate, simulate_with, until};
use squall_platform::Platform;
use squall_sim::{Chance, Left};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

const NS: Duration = Duration::from_nanos(1);

/// Virtual nanoseconds at which things happened, with a name each.
type Happened = Arc<Mutex<Vec<(u64, &'static str)>>>;

fn note(happened: &Happened, start: Instant, what: &'static str) {
    let at = start.elapsed().as_nanos() as u64;
    happened
        .lock()
        .expect("no panic while it was held")
        .push((at, what));
}

#[test]
fn a_timer_is_exact_to_the_nanosecond_wherever_the_clock_stands() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let mut waits = Vec::new();
        for nanos in [
            1,
            333,
            100_000,
            999_999,
            1_000_000,
            1_000_001,
            5_900_000,
            10_000_000_007,
        ] {
            let wait = Duration::from_nanos(nanos);
            let (before, started) = (Instant::now(), sim.now());
            platform.sleep(wait).await;
            waits.push((wait, before.elapsed(), sim.now() - started));
            let (before, started) = (Instant::now(), sim.now());
            sim.sleep(wait).await;
            waits.push((wait, before.elapsed(), sim.now() - started));
        }
        waits
    });
    for (wait, elapsed, moved) in finished.value {
        assert_eq!((elapsed, moved), (wait, wait));
    }
}

#[test]
fn a_timer_of_the_past_waits_for_nothing() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let start = Instant::now();
        platform.sleep(Duration::ZERO).await;
        sim.sleep(3 * NS).await;
        platform.sleep_until(start).await;
        platform.sleep_until(Instant::now()).await;
        sim.now()
    });
    assert_eq!(finished.value, 3 * NS);
}

#[test]
fn a_timer_of_for_ever_is_no_error() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        timeout(Duration::from_secs(9), platform.sleep(Duration::MAX))
            .await
            .is_err()
            && timeout(Duration::from_secs(9), sim.sleep(Duration::MAX))
                .await
                .is_err()
    });
    assert!(finished.value);
}

#[test]
fn timers_of_one_instant_fire_in_the_order_of_their_birth_and_after_what_arrives_then() {
    let (config, _) = config(Duration::from_micros(700));
    let finished = simulate_with(config, |sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let platform = process(&sim, client).await;
        let to = "server:7".parse().expect("an authority");
        let mut stream = platform.connect(&to).await.expect("the echo is there");
        let (happened, start) = (Happened::default(), Instant::now());
        let at = start + Duration::from_micros(1_400);
        for what in ["first", "second", "third"] {
            let (platform, happened) = (platform.clone(), happened.clone());
            let of = platform.clone();
            of.spawn(async move {
                platform.sleep_until(at).await;
                note(&happened, start, what);
            });
        }
        stream.write_all(b"x").await.expect("the peer reads");
        let reads = happened.clone();
        platform.spawn(async move {
            stream.read_u8().await.expect("the echo");
            note(&reads, start, "echo");
        });
        sim.sleep(Duration::from_millis(3)).await;
        let happened = happened.lock().expect("no panic while it was held");
        happened.clone()
    });
    let at = 1_400_000;
    assert_eq!(
        finished.expect("the run ends").value,
        [(at, "echo"), (at, "first"), (at, "second"), (at, "third")]
    );
}

#[test]
fn exact_timers_and_those_of_tokio_do_not_delay_each_other() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let (happened, start) = (Happened::default(), Instant::now());
        let tokios = happened.clone();
        platform.spawn(async move {
            for due in 1..4 {
                tokio::time::sleep_until(start + Duration::from_millis(due)).await;
                note(&tokios, start, "tokio");
            }
        });
        for nanos in [999_999, 1_000_000, 1_500_000, 2_999_999, 3_000_001] {
            platform.sleep_until(start + Duration::from_nanos(nanos)).await;
            note(&happened, start, "exact");
        }
        let mut happened = happened.lock().expect("no panic while it was held").clone();
        happened.sort_unstable();
        happened
    });
    assert_eq!(
        finished.value,
        [
            (999_999, "exact"),
            (1_000_000, "exact"),
            (1_000_000, "tokio"),
            (1_500_000, "exact"),
            (2_000_000, "tokio"),
            (2_999_999, "exact"),
            (3_000_000, "tokio"),
            (3_000_001, "exact"),
        ]
    );
}

#[test]
fn a_timer_that_is_dropped_never_fires_and_moves_no_clock() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let given_up = timeout(
            Duration::from_millis(2),
            platform.sleep(7 * Duration::from_millis(1)),
        )
        .await;
        let raced = tokio::select! {
            biased;
            () = platform.sleep(9 * NS) => false,
            () = platform.sleep(4 * NS) => true,
        };
        (given_up.is_err(), raced, sim.now())
    });
    assert_eq!(finished.value, (true, true, Duration::from_millis(2) + 4 * NS));
}

#[test]
fn a_paused_process_notices_late_and_then_at_once() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let (happened, start) = (Happened::default(), Instant::now());
        let (platform, notes) = (process(&sim, host).await, happened.clone());
        let of = platform.clone();
        of.spawn(async move {
            platform.sleep(Duration::from_micros(1_500)).await;
            note(&notes, start, "woke");
        });
        sim.sleep(Duration::from_millis(1)).await;
        sim.pause(host);
        sim.sleep(Duration::from_micros(6_300)).await;
        sim.resume(host);
        sim.sleep(NS).await;
        let happened = happened.lock().expect("no panic while it was held");
        happened.clone()
    });
    assert_eq!(finished.value, [(7_300_000, "woke")]);
}

#[test]
fn the_timers_of_a_process_die_with_it() {
    for interleave in [Chance::NEVER, Chance::new(1, 2)] {
        let (mut config, _) = config(Duration::from_millis(5));
        config.interleave = interleave;
        let finished = simulate_with(config, |sim| async move {
            let host = sim.add_host("host", idle);
            sim.start(host);
            let (happened, start) = (Happened::default(), Instant::now());
            let (platform, notes) = (process(&sim, host).await, happened.clone());
            let of = platform.clone();
            of.spawn(async move {
                platform.sleep(Duration::from_micros(1_500)).await;
                note(&notes, start, "woke");
            });
            sim.sleep(Duration::from_millis(1)).await;
            sim.kill(host);
            sim.sleep(NS).await;
            let left = sim.left_behind();
            until(&sim, 10).await;
            (left, happened.lock().expect("no panic while it was held").clone())
        });
        let (left, happened) = finished.expect("the run ends").value;
        assert_eq!((left, happened), (Left::default(), Vec::new()));
    }
}

/// A stray outlives its process. What it waits for is counted, and never comes.
#[test]
fn a_timer_that_outlives_its_process_is_left_behind_and_never_fires() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let (happened, start) = (Happened::default(), Instant::now());
        let (platform, notes) = (process(&sim, host).await, happened.clone());
        tokio::spawn(async move {
            platform.sleep(Duration::from_micros(1_500)).await;
            note(&notes, start, "woke");
        });
        sim.sleep(Duration::from_millis(1)).await;
        sim.kill(host);
        sim.sleep(NS).await;
        let left = sim.left_behind();
        until(&sim, 10).await;
        (left, happened.lock().expect("no panic while it was held").clone())
    });
    let (left, happened) = finished.value;
    let expected = Left {
        timers: 1,
        ..Left::default()
    };
    assert_eq!((left, happened), (expected, Vec::new()));
}

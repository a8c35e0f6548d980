//! Virtual time: segments arrive to the microsecond, idle time costs nothing, and nothing keeps a run
//! alive for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::support::{config, echo, idle, ping, simulate, simulate_with};
use squall_platform::Platform;
use squall_sim::{Failure, SimEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

#[test]
fn a_link_of_200_us_gives_a_round_trip_of_400_us_to_the_microsecond() {
    let (config, _) = config(Duration::from_micros(200));
    let trips = simulate_with(config, |sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        sim.run_on(client, |platform| async move {
            let to = "server:7".parse().expect("an authority");
            let mut stream = platform.connect(&to).await.expect("the echo is there");
            let mut trips = Vec::new();
            for wait in [0, 0, 3, 0] {
                sleep(Duration::from_millis(wait)).await;
                let sent = Instant::now();
                stream.write_all(b"x").await.expect("the peer reads");
                stream.read_u8().await.expect("the echo");
                trips.push(sent.elapsed());
            }
            trips
        })
        .await
    });
    let trips = trips.expect("the run ends").value.expect("the client lives");
    assert_eq!(trips, [Duration::from_micros(400); 4]);
}

#[test]
fn a_connect_takes_one_round_trip() {
    let (finished, _) = simulate(|sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        sim.run_on(client, |platform| async move {
            let to = "server:7".parse().expect("an authority");
            let _stream = platform.connect(&to).await.expect("the echo is there");
        })
        .await
        .expect("the client lives");
        sim.now()
    });
    assert_eq!(finished.value, Duration::from_millis(10));
}

#[test]
fn timers_of_hosts_fire_on_time_between_segments() {
    let (config, _) = config(Duration::from_micros(333));
    let late = Arc::new(AtomicU64::new(0));
    let worst = late.clone();
    simulate_with(config, move |sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let ticker = late.clone();
        sim.run_on(client, |platform| async move {
            platform.spawn(async move {
                loop {
                    let due = Instant::now() + Duration::from_millis(2);
                    tokio::time::sleep_until(due).await;
                    ticker.fetch_max(due.elapsed().as_nanos() as u64, Ordering::Relaxed);
                }
            });
            for _ in 0..50 {
                ping(platform.clone(), "server").await.expect("the echo is there");
            }
        })
        .await
        .expect("the client lives");
    })
    .expect("the run ends");
    assert!(
        worst.load(Ordering::Relaxed) < 1_000_000,
        "a timer was {worst:?} ns late"
    );
}

#[test]
fn a_day_of_silence_costs_nothing() {
    let (mut config, _) = config(Duration::from_millis(5));
    config.budget = Duration::from_secs(90_000);
    let finished = simulate_with(config, |sim| async move {
        sleep(Duration::from_secs(86_400)).await;
        sim.now()
    });
    assert_eq!(finished.expect("the run ends").value, Duration::from_secs(86_400));
}

#[test]
fn a_budget_without_end_and_timers_of_years_are_exact() {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    let (mut config, _) = config(Duration::from_millis(5));
    config.budget = Duration::MAX;
    let finished = simulate_with(config, |sim| async move {
        sleep(3 * YEAR).await;
        sim.now()
    });
    assert_eq!(finished.expect("the run ends").value, 3 * YEAR);
}

/// Regression: the driver slept until a millisecond that was over, again and again.
#[test]
fn a_budget_that_is_no_whole_number_of_milliseconds_runs_out() {
    for micros in [1, 999, 10_500] {
        let (mut config, _) = config(Duration::from_millis(5));
        config.budget = Duration::from_micros(micros);
        let failure = simulate_with(config, |_| std::future::pending::<()>());
        let budget = Duration::from_micros(micros);
        assert_eq!(
            failure.expect_err("nobody ends it"),
            Failure::OutOfTime { budget }
        );
    }
}

/// Regression: the driver woke at the millisecond of the next segment, and went on to the segment before the
/// tasks had run whose timers had fired at that millisecond too.
#[test]
fn a_timer_fires_on_time_when_a_segment_arrives_within_the_same_millisecond() {
    let (config, _) = config(Duration::from_micros(1_500));
    let finished = simulate_with(config, |sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        sim.run_on(client, |platform| async move {
            let to = "server:7".parse().expect("an authority");
            let mut stream = platform.connect(&to).await.expect("the echo is there");
            let sent = Instant::now();
            stream.write_all(b"x").await.expect("the peer reads");
            let mut fired = Vec::new();
            for due in 1..4 {
                tokio::time::sleep_until(sent + Duration::from_millis(due)).await;
                fired.push(sent.elapsed());
            }
            fired
        })
        .await
    });
    let fired = finished.expect("the run ends").value.expect("the client lives");
    assert_eq!(fired, [1, 2, 3].map(Duration::from_millis));
}

/// A timer and a segment that are due at the same instant both happen at that instant.
#[test]
fn a_timer_and_a_segment_at_the_same_instant_both_happen_then() {
    for latency in [1_000, 3_000, 333, 500] {
        let (config, _) = config(Duration::from_micros(latency));
        let finished = simulate_with(config, move |sim| async move {
            let server = sim.add_host("server", echo);
            let client = sim.add_host("client", idle);
            sim.start(server);
            sim.start(client);
            sim.run_on(client, move |platform| async move {
                let to = "server:7".parse().expect("an authority");
                let mut stream = platform.connect(&to).await.expect("the echo is there");
                let mut happened = Vec::new();
                for _ in 0..12 {
                    // From a whole millisecond, so that timers are exact.
                    sleep(Duration::from_micros(1)).await;
                    let sent = Instant::now();
                    stream.write_all(b"x").await.expect("the peer reads");
                    let timer = sleep(Duration::from_millis((2 * latency).div_ceil(1_000)));
                    let (trip, fired) = tokio::join!(
                        async {
                            stream.read_u8().await.expect("the echo");
                            sent.elapsed()
                        },
                        async {
                            timer.await;
                            sent.elapsed()
                        }
                    );
                    happened.push((trip, fired));
                }
                happened
            })
            .await
            .expect("the client lives")
        });
        let trip = Duration::from_micros(2 * latency);
        let fired = Duration::from_millis((2 * latency).div_ceil(1_000));
        let happened = finished.expect("the run ends").value;
        assert!(
            happened.iter().all(|&both| both == (trip, fired)),
            "{latency} us: {happened:?}"
        );
    }
}

#[test]
fn a_timer_that_arms_itself_for_ever_does_not_keep_a_run_alive() {
    let (mut config, _) = config(Duration::from_millis(5));
    config.budget = Duration::from_secs(10);
    let failure = simulate_with(config, |sim| async move {
        let host = sim.add_host("restless", |_| async {
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        });
        sim.start(host);
        std::future::pending::<()>().await;
    });
    assert_eq!(
        failure.expect_err("nobody ends it"),
        Failure::OutOfTime {
            budget: Duration::from_secs(10)
        }
    );
}

#[test]
fn an_endless_loop_of_awaits_is_named_instead_of_hanging() {
    let (config, _) = config(Duration::from_millis(5));
    let failure = simulate_with(config, |sim| async move {
        let host = sim.add_host("spinner", |platform| async move {
            sleep(Duration::from_millis(30)).await;
            platform.spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
            Ok(())
        });
        sim.start(host);
        sleep(Duration::from_secs(1)).await;
    });
    let failure = failure.expect_err("virtual time stands still");
    assert_eq!(
        failure,
        Failure::Stuck {
            host: "spinner".into(),
            at: Duration::from_millis(30)
        }
    );
}

#[test]
fn a_loop_without_awaits_is_named_by_the_watchdog() {
    let (mut config, _) = config(Duration::from_millis(5));
    config.wall_limit = Duration::from_millis(300);
    let release = Arc::new(AtomicU64::new(0));
    let held = release.clone();
    let failure = simulate_with(config, move |sim| async move {
        let host = sim.add_host("busy", move |_| {
            let held = held.clone();
            async move {
                while held.load(Ordering::Relaxed) == 0 {
                    std::hint::spin_loop();
                }
                Ok(())
            }
        });
        sim.start(host);
        sleep(Duration::from_secs(1)).await;
    });
    release.store(1, Ordering::Relaxed);
    match failure.expect_err("it does not return") {
        Failure::Watchdog { host, .. } => assert_eq!(host, "busy"),
        other => panic!("not the watchdog: {other}"),
    }
}

#[test]
fn a_stray_task_is_reported_with_its_host() {
    let (_, log) = simulate(|sim| async move {
        let host = sim.add_host("careless", |_| async {
            tokio::spawn(async { sleep(Duration::from_secs(1)).await });
            Ok(())
        });
        sim.start(host);
        sleep(Duration::from_secs(2)).await;
    });
    let log = log.lock().unwrap();
    let strays: Vec<_> = log
        .iter()
        .filter(|(_, _, event)| matches!(event, SimEvent::StrayTask { .. }))
        .collect();
    assert_eq!(strays.len(), 1);
    assert_eq!(strays[0].1, "careless");
    let SimEvent::StrayTask { place } = &strays[0].2 else {
        unreachable!("they are of that kind")
    };
    assert!(place.contains("/time.rs:"), "{place}");
}

//! Wall clocks that are off: each host has its own, and nothing else goes by it.

use std::time::{Duration, SystemTime};

use super::support::{idle, simulate};
use squall_platform::Platform;
use squall_sim::{ClockShift, EPOCH_SECONDS, HostId, Sim};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_secs(3600);

/// What a task of the host reads: from the system and from its platform, which must be the same.
async fn reads(sim: &Sim, host: HostId) -> SystemTime {
    let read = sim.run_on(host, |platform| async move {
        (SystemTime::now(), platform.wall_clock())
    });
    let (system, platform) = read.await.expect("the host is up");
    assert_eq!(system, platform);
    system
}

fn right(sim: &Sim) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH_SECONDS) + sim.now()
}

fn hosts(sim: &Sim) -> [HostId; 2] {
    ["one", "other"].map(|name| {
        let host = sim.add_host(name, idle);
        sim.start(host);
        host
    })
}

#[test]
fn a_clock_that_jumps_is_its_hosts_alone() {
    simulate(|sim| async move {
        let [one, other] = hosts(&sim);
        for (shift, reading) in [
            (ClockShift::Ahead(HOUR), right(&sim) + HOUR),
            (ClockShift::Behind(3 * HOUR), right(&sim) - 2 * HOUR),
            (ClockShift::Ahead(2 * HOUR), right(&sim)),
        ] {
            sim.shift_clock(one, shift);
            assert_eq!(reads(&sim, one).await, reading, "jumps add up");
            assert_eq!(reads(&sim, other).await, right(&sim));
            assert_eq!(SystemTime::now(), right(&sim), "the world's own is right");
        }
    });
}

#[test]
fn a_clock_is_the_machines_and_outlives_processes() {
    simulate(|sim| async move {
        let [one, _] = hosts(&sim);
        sim.shift_clock(one, ClockShift::Behind(HOUR));
        sim.kill(one);
        sim.start(one);
        assert_eq!(reads(&sim, one).await, right(&sim) - HOUR);
    });
}

#[test]
fn a_platform_shows_its_hosts_clock_whoever_asks() {
    simulate(|sim| async move {
        let [one, other] = hosts(&sim);
        sim.shift_clock(one, ClockShift::Ahead(HOUR));
        let platform = sim.run_on(one, |platform| async move { platform });
        let platform = platform.await.expect("the host is up");
        assert_eq!(platform.wall_clock(), right(&sim) + HOUR);
        let read = sim.run_on(
            other,
            |_| async move { (platform.wall_clock(), SystemTime::now()) },
        );
        let (of_one, of_other) = read.await.expect("the host is up");
        assert_eq!((of_one, of_other), (right(&sim) + HOUR, right(&sim)));
    });
}

#[test]
fn no_timer_goes_by_the_wall_clock() {
    simulate(|sim| async move {
        let [one, _] = hosts(&sim);
        let jumps = sim.clone();
        let slept = sim.run_on(one, |_| async move {
            let (start, monotonic) = (Instant::now(), std::time::Instant::now());
            for shift in [ClockShift::Ahead(HOUR), ClockShift::Behind(9 * HOUR)] {
                jumps.shift_clock(one, shift);
                sleep(Duration::from_secs(1)).await;
            }
            (start.elapsed(), monotonic.elapsed())
        });
        let two = Duration::from_secs(2);
        assert_eq!(slept.await.expect("the host is up"), (two, two));
    });
}

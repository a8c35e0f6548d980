//! What kernels notice of each other's end: when an open connection times out, and when it does not.

use std::io::ErrorKind::{self, ConnectionReset, TimedOut};
use std::time::Duration;

use squall_sim::{Chance, Effect, HostPairs, Sim, SimStream};
use tokio::io::AsyncReadExt;

use super::super::support::{Wired, millis, read, simulate, until, write};

/// A connection on which a word went there and back: the client has heard last at 110 ms, the server at 115.
async fn wired(sim: &Sim) -> Wired {
    let mut wired = Wired::new(sim.clone()).await;
    until(sim, 100).await;
    write(&mut wired.client, "there").await.expect("there is room");
    read(&mut wired.server).await.expect("it is open");
    write(&mut wired.server, "back").await.expect("there is room");
    read(&mut wired.client).await.expect("it is open");
    assert_eq!(millis(sim), 110);
    wired
}

/// How and when a stream's end is told, in milliseconds. `None`: not within a minute.
async fn end(sim: &Sim, stream: &mut SimStream) -> Option<(ErrorKind, u64)> {
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_u8()).await;
    read.ok()
        .map(|read| (read.expect_err("nothing was sent").kind(), millis(sim)))
}

type Ends = [Option<(ErrorKind, u64)>; 2];

/// How both ends of an idle connection end: the client's first.
async fn ends(sim: &Sim, wired: &mut Wired) -> Ends {
    let (client, server) = tokio::join!(end(sim, &mut wired.client), end(sim, &mut wired.server));
    [client, server]
}

/// The ends of an idle connection from `at` on.
fn idle_ends(at: u64, effect: impl Fn(HostPairs) -> Effect + Send + 'static) -> Ends {
    let (finished, _) = simulate(move |sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, at).await;
        sim.start_effect(1, effect(wired.both_ways()));
        ends(&sim, &mut wired).await
    });
    finished.value
}

#[test]
fn an_idle_connection_ends_ten_seconds_after_the_last_sign_of_life() {
    let expected = [Some((TimedOut, 10_110)), Some((TimedOut, 10_115))];
    assert_eq!(idle_ends(1_000, Effect::Hold), expected);
    assert_eq!(
        idle_ends(5_119, Effect::Hold),
        expected,
        "the first probe was on its way"
    );
    assert_eq!(idle_ends(1_000, Effect::Stall), expected);
    let loss = |pairs| Effect::SetLoss(pairs, Chance::new(1, 1));
    assert_eq!(idle_ends(1_000, loss), expected);
}

#[test]
fn answers_to_probes_are_signs_of_life() {
    // Each probe is sent 5 s after the last answer, and answered 10 ms later.
    let expected = [Some((TimedOut, 25_140)), Some((TimedOut, 25_145))];
    assert_eq!(idle_ends(20_000, Effect::Hold), expected);
}

#[test]
fn a_connection_that_waits_for_an_acknowledgement_ends_ten_seconds_after_it_first_sent_again() {
    simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, 1_000).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        until(&sim, 9_000).await;
        // Probes are out already: from here on it is the bytes that count.
        write(&mut wired.client, "hello").await.expect("there is room");
        let ends = ends(&sim, &mut wired).await;
        assert_eq!(ends, [Some((TimedOut, 19_200)), Some((TimedOut, 10_115))]);
    });
}

#[test]
fn bytes_that_arrive_and_are_never_acknowledged_time_their_sender_out() {
    simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, 1_000).await;
        sim.start_effect(1, Effect::Hold(wired.to_client()));
        write(&mut wired.client, "hello").await.expect("there is room");
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        assert_eq!(millis(&sim), 1_005);
        assert_eq!(end(&sim, &mut wired.client).await, Some((TimedOut, 11_200)));
    });
}

#[test]
fn an_end_that_gives_up_an_idle_connection_tells_the_other_one() {
    simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, 1_000).await;
        // The client hears nothing; what it says arrives.
        sim.start_effect(1, Effect::Hold(wired.to_client()));
        write(&mut wired.server, "held").await.expect("there is room");
        let ends = ends(&sim, &mut wired).await;
        assert_eq!(ends, [Some((TimedOut, 10_110)), Some((ConnectionReset, 10_115))]);
    });
}

#[test]
fn a_cut_that_heals_in_time_ends_nothing() {
    for effect in [Effect::Hold, Effect::Stall] {
        simulate(move |sim| async move {
            let mut wired = wired(&sim).await;
            until(&sim, 1_000).await;
            sim.start_effect(1, effect(wired.both_ways()));
            until(&sim, 9_000).await;
            sim.end_effect(1);
            until(&sim, 60_000).await;
            write(&mut wired.client, "hello").await.expect("it is open");
            assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
            assert_eq!(millis(&sim), 60_005);
            // What was heard since counts.
            until(&sim, 61_000).await;
            sim.start_effect(2, effect(wired.both_ways()));
            let ends = ends(&sim, &mut wired).await;
            assert_eq!(ends, [Some((TimedOut, 70_010)), Some((TimedOut, 70_005))]);
        });
    }
}

/// Sent at 1 s, the bytes are sent again at 1.2, 1.6, 2.4, 4 and 7.2 s; the next time would be at 13.6 s: too late.
#[test]
fn bytes_that_are_sent_again_in_time_after_a_cut_are_acknowledged() {
    for (healed, ended) in [(7_199, None), (7_206, Some((TimedOut, 11_200)))] {
        simulate(move |sim| async move {
            let mut wired = wired(&sim).await;
            until(&sim, 1_000).await;
            sim.start_effect(1, Effect::Hold(wired.to_client()));
            write(&mut wired.client, "hello").await.expect("there is room");
            until(&sim, healed).await;
            sim.end_effect(1);
            assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
            assert_eq!(end(&sim, &mut wired.client).await, ended, "healed at {healed} ms");
        });
    }
}

#[test]
fn a_crashed_machine_is_noticed_by_those_that_wait_for_it() {
    simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, 1_000).await;
        sim.crash(wired.server_host);
        assert_eq!(end(&sim, &mut wired.client).await, Some((TimedOut, 10_110)));
    });
}

#[test]
fn a_machine_that_is_back_answers_the_next_probe_with_a_reset() {
    for (back, told) in [(3_000, 5_120), (7_500, 8_120)] {
        simulate(move |sim| async move {
            let mut wired = wired(&sim).await;
            until(&sim, 1_000).await;
            sim.crash(wired.server_host);
            until(&sim, back).await;
            sim.start(wired.server_host);
            let expected = Some((ConnectionReset, told));
            assert_eq!(end(&sim, &mut wired.client).await, expected, "back at {back} ms");
        });
    }
}

#[test]
fn the_kernel_of_a_process_that_is_paused_answers() {
    simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        sim.pause(wired.server_host);
        write(&mut wired.client, "hello").await.expect("there is room");
        assert_eq!(end(&sim, &mut wired.client).await, None);
        sim.resume(wired.server_host);
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
    });
}

#[test]
fn connects_that_are_swallowed_or_refused_do_not_concern_open_connections() {
    for effect in [Effect::Blackhole, Effect::Refuse] {
        simulate(move |sim| async move {
            let mut wired = wired(&sim).await;
            sim.start_effect(1, effect(wired.both_ways()));
            assert_eq!(ends(&sim, &mut wired).await, [None, None]);
        });
    }
}

#[test]
fn an_idle_connection_on_a_sound_network_lives_for_ever_and_says_nothing() {
    let (finished, _) = simulate(|sim| async move {
        let mut wired = wired(&sim).await;
        until(&sim, 3_000_000).await;
        write(&mut wired.client, "hello").await.expect("it is open");
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
    });
    assert!(finished.trace.len() < 20, "{}", finished.trace.len());
}

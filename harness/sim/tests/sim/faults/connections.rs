//! Faults of connections: reset, refuse, blackhole.

use std::io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, TimedOut};

use squall_platform::{Listener, Platform};
use squall_sim::{Closed, Effect, HostPairs, SimEvent, Touch};

use super::super::support::{
    Log, Wired, dial, hangs, idle, millis, pairs, process, read, simulate, until, write,
};

/// When something was touched, how, and by which faults.
fn touches(log: &Log) -> Vec<(u64, Touch, Vec<u32>)> {
    let log = log.lock().expect("no panic while it was held");
    let touches = log.iter().filter_map(|(at, _, event)| match event {
        SimEvent::Touched { touch, faults, .. } => Some((at / 1_000_000, *touch, faults.clone())),
        _ => None,
    });
    touches.collect()
}

#[test]
fn a_reset_is_heard_at_both_ends_at_once_and_once() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        write(&mut wired.client, "on its way")
            .await
            .expect("there is room");
        until(&sim, 102).await;
        sim.reset(3, &wired.both_ways());
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        assert_eq!(read(&mut wired.server).await, Err(ConnectionReset));
        assert_eq!(millis(&sim), 102);
        assert_eq!(write(&mut wired.client, "hello").await, Err(BrokenPipe));
        assert_eq!(read(&mut wired.server).await, Ok(String::new()));
        sim.reset(4, &wired.both_ways());
        assert_eq!(read(&mut wired.client).await, Ok(String::new()), "not twice");
        dial(&wired.client_platform).await.expect("it still listens");
    });
    assert_eq!(touches(&log), [(102, Touch::Reset, vec![3])]);
}

#[test]
fn what_arrived_before_a_reset_can_still_be_read() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "hello").await.expect("there is room");
        until(&sim, 100).await;
        sim.reset(1, &wired.both_ways());
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        assert_eq!(read(&mut wired.server).await, Err(ConnectionReset));
    });
}

#[test]
fn one_way_resets_what_was_dialled_that_way() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let other = sim.add_host("other", idle);
        sim.start(other);
        let mut elsewhere = dial(&process(&sim, other).await).await.expect("it listens");
        sim.reset(1, &wired.to_client());
        sim.reset(2, &pairs(wired.client_host, other, true));
        write(&mut wired.client, "hello")
            .await
            .expect("it was dialled the other way");
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        sim.reset(3, &wired.to_server());
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        assert!(hangs(read(&mut elsewhere), 1_000).await, "it is of another pair");
    });
}

#[test]
fn a_connect_in_progress_outlives_a_reset() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        for at in [102, 107] {
            let (later, both) = (sim.clone(), wired.both_ways());
            sim.spawn(async move {
                until(&later, at).await;
                later.reset(1, &both);
            });
        }
        dial(&wired.client_platform).await.expect("it was not open yet");
        assert_eq!(millis(&sim), 110);
    });
}

#[test]
fn a_connection_that_was_reset_sends_nothing_again() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        write(&mut wired.client, "held").await.expect("there is room");
        until(&sim, 150).await;
        sim.reset(2, &wired.both_ways());
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        assert!(
            hangs(std::future::pending::<()>(), 200_000).await,
            "past the time to give up"
        );
        assert_eq!(read(&mut wired.client).await, Ok(String::new()), "it heard once");
        drop((wired.client, wired.server));
    });
    assert_eq!(
        touches(&log),
        [(100, Touch::Held, vec![1]), (150, Touch::Reset, vec![2])]
    );
    let log = log.lock().expect("no panic while it was held");
    let closed = log
        .iter()
        .filter(|(_, _, event)| matches!(event, SimEvent::Closed(_, Closed::Reset)));
    assert_eq!(closed.count(), 1);
}

#[test]
fn connects_are_refused_after_a_round_trip_and_open_connections_go_on() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Refuse(wired.to_server()));
        let error = dial(&wired.client_platform).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim)), (ConnectionRefused, 110));
        dial(&wired.server_platform).await.expect("it reaches itself");
        write(&mut wired.client, "hello").await.expect("there is room");
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        sim.end_effect(1);
        dial(&wired.client_platform).await.expect("it listens");
    });
    assert_eq!(touches(&log), [(105, Touch::Refused, vec![1])]);
}

#[test]
fn only_the_named_pairs_refuse() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let mut other_way = wired.client_platform.bind(8).await.expect("it is free");
        sim.start_effect(1, Effect::Refuse(wired.to_server()));
        let to_client = "client:8".parse().expect("an authority");
        let dialled = wired.server_platform.connect(&to_client).await;
        let mut dialled = dialled.expect("this way is open");
        let (mut accepted, _) = other_way.accept().await.expect("it waits");
        write(&mut dialled, "hello").await.expect("there is room");
        assert_eq!(read(&mut accepted).await, Ok("hello".into()));
        assert!(hangs(wired.listener.accept(), 1_000).await);
    });
}

#[test]
fn connects_into_a_blackhole_are_never_answered_and_open_connections_go_on() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Blackhole(wired.to_server()));
        write(&mut wired.client, "hello").await.expect("there is room");
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        assert_eq!(millis(&sim), 105);
        let error = dial(&wired.client_platform).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim)), (TimedOut, 127_105));
    });
}

#[test]
fn a_blackhole_that_ends_lets_the_next_retry_through() {
    let (_, log) = simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        let all: HostPairs = wired.both_ways();
        sim.start_effect(1, Effect::Blackhole(all));
        let later = sim.clone();
        sim.spawn(async move {
            until(&later, 1_500).await;
            later.end_effect(1);
        });
        dial(&wired.client_platform).await.expect("it is answered now");
        assert_eq!(millis(&sim), 3_110, "sent at 100, and 1 and 3 seconds later");
    });
    let dropped = |at| (at, Touch::Dropped, vec![1]);
    assert_eq!(touches(&log), [dropped(100), dropped(1_100)]);
}

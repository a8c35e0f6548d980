//! What the observer hears: who came and went, which faults touched which segments, each connection once.

use std::collections::BTreeMap;
use std::time::Duration;

use squall_platform::Platform;
use squall_sim::{Chance, Closed, Down, Effect, Latency, Sim, SimEvent, Touch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::super::support::{
    Log, Wired, config, dial, echo, idle, pairs, ping, process, read, simulate, simulate_with, until, write,
};

/// What was heard from `from` milliseconds on: when, where, what.
fn heard(log: &Log, from: u64) -> Vec<(u64, String, SimEvent)> {
    let log = log.lock().expect("no panic while it was held");
    let log = log.iter().filter(|(at, ..)| *at >= from * 1_000_000);
    log.map(|(at, host, event)| (at / 1_000_000, host.clone(), event.clone()))
        .collect()
}

/// Touches: when, what happened, from whom, payload bytes, by which faults.
fn touches(log: &Log) -> Vec<(u64, Touch, String, u64, Vec<u32>)> {
    let events = heard(log, 0)
        .into_iter()
        .filter_map(|(at, _, event)| match event {
            SimEvent::Touched {
                touch,
                from,
                bytes,
                faults,
                ..
            } => Some((at, touch, from.to_string(), bytes, faults)),
            _ => None,
        });
    events.collect()
}

fn client() -> String {
    "client".to_owned()
}

#[test]
fn each_touch_names_the_faults_that_did_it() {
    let ms = |millis| Latency::constant(Duration::from_millis(millis));
    let (_, log) = simulate(move |sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(3, Effect::Hold(wired.to_server()));
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        sim.start_effect(2, Effect::AddLatency(wired.both_ways(), ms(1)));
        write(&mut wired.client, "held").await.expect("there is room");
        until(&sim, 200).await;
        sim.end_effect(1);
        until(&sim, 400).await;
        sim.end_effect(3);
        // At 700 it goes through, later by one millisecond.
        read(&mut wired.server).await.expect("it is open");
        sim.end_effect(2);
        until(&sim, 1_000).await;
        sim.start_effect(9, Effect::SetLoss(wired.both_ways(), Chance::new(1, 1)));
        write(&mut wired.client, "lost").await.expect("there is room");
        until(&sim, 1_100).await;
        sim.end_effect(9);
        read(&mut wired.server).await.expect("it is open");
        write(&mut wired.client, "untouched")
            .await
            .expect("there is room");
        read(&mut wired.server).await.expect("it is open");
        until(&sim, 2_000).await;
        sim.crash(wired.server_host);
        write(&mut wired.client, "dropped").await.expect("there is room");
        sleep(Duration::from_millis(100)).await;
    });
    assert_eq!(
        touches(&log),
        [
            (100, Touch::Held, client(), 4, vec![1, 3]),
            (300, Touch::Held, client(), 4, vec![3]),
            (700, Touch::Delayed, client(), 4, vec![2]),
            (1_000, Touch::Lost, client(), 4, vec![9]),
            (2_005, Touch::Dropped, client(), 7, vec![]),
        ]
    );
}

#[test]
fn a_links_own_loss_is_nobodys_fault() {
    let (mut config, log) = config(Duration::from_millis(5));
    config.link.loss = Chance::new(1, 4);
    let finished = simulate_with(config, |sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        for _ in 0..20 {
            write(&mut wired.client, "hello").await.expect("there is room");
            read(&mut wired.server).await.expect("it is open");
        }
    });
    finished.expect("the run ends");
    let touches = touches(&log);
    assert!(!touches.is_empty());
    assert!(
        touches
            .iter()
            .all(|(_, touch, _, _, faults)| *touch == Touch::Lost && faults.is_empty())
    );
}

#[test]
fn coming_and_going_is_told_with_counts() {
    let (_, log) = simulate(|sim| async move {
        // A listener, an accepted connection; main, and the task that echoes.
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let platform = process(&sim, client).await;
        let _stream = dial(&platform).await.expect("it is up");
        until(&sim, 100).await;
        sim.kill(server);
        sim.kill(server);
        until(&sim, 200).await;
        sim.start(server);
        sim.start(server);
        until(&sim, 300).await;
        sim.pause(server);
        sim.pause(server);
        sim.resume(server);
        sim.resume(server);
        until(&sim, 400).await;
        sim.crash(server);
        until(&sim, 500).await;
    });
    let about_server = heard(&log, 0).into_iter().filter(|(_, host, _)| host == "server");
    let stopped = |incarnation, how, tasks, sockets| SimEvent::Stopped {
        incarnation,
        how,
        tasks,
        sockets,
        error: String::new(),
    };
    assert_eq!(
        about_server.map(|(at, _, event)| (at, event)).collect::<Vec<_>>(),
        [
            (0, SimEvent::Started { incarnation: 0 }),
            (100, stopped(0, Down::Killed, 2, 2)),
            (200, SimEvent::Started { incarnation: 1 }),
            (300, SimEvent::Paused),
            (300, SimEvent::Resumed),
            (400, stopped(1, Down::Crashed, 1, 1)),
        ]
    );
}

#[test]
fn a_failure_and_a_panic_are_told_with_their_words() {
    let (_, log) = simulate(|sim| async move {
        let failing = sim.add_host("failing", |_| async { Err("no disk".to_owned()) });
        let panicking = sim.add_host("panicking", |platform: squall_sim::SimPlatform| async move {
            platform.spawn(async { panic!("a task") });
            sleep(Duration::from_millis(50)).await;
            panic!("main")
        });
        sim.start(failing);
        sim.start(panicking);
        until(&sim, 10).await;
        assert_eq!((sim.is_up(failing), sim.is_up(panicking)), (false, true));
        until(&sim, 100).await;
        assert!(!sim.is_up(panicking));
    });
    let stopped = |tasks, error: &str| SimEvent::Stopped {
        incarnation: 0,
        how: Down::Failed,
        tasks,
        sockets: 0,
        error: error.to_owned(),
    };
    let panicked = |message: &str| SimEvent::Panicked {
        message: message.to_owned(),
    };
    let told = |host: &str| -> Vec<SimEvent> {
        let events = heard(&log, 0).into_iter().filter(|(_, of, _)| of == host);
        events.map(|(_, _, event)| event).skip(1).collect()
    };
    assert_eq!(told("failing"), [stopped(1, "no disk")]);
    assert_eq!(
        told("panicking"),
        [
            panicked("a task"),
            stopped(1, "its main task panicked"),
            panicked("main")
        ]
    );
}

/// Ends of connections of every kind: in order, refused, reset, timed out, crashed.
async fn all_kinds_of_ends(sim: Sim) {
    let mut wired = Wired::new(sim.clone()).await;
    let other = sim.add_host("other", echo);
    sim.start(other);
    let client = wired.client_platform.clone();
    // Flow 1 (the listener has number 0): reset, with data unread.
    write(&mut wired.client, "unread").await.expect("there is room");
    until(&sim, 100).await;
    drop(wired.server);
    read(&mut wired.client).await.expect_err("a reset");
    drop(wired.client);
    // In order.
    ping(client.clone(), "other").await.expect("it is up");
    // Refused.
    client
        .connect(&"other:8".parse().expect("an authority"))
        .await
        .expect_err("nobody listens");
    // Timed out while it connects.
    let both = pairs(wired.client_host, wired.server_host, true);
    sim.start_effect(1, Effect::Hold(both.clone()));
    dial(&client).await.expect_err("nothing gets through");
    sim.end_effect(1);
    // Timed out while open: the server's end is dropped later, and reset.
    let mut lonely = dial(&client).await.expect("it listens");
    sim.start_effect(1, Effect::Hold(both));
    write(&mut lonely, "hello").await.expect("there is room");
    read(&mut lonely).await.expect_err("nothing gets through");
    drop(lonely);
    sim.end_effect(1);
    drop(wired.listener);
    // Under a machine that crashes.
    let mut to_other = client
        .connect(&"other:7".parse().expect("an authority"))
        .await
        .expect("it is up");
    to_other.write_u8(1).await.expect("there is room");
    to_other.read_u8().await.expect("the echo");
    sim.crash(other);
    sim.start(other);
    to_other.write_u8(1).await.expect("there is room");
    to_other.read_u8().await.expect_err("a reset");
    drop(to_other);
    sleep(Duration::from_secs(1)).await;
}

#[test]
fn every_connection_opens_at_most_once_and_closes_exactly_once() {
    let (_, log) = simulate(all_kinds_of_ends);
    let mut connections: BTreeMap<u64, (u32, Vec<Closed>)> = BTreeMap::new();
    for (_, _, event) in heard(&log, 0) {
        match event {
            SimEvent::Opened(connection) => {
                let (opened, closed) = connections.entry(connection.flow).or_default();
                assert!(closed.is_empty(), "closed before it opened");
                *opened += 1;
            }
            SimEvent::Closed(connection, how) => connections.entry(connection.flow).or_default().1.push(how),
            _ => {}
        }
    }
    let connections: Vec<_> = connections.into_values().collect();
    assert_eq!(
        connections,
        [
            (1, vec![Closed::Reset]),
            (1, vec![Closed::Finished]),
            (0, vec![Closed::Refused]),
            (0, vec![Closed::TimedOut]),
            (1, vec![Closed::TimedOut]),
            (1, vec![Closed::Reset]),
        ]
    );
}

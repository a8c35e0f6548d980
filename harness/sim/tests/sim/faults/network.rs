//! Partitions, loss and latency: when segments arrive, and in which order.

use std::io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, TimedOut};
use std::time::Duration;

use squall_platform::{Listener, Platform};
use squall_sim::{Chance, Effect, EngineKind, Latency, LinkRule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::super::support::{
    Wired, config, dial, echo, engine, hangs, idle, millis, pairs, ping, process, read, simulate,
    simulate_with, until, write,
};

fn ms(millis: u64) -> Latency {
    Latency::constant(Duration::from_millis(millis))
}

/// Holds from 100 ms to `healed`; the client writes at 100 ms. When does it arrive?
fn arrival_when_healed_at(healed: u64) -> u64 {
    let (finished, _) = simulate(move |sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        write(&mut wired.client, "hello").await.expect("there is room");
        until(&sim, healed).await;
        sim.end_effect(1);
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        millis(&sim)
    });
    finished.value
}

#[test]
fn a_held_segment_arrives_at_the_first_retransmission_after_the_partition() {
    // Sent at 100; again 200, 400, 800, ... later; 5 ms on its way.
    assert_eq!(arrival_when_healed_at(101), 305);
    assert_eq!(arrival_when_healed_at(299), 305);
    assert_eq!(arrival_when_healed_at(301), 705);
    assert_eq!(arrival_when_healed_at(699), 705);
    assert_eq!(arrival_when_healed_at(701), 1_505);
    assert_eq!(arrival_when_healed_at(6_299), 6_305, "100 + 200 * (2^5 - 1)");
}

#[test]
fn what_is_written_meanwhile_waits_its_turn() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        for (at, text) in [(100, "a"), (150, "b"), (250, "c")] {
            until(&sim, at).await;
            write(&mut wired.client, text).await.expect("there is room");
        }
        until(&sim, 260).await;
        sim.end_effect(1);
        until(&sim, 270).await;
        write(&mut wired.client, "d").await.expect("there is room");
        let mut text = [0; 4];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim)), (b"abcd", 305));
        write(&mut wired.client, "e").await.expect("there is room");
        assert_eq!(read(&mut wired.server).await, Ok("e".into()));
        assert_eq!(millis(&sim), 310, "the link is as it was");
    });
}

#[test]
fn one_way_holds_one_way_only() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.to_server()));
        write(&mut wired.client, "held").await.expect("there is room");
        write(&mut wired.server, "free").await.expect("there is room");
        assert_eq!(read(&mut wired.client).await, Ok("free".into()));
        assert_eq!(millis(&sim), 105);
        assert!(hangs(read(&mut wired.server), 1_000).await);
        sim.end_effect(1);
        assert_eq!(read(&mut wired.server).await, Ok("held".into()));
        assert_eq!(millis(&sim), 1_505);
    });
}

#[test]
fn a_partition_beyond_the_limit_times_both_ends_out() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        write(&mut wired.client, "hello").await.expect("there is room");
        assert_eq!(read(&mut wired.client).await, Err(TimedOut));
        assert_eq!(millis(&sim), 10_300);
        assert_eq!(read(&mut wired.server).await, Err(TimedOut));
        assert_eq!(millis(&sim), 10_300, "it was idle, and knew before");
    });
}

#[test]
fn a_connect_through_a_partition_is_sent_again_after_1_3_and_7_seconds() {
    for (healed, connected) in [(500, 1_110), (1_500, 3_110), (3_200, 7_110)] {
        simulate(move |sim| async move {
            let wired = Wired::new(sim.clone()).await;
            until(&sim, 100).await;
            sim.start_effect(1, Effect::Hold(wired.both_ways()));
            let later = sim.clone();
            sim.spawn(async move {
                until(&later, healed).await;
                later.end_effect(1);
            });
            dial(&wired.client_platform).await.expect("it heals");
            assert_eq!(millis(&sim), connected);
        });
    }
}

#[test]
fn a_connect_through_a_partition_that_stays_times_out() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.to_server()));
        let error = dial(&wired.client_platform).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim)), (TimedOut, 127_100));
    });
}

#[test]
fn an_accept_that_is_held_is_sent_again_after_a_second() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.to_client()));
        let later = sim.clone();
        sim.spawn(async move {
            until(&later, 500).await;
            later.end_effect(1);
        });
        dial(&wired.client_platform).await.expect("it heals");
        assert_eq!(millis(&sim), 1_110);
    });
}

#[test]
fn a_reset_is_sent_once_and_again_when_the_peer_writes() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "unread").await.expect("there is room");
        sleep(Duration::from_millis(10)).await;
        sim.start_effect(1, Effect::Hold(wired.both_ways()));
        drop(wired.server);
        sleep(Duration::from_millis(1)).await;
        sim.end_effect(1);
        assert!(hangs(read(&mut wired.client), 1_000).await, "the reset is lost");
        write(&mut wired.client, "hello")
            .await
            .expect("it knows of nothing");
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
    });
}

/// Regression: the refusal was sent once, and the client waited for ever.
#[test]
fn a_refusal_that_is_lost_comes_again_when_the_connect_does() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetLoss(wired.to_client(), Chance::new(1, 1)));
        let later = sim.clone();
        sim.spawn(async move {
            until(&later, 500).await;
            later.end_effect(1);
        });
        let nobody = "server:8".parse().expect("an authority");
        let error = wired.client_platform.connect(&nobody).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim)), (ConnectionRefused, 1_110));
    });
}

/// Regression: a connection whose FIN was answered by a lost reset was never closed.
#[test]
fn a_reset_that_answers_comes_again_when_it_is_lost() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        drop(wired.server);
        until(&sim, 100).await;
        let to_client = pairs(wired.server_host, wired.client_host, false);
        sim.start_effect(1, Effect::Hold(to_client));
        write(&mut wired.client, "hello").await.expect("this way is open");
        until(&sim, 150).await;
        sim.end_effect(1);
        until(&sim, 309).await;
        assert_eq!(write(&mut wired.client, "hello").await, Ok(()));
        until(&sim, 310).await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(write(&mut wired.client, "hello").await, Err(BrokenPipe));
    });
}

#[test]
fn an_answer_that_never_gets_through_times_its_asker_out() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.to_client()));
        let nobody = "server:8".parse().expect("an authority");
        let error = wired.client_platform.connect(&nobody).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim)), (TimedOut, 127_105));
    });
}

#[test]
fn a_lost_segment_arrives_a_timeout_later_and_the_next_waits_for_it() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetLoss(wired.both_ways(), Chance::new(1, 1)));
        write(&mut wired.client, "lost").await.expect("there is room");
        until(&sim, 110).await;
        sim.end_effect(1);
        write(&mut wired.client, "+next").await.expect("there is room");
        let mut text = [0; 9];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim)), (b"lost+next", 305));
    });
}

/// When each of 300 numbers, sent 20 ms apart through a link that loses every fifth segment, arrives.
fn arrivals_through_loss(seed: u64) -> (Vec<(u32, u64)>, u64) {
    let (mut config, _) = config(Duration::from_millis(5));
    config.seed = seed;
    let finished = simulate_with(config, |sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetLoss(wired.to_server(), Chance::new(1, 5)));
        let (client, to_sleep) = (&mut wired.client, sim.clone());
        let send = async {
            for number in 0..300 {
                until(&to_sleep, 100 + 20 * u64::from(number)).await;
                client.write_u32(number).await.expect("there is room");
            }
        };
        let receive = async {
            let mut arrivals = Vec::new();
            for _ in 0..300 {
                let number = wired.server.read_u32().await.expect("it is open");
                arrivals.push((number, millis(&sim)));
            }
            arrivals
        };
        tokio::join!(send, receive).1
    });
    let finished = finished.expect("the run ends");
    (finished.value, finished.digest)
}

#[test]
fn loss_delays_by_timeouts_keeps_the_order_and_is_the_same_for_the_same_seed() {
    let (arrivals, digest) = arrivals_through_loss(7);
    assert!(arrivals.iter().map(|(number, _)| *number).eq(0..300));
    let delay = |&(number, at): &(u32, u64)| at - (100 + 20 * u64::from(number));
    assert!(
        arrivals.iter().any(|arrival| delay(arrival) == 5),
        "some were not lost"
    );
    assert!(
        arrivals.iter().any(|arrival| delay(arrival) == 205),
        "some were lost once"
    );
    assert!(
        arrivals.iter().any(|arrival| (6..205).contains(&delay(arrival))),
        "some waited behind them"
    );
    // Lost five times in a row is one in 3,125; a flow that did not catch up would be behind by far more.
    assert!(
        arrivals
            .iter()
            .all(|arrival| delay(arrival) <= 205 + 400 + 800 + 1_600),
        "it catches up"
    );
    assert_eq!(arrivals_through_loss(7), (arrivals.clone(), digest));
    assert_ne!(arrivals_through_loss(8).0, arrivals);
}

#[test]
fn latency_can_be_added_and_replaced_each_way() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        let mut trip = async |expected: (u64, u64)| {
            let from = millis(&sim);
            write(&mut wired.client, "there").await.expect("there is room");
            read(&mut wired.server).await.expect("it is open");
            let there = millis(&sim) - from;
            write(&mut wired.server, "back").await.expect("there is room");
            read(&mut wired.client).await.expect("it is open");
            assert_eq!((there, millis(&sim) - from - there), expected);
        };
        let (to_server, both) = (
            pairs(wired.client_host, wired.server_host, false),
            pairs(wired.client_host, wired.server_host, true),
        );
        trip((5, 5)).await;
        sim.start_effect(1, Effect::AddLatency(to_server.clone(), ms(20)));
        trip((25, 5)).await;
        sim.start_effect(2, Effect::SetLatency(both.clone(), ms(50)));
        trip((70, 50)).await;
        sim.start_effect(3, Effect::AddLatency(both.clone(), ms(1)));
        trip((71, 51)).await;
        sim.end_effect(1);
        trip((51, 51)).await;
        sim.end_effect(2);
        sim.set_link_rules(vec![LinkRule {
            pairs: to_server,
            latency: Some(ms(7)),
            loss: None,
            bandwidth: None,
        }]);
        trip((8, 6)).await;
        sim.end_effect(3);
        trip((7, 5)).await;
    });
}

#[test]
fn a_segment_never_overtakes_an_earlier_one_of_its_flow() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::AddLatency(wired.both_ways(), ms(95)));
        write(&mut wired.client, "slow").await.expect("there is room");
        until(&sim, 110).await;
        sim.end_effect(1);
        write(&mut wired.client, "+fast").await.expect("there is room");
        let mut other = dial(&wired.client_platform).await.expect("it listens");
        assert_eq!(millis(&sim), 120, "other flows are not held up");
        assert_eq!(read(&mut wired.server).await, Ok("slow+fast".into()));
        assert_eq!(millis(&sim), 200);
        write(&mut other, "hello").await.expect("there is room");
    });
}

#[test]
fn a_host_reaches_itself_whatever_the_network_does() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let all = [wired.client_host, wired.server_host];
        let everything = squall_sim::HostPairs {
            from: all.into(),
            to: all.into(),
            both_ways: true,
        };
        sim.start_effect(1, Effect::Hold(everything));
        let from = sim.now();
        let mut client = dial(&wired.server_platform).await.expect("its own listener");
        let (mut server, _) = wired.listener.accept().await.expect("it waits");
        write(&mut client, "hello").await.expect("there is room");
        assert_eq!(read(&mut server).await, Ok("hello".into()));
        // Connect, accept, confirm, and the bytes behind it.
        assert_eq!(sim.now() - from, Duration::from_micros(40));
    });
}

#[test]
fn hosts_that_come_late_reach_everybody_and_are_reached() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        let [late, later] = ["late", "later"].map(|name| sim.add_host(name, echo));
        sim.start(late);
        sim.start(later);
        let late = process(&sim, late).await;
        for (from, to) in [
            (&wired.client_platform, "late"),
            (&wired.client_platform, "later"),
            (&late, "later"),
        ] {
            let asked = sim.now();
            ping(from.clone(), to).await.expect("the echo is there");
            assert_eq!(sim.now() - asked, Duration::from_millis(20), "to {to}");
        }
        dial(&late).await.expect("the server listens");
    });
}

/// Regression: the reset that answered a late FIN of a dead flow took over the place of a new flow, which
/// lost its order and the segments that waited to be sent again.
#[test]
fn a_late_segment_of_a_dead_flow_does_not_disturb_the_flow_in_its_place() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "unread").await.expect("there is room");
        until(&sim, 100).await;
        drop(wired.server);
        until(&sim, 104).await;
        sim.start_effect(
            1,
            Effect::AddLatency(pairs(wired.client_host, wired.server_host, false), ms(95)),
        );
        drop(wired.client);
        until(&sim, 106).await;
        sim.end_effect(1);
        let mut client = dial(&wired.client_platform).await.expect("it listens");
        let (mut server, _) = wired.listener.accept().await.expect("it waits");
        until(&sim, 150).await;
        let held = pairs(wired.server_host, wired.client_host, false);
        sim.start_effect(2, Effect::Hold(held));
        write(&mut server, "held").await.expect("there is room");
        until(&sim, 250).await;
        sim.end_effect(2);
        assert_eq!(read(&mut client).await, Ok("held".into()));
        assert_eq!(millis(&sim), 355);
    });
}

/// Regression: so did one that found its machine down.
#[test]
fn a_late_segment_to_a_machine_that_is_down_does_not_disturb_the_flow_in_its_place() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let other = sim.add_host("other", idle);
        sim.start(other);
        let mut listener = process(&sim, other).await.bind(7).await.expect("it is free");
        write(&mut wired.client, "unread").await.expect("there is room");
        until(&sim, 100).await;
        drop(wired.server);
        until(&sim, 104).await;
        let to_server = pairs(wired.client_host, wired.server_host, false);
        sim.start_effect(1, Effect::AddLatency(to_server, ms(95)));
        drop(wired.client);
        until(&sim, 106).await;
        let to_other = "other:7".parse().expect("an authority");
        let mut client = wired
            .client_platform
            .connect(&to_other)
            .await
            .expect("it listens");
        let (mut server, _) = listener.accept().await.expect("it waits");
        until(&sim, 150).await;
        sim.start_effect(2, Effect::Hold(pairs(wired.client_host, other, false)));
        write(&mut client, "held").await.expect("there is room");
        sim.crash(wired.server_host);
        until(&sim, 250).await;
        sim.end_effect(2);
        assert_eq!(read(&mut server).await, Ok("held".into()));
        assert_eq!(millis(&sim), 355);
    });
}

#[test]
fn a_full_backlog_loses_connects_and_they_come_again() {
    let (finished, _) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..1_030 {
            let (client, sender, sim) = (wired.client_platform.clone(), sender.clone(), sim.clone());
            wired.client_platform.spawn(async move {
                let stream = dial(&client).await.expect("somebody listens");
                sender.send((millis(&sim), stream)).expect("the test waits");
            });
        }
        let mut connected = Vec::new();
        for _ in 0..1_024 {
            connected.push(receiver.recv().await.expect("1024 fit"));
        }
        assert!(hangs(receiver.recv(), 100).await, "six do not");
        for _ in 0..1_030 {
            wired.listener.accept().await.expect("it waits");
        }
        for _ in 0..6 {
            connected.push(receiver.recv().await.expect("there is room now"));
        }
        connected.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    });
    let (first, again) = finished.value.split_at(1_024);
    assert!(first.iter().all(|at| *at == 110));
    assert!(again.iter().all(|at| *at == 1_115), "{again:?}");
}

#[test]
fn a_window_update_that_is_held_keeps_the_writer_waiting() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        let count = match engine() {
            EngineKind::Flow => 500 * 1024,
            EngineKind::Turmoil => 300 * 1024,
        };
        let bytes = vec![7; count];
        sim.start_effect(
            1,
            Effect::Hold(pairs(wired.server_host, wired.client_host, false)),
        );
        let (mut client, mut server) = (wired.client, wired.server);
        let (later, to_heal) = (sim.clone(), sim.clone());
        let write = async {
            client.write_all(&bytes).await.expect("it is open");
            millis(&later)
        };
        let read = async {
            let mut received = vec![0; count];
            server.read_exact(&mut received).await.expect("it is open");
        };
        let heal = async {
            until(&to_heal, 110).await;
            to_heal.end_effect(1);
        };
        let (written, (), ()) = tokio::join!(write, read, heal);
        // The window fills at 100 and is read at 105; what tells of it is sent again at 305, and arrives at 310.
        // Then 116 KiB are left to write on flow, and 236 KiB to send on turmoil: 64 KiB each 10 ms.
        let (writes, reads) = match engine() {
            EngineKind::Flow => (310, 315),
            EngineKind::Turmoil => (310, 345),
        };
        assert_eq!(written, writes);
        assert_eq!(millis(&sim), reads);
    });
}

/// Regression: the network went on sending for a kernel that had been reset, and gave up in its name.
#[test]
fn who_was_reset_does_not_time_out_as_well() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "unread").await.expect("there is room");
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Hold(wired.to_server()));
        write(&mut wired.client, "held").await.expect("there is room");
        until(&sim, 150).await;
        drop(wired.server);
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        until(&sim, 200_000).await;
        assert_eq!(read(&mut wired.client).await, Ok(String::new()));
    });
}

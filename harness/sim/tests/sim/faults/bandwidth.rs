//! Bandwidth: bytes over rate, one segment after another, and latency after that.

use std::time::Duration;

use squall_platform::Listener;
use squall_sim::{Bandwidth, Closed, Effect, EngineKind, LinkRule, SimEvent, Touch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{Wired, dial, engine, idle, millis, process, read, simulate, until, write};

/// So many bytes per second.
fn bytes(per_second: u64) -> Bandwidth {
    Bandwidth::bits_per_second(per_second * 8).expect("not zero")
}

#[test]
fn a_segment_takes_its_bytes_over_the_rate_and_then_the_latency() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), bytes(1_000)));
        write(&mut wired.client, "20 bytes take 20 ms.")
            .await
            .expect("there is room");
        assert_eq!(read(&mut wired.server).await, Ok("20 bytes take 20 ms.".into()));
        assert_eq!(millis(&sim), 125);
        write(&mut wired.server, "the way back is free")
            .await
            .expect("there is room");
        read(&mut wired.client).await.expect("it is open");
        assert_eq!(millis(&sim), 130);
    });
}

#[test]
fn times_are_exact_to_the_nanosecond_and_rounded_up() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), bytes(3)));
        write(&mut wired.client, "1").await.expect("there is room");
        read(&mut wired.server).await.expect("it is open");
        let expected = Duration::from_millis(105) + Duration::from_nanos(333_333_334);
        assert_eq!(sim.now(), expected);
    });
}

#[test]
fn all_connections_of_a_link_share_one_queue_and_other_links_have_their_own() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let other = sim.add_host("other", idle);
        sim.start(other);
        let other = process(&sim, other).await;
        let mut second = dial(&wired.client_platform).await.expect("it listens");
        let (mut second_server, _) = wired.listener.accept().await.expect("it waits");
        let mut elsewhere = dial(&other).await.expect("it listens");
        let (mut elsewhere_server, _) = wired.listener.accept().await.expect("it waits");
        until(&sim, 100).await;
        let mut pairs = wired.to_server();
        pairs.from.insert(sim.host("other").expect("it was added"));
        sim.start_effect(1, Effect::SetBandwidth(pairs, bytes(1_000)));
        write(&mut wired.client, "ten bytes.")
            .await
            .expect("there is room");
        write(&mut second, "five!").await.expect("there is room");
        write(&mut elsewhere, "twelve bytes")
            .await
            .expect("there is room");
        read(&mut wired.server).await.expect("it is open");
        assert_eq!(millis(&sim), 115);
        read(&mut elsewhere_server).await.expect("it is open");
        assert_eq!(millis(&sim), 117);
        read(&mut second_server).await.expect("it is open");
        assert_eq!(millis(&sim), 120, "behind the ten bytes");
    });
}

#[test]
fn what_has_no_payload_takes_no_time_but_waits_its_turn() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.both_ways(), bytes(1_000)));
        dial(&wired.client_platform).await.expect("it listens");
        assert_eq!(millis(&sim), 110);
        write(&mut wired.client, &"x".repeat(40))
            .await
            .expect("there is room");
        dial(&wired.client_platform).await.expect("it listens");
        let expected = match engine() {
            EngineKind::Flow => 160,    // forty bytes ahead of the connect, then a round trip
            EngineKind::Turmoil => 120, // its connect leaves before what was written at the same instant
        };
        assert_eq!(millis(&sim), expected);
    });
}

#[test]
fn the_end_of_a_narrow_time_frees_what_waits() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), bytes(10)));
        write(&mut wired.client, "nearly 1s")
            .await
            .expect("there is room");
        until(&sim, 200).await;
        write(&mut wired.client, ", and more")
            .await
            .expect("there is room");
        until(&sim, 300).await;
        sim.end_effect(1);
        let mut text = [0; 19];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim)), (b"nearly 1s, and more", 305));
    });
}

#[test]
fn a_change_of_bandwidth_counts_from_the_bit_that_was_reached() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.set_link_rules(vec![LinkRule {
            pairs: wired.to_server(),
            latency: None,
            loss: None,
            bandwidth: Some(bytes(1_000)),
        }]);
        write(&mut wired.client, &"x".repeat(50))
            .await
            .expect("there is room");
        until(&sim, 120).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), bytes(100)));
        until(&sim, 220).await;
        sim.end_effect(1);
        read(&mut wired.server).await.expect("it is open");
        // 20 bytes in 20 ms, 10 in the next 100, the last 20 in 20.
        assert_eq!(millis(&sim), 245);
    });
}

#[test]
fn a_segment_that_finds_a_seconds_worth_before_it_is_lost_and_comes_again() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let mut second = dial(&wired.client_platform).await.expect("it listens");
        let (mut second_server, _) = wired.listener.accept().await.expect("it waits");
        until(&sim, 100).await;
        sim.start_effect(7, Effect::SetBandwidth(wired.to_server(), bytes(10)));
        write(&mut wired.client, "ten bytes.")
            .await
            .expect("there is room");
        write(&mut second, "late").await.expect("there is room");
        until(&sim, 150).await;
        write(&mut second, "r").await.expect("there is room");
        read(&mut wired.server).await.expect("it is open");
        assert_eq!(millis(&sim), 1_105);
        // Sent again, in vain, at 300 and 700; the second byte follows the first.
        let mut text = [0; 5];
        second_server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim)), (b"later", 2_005));
    });
    let log = log.lock().expect("no panic while it was held");
    let touches = log.iter().filter_map(|(at, _, event)| match event {
        SimEvent::Touched {
            touch, bytes, faults, ..
        } => {
            assert_eq!(faults, &[7]);
            Some((at / 1_000_000, *touch, *bytes))
        }
        _ => None,
    });
    let expected = [
        (100, Touch::Delayed, 10),
        (100, Touch::Lost, 4),
        (300, Touch::Lost, 4),
        (700, Touch::Lost, 4),
        (1_500, Touch::Delayed, 4),
        (1_500, Touch::Delayed, 1),
    ];
    assert_eq!(touches.collect::<Vec<_>>(), expected);
}

#[test]
fn a_partition_catches_what_has_not_left_the_queue() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), bytes(100)));
        for text in ["first", "+next", "+last"] {
            write(&mut wired.client, text).await.expect("there is room");
            tokio::task::yield_now().await;
            until(&sim, millis(&sim) + 1).await;
        }
        until(&sim, 160).await;
        sim.start_effect(2, Effect::Hold(wired.to_server()));
        assert_eq!(read(&mut wired.server).await, Ok("first".into()));
        assert_eq!(millis(&sim), 155 + 5, "it left at 150, before the partition");
        until(&sim, 220).await;
        sim.end_effect(2);
        // The second left at 200 and comes again at 400; the third left at 250 and waits behind it.
        let mut text = [0; 10];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!(&text, b"+next+last");
        assert_eq!(millis(&sim), 400 + 100 + 5);
    });
}

/// How long a byte takes that is written when the kernel has taken 4 MB, in milliseconds.
fn time_behind(bits_per_second: u64) -> u64 {
    let (finished, _) = simulate(move |sim| async move {
        let wired = Wired::new(sim.clone()).await;
        sim.set_link_rules(vec![LinkRule {
            pairs: wired.both_ways(),
            latency: Some(squall_sim::Latency::constant(Duration::from_micros(100))),
            loss: None,
            bandwidth: Bandwidth::bits_per_second(bits_per_second),
        }]);
        let mut client = dial(&wired.client_platform).await.expect("it listens");
        let mut listener = wired.listener;
        let (mut server, _) = listener.accept().await.expect("it waits");
        let sent = vec![7; 4_000_000];
        let mut received = vec![0; sent.len() + 1];
        let write = async {
            client.write_all(&sent).await.expect("it is open");
            client.write_u8(1).await.expect("it is open");
            sim.now()
        };
        let (written, read) = tokio::join!(write, server.read_exact(&mut received));
        read.expect("it is open");
        (sim.now() - written).as_millis() as u64
    });
    finished.value
}

/// The figures of ARCHITECTURE.md, "What a socket holds". Linux without a limit for what is unsent takes seconds.
#[test]
fn a_byte_waits_for_little_of_what_was_written_before_it() {
    let (narrow, wide) = (time_behind(2_000_000), time_behind(80_000_000));
    let (most_narrow, most_wide) = match engine() {
        EngineKind::Flow => (800, 20),
        EngineKind::Turmoil => (1_400, 45),
    };
    assert!((400..=most_narrow).contains(&narrow), "{narrow} ms at 2 Mbit/s");
    assert!((10..=most_wide).contains(&wide), "{wide} ms at 80 Mbit/s");
}

/// How long it takes to write so much through a link of 100 ms each way, and of 100 MB/s or unlimited.
fn time_to_write(megabytes: usize, bandwidth: Option<Bandwidth>) -> u64 {
    let (finished, _) = simulate(move |sim| async move {
        let wired = Wired::new(sim.clone()).await;
        sim.set_link_rules(vec![LinkRule {
            pairs: wired.both_ways(),
            latency: Some(squall_sim::Latency::constant(Duration::from_millis(100))),
            loss: None,
            bandwidth,
        }]);
        let mut client = dial(&wired.client_platform).await.expect("it listens");
        let mut listener = wired.listener;
        let (mut server, _) = listener.accept().await.expect("it waits");
        until(&sim, 1_000).await;
        let sent = vec![7; megabytes * 1_000_000];
        let mut received = vec![0; sent.len()];
        let (written, read) = tokio::join!(client.write_all(&sent), server.read_exact(&mut received));
        written.and(read).expect("it is open");
        assert!(sent == received);
        sim.now().as_millis() as u64 - 1_000
    });
    finished.value
}

#[test]
fn a_window_lets_a_long_fat_link_be_filled() {
    if engine() == EngineKind::Turmoil {
        // Its window is 64 KiB without scaling: sixteen of them, fifteen round trips, however fat the link is.
        assert_eq!(time_to_write(1, None), 3_100);
        assert!(time_to_write(1, Some(bytes(2_000_000))) >= 3_100);
        return;
    }
    assert_eq!(time_to_write(1, None), 500, "256 KiB, twice as much, the rest");
    // As if nobody ever waited for the other: bytes over rate, and the latency.
    assert_eq!(time_to_write(1, Some(bytes(2_000_000))), 500 + 100);
    assert_eq!(time_to_write(5, Some(bytes(10_000_000))), 500 + 100);
    // 200 ms of 100 MB/s would be more than 4 MiB: a window is no larger, and the rest waits for it. What is read first
    // is told at 201 ms, and what goes then ends with the last 806 kB.
    assert_eq!(time_to_write(5, Some(bytes(100_000_000))), 201 + 8 + 100);
    // 4 MiB with each round trip: the third time the last 1.6 MB.
    assert_eq!(time_to_write(10, Some(bytes(100_000_000))), 402 + 16 + 100);
}

#[test]
fn a_connection_under_a_narrow_link_closes_in_order() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::SetBandwidth(wired.both_ways(), bytes(100)));
        write(&mut wired.client, "the last words")
            .await
            .expect("there is room");
        drop(wired.client);
        assert_eq!(read(&mut wired.server).await, Ok("the last words".into()));
        assert_eq!(millis(&sim), 245);
        assert_eq!(read(&mut wired.server).await, Ok(String::new()));
        assert_eq!(millis(&sim), 245);
        drop(wired.server);
        until(&sim, 300).await;
    });
    let log = log.lock().expect("no panic while it was held");
    let finished = |(_, _, event): &(_, _, SimEvent)| matches!(event, SimEvent::Closed(_, Closed::Finished));
    assert!(log.iter().any(finished));
}

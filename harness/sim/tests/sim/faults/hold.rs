//! Hold: segments stop on their link, and go on when it is released.

use squall_platform::Listener;
use squall_sim::{Bandwidth, Effect, SimEvent, Touch};
use tokio::io::AsyncReadExt;

use super::super::support::{Wired, dial, hangs, millis, read, simulate, until, write};

#[test]
fn what_is_held_goes_on_at_once_and_in_order_when_released() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let mut second = dial(&wired.client_platform).await.expect("it listens");
        let (mut second_server, _) = wired.listener.accept().await.expect("it waits");
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Stall(wired.to_server()));
        for (at, text) in [(100, "a"), (150, "b"), (250, "c")] {
            until(&sim, at).await;
            write(&mut wired.client, text).await.expect("there is room");
            write(&mut second, text).await.expect("there is room");
        }
        // Nothing is sent again meanwhile: a partition would have kept it until the next timeout.
        assert!(hangs(read(&mut wired.server), 9_000).await);
        let released = millis(&sim);
        sim.end_effect(1);
        write(&mut wired.client, "d").await.expect("there is room");
        let mut text = [0; 4];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim) - released), (b"abcd", 5));
        assert_eq!(read(&mut second_server).await, Ok("abc".into()));
        assert_eq!(millis(&sim) - released, 5);
    });
}

#[test]
fn one_way_stops_one_way_only_and_loopback_never() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Stall(wired.to_server()));
        write(&mut wired.server, "free").await.expect("there is room");
        assert_eq!(read(&mut wired.client).await, Ok("free".into()));
        assert_eq!(millis(&sim), 105);
        dial(&wired.server_platform).await.expect("it reaches itself");
        let later = sim.clone();
        sim.spawn(async move {
            until(&later, 5_000).await;
            later.end_effect(1);
        });
        dial(&wired.client_platform).await.expect("it is released");
        assert_eq!(millis(&sim), 5_010, "not sent again after 1, 3 and 7 seconds");
    });
}

#[test]
fn a_link_is_released_when_the_last_hold_ends() {
    let (_, log) = simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Stall(wired.to_server()));
        sim.start_effect(2, Effect::Stall(wired.both_ways()));
        write(&mut wired.client, "hello").await.expect("there is room");
        until(&sim, 200).await;
        sim.end_effect(2);
        assert!(hangs(read(&mut wired.server), 1_000).await);
        sim.end_effect(1);
        assert_eq!(read(&mut wired.server).await, Ok("hello".into()));
        assert_eq!(millis(&sim), 1_205);
    });
    let log = log.lock().expect("no panic while it was held");
    let touches = log.iter().filter_map(|(at, _, event)| match event {
        SimEvent::Touched { touch, faults, .. } => Some((at / 1_000_000, *touch, faults.clone())),
        _ => None,
    });
    assert_eq!(touches.collect::<Vec<_>>(), [(100, Touch::Held, vec![1, 2])]);
}

#[test]
fn a_partition_holds_back_what_is_released_into_it() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Stall(wired.to_server()));
        write(&mut wired.client, "held").await.expect("there is room");
        until(&sim, 150).await;
        sim.start_effect(2, Effect::Hold(wired.to_server()));
        write(&mut wired.client, "+later").await.expect("there is room");
        until(&sim, 200).await;
        sim.end_effect(1);
        until(&sim, 250).await;
        sim.end_effect(2);
        // The second was first sent at 150, and its timer runs out at 350: what comes before it goes first.
        let mut text = [0; 10];
        wired.server.read_exact(&mut text).await.expect("it is open");
        assert_eq!((&text, millis(&sim)), (b"held+later", 355));
    });
}

#[test]
fn what_is_released_onto_a_narrow_link_leaves_at_its_pace() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        until(&sim, 100).await;
        let narrow = Bandwidth::bits_per_second(8_000).expect("not zero");
        sim.start_effect(1, Effect::SetBandwidth(wired.to_server(), narrow));
        sim.start_effect(2, Effect::Stall(wired.to_server()));
        write(&mut wired.client, "ten bytes.")
            .await
            .expect("there is room");
        until(&sim, 200).await;
        sim.end_effect(2);
        read(&mut wired.server).await.expect("it is open");
        assert_eq!(millis(&sim), 215);
    });
}

#[test]
fn what_is_left_of_a_dead_connection_disturbs_nobody() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "unread").await.expect("there is room");
        until(&sim, 100).await;
        sim.start_effect(1, Effect::Stall(wired.to_server()));
        // The connection ends by the server's reset; its FIN waits on the link.
        drop(wired.client);
        drop(wired.server);
        until(&sim, 200).await;
        let later = sim.clone();
        sim.spawn(async move {
            until(&later, 300).await;
            later.end_effect(1);
        });
        let mut client = dial(&wired.client_platform).await.expect("it is released");
        assert_eq!(millis(&sim), 310);
        let (mut server, _) = wired.listener.accept().await.expect("it waits");
        write(&mut client, "hello").await.expect("there is room");
        assert_eq!(read(&mut server).await, Ok("hello".into()));
    });
}

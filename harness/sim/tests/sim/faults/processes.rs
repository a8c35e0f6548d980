//! Kill, crash, pause, restart.

use std::io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, TimedOut};
use std::time::Duration;

use squall_platform::{Listener, Platform};
use squall_sim::{HostDown, Left, SimPlatform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::super::support::{
    Wired, dial, echo, hangs, idle, millis, ping, process, read, simulate, until, write,
};

/// A main that tells everybody who connects which incarnation it is.
async fn tell_incarnation(platform: SimPlatform) -> Result<(), String> {
    let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
    loop {
        let (mut stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let incarnation = platform.incarnation();
        stream
            .write_u32(incarnation)
            .await
            .map_err(|error| error.to_string())?;
    }
}

async fn incarnation(client: &SimPlatform) -> std::io::Result<u32> {
    dial(client).await?.read_u32().await
}

#[test]
fn a_killed_process_says_fin_and_later_writes_are_reset() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        sim.kill(wired.server_host);
        let killed = millis(&sim);
        assert_eq!(read(&mut wired.client).await, Ok(String::new()));
        assert_eq!(millis(&sim) - killed, 5);
        assert_eq!(write(&mut wired.client, "hello").await, Ok(()));
        assert_eq!(
            write(&mut wired.client, "hello").await,
            Ok(()),
            "no reset has come yet"
        );
        sleep(Duration::from_millis(10)).await;
        assert_eq!(write(&mut wired.client, "hello").await, Err(BrokenPipe));
    });
}

#[test]
fn a_killed_process_with_unread_data_resets() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.client, "hello").await.expect("it is open");
        sleep(Duration::from_millis(5)).await;
        sim.kill(wired.server_host);
        let killed = millis(&sim);
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        assert_eq!(millis(&sim) - killed, 5);
    });
}

#[test]
fn what_a_process_wrote_before_it_was_killed_arrives() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.server, "last words").await.expect("it is open");
        sim.kill(wired.server_host);
        assert_eq!(read(&mut wired.client).await, Ok("last words".into()));
        assert_eq!(read(&mut wired.client).await, Ok(String::new()));
    });
}

#[test]
fn connects_are_refused_until_a_new_incarnation_answers() {
    simulate(|sim| async move {
        let server = sim.add_host("server", tell_incarnation);
        let client = sim.add_host("client", idle);
        sim.start(client);
        let client = process(&sim, client).await;
        assert_eq!(
            dial(&client).await.unwrap_err().kind(),
            ConnectionRefused,
            "never started"
        );
        sim.start(server);
        assert_eq!(incarnation(&client).await.expect("it is up"), 0);
        for next in 1..4 {
            sim.kill(server);
            assert!(!sim.is_up(server));
            let asked = millis(&sim);
            assert_eq!(dial(&client).await.unwrap_err().kind(), ConnectionRefused);
            assert_eq!(millis(&sim) - asked, 10, "refused after a round trip");
            sim.start(server);
            assert!(sim.is_up(server));
            assert_eq!(incarnation(&client).await.expect("it is up"), next);
        }
    });
}

#[test]
fn a_crashed_machine_is_silent_and_resets_old_connections_once_it_is_back() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        sim.crash(wired.server_host);
        assert!(
            hangs(read(&mut wired.client), 2_000).await,
            "nobody says anything"
        );
        sim.start(wired.server_host);
        assert!(
            hangs(read(&mut wired.client), 2_000).await,
            "nobody was asked anything"
        );
        write(&mut wired.client, "hello")
            .await
            .expect("this end knows nothing yet");
        let asked = millis(&sim);
        assert_eq!(read(&mut wired.client).await, Err(ConnectionReset));
        assert_eq!(millis(&sim) - asked, 10);
    });
}

#[test]
fn a_write_to_a_crashed_machine_times_out_after_ten_seconds() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        sim.crash(wired.server_host);
        write(&mut wired.client, "hello")
            .await
            .expect("this end knows nothing yet");
        let written = millis(&sim);
        assert_eq!(read(&mut wired.client).await, Err(TimedOut));
        assert_eq!(millis(&sim) - written, 10_200);
        assert_eq!(read(&mut wired.client).await, Ok(String::new()), "reported once");
        assert_eq!(write(&mut wired.client, "hello").await, Err(BrokenPipe));
    });
}

#[test]
fn what_was_on_its_way_when_the_machine_died_arrives() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        write(&mut wired.server, "hello").await.expect("it is open");
        sleep(Duration::from_millis(1)).await;
        sim.crash(wired.server_host);
        let crashed = millis(&sim);
        assert_eq!(read(&mut wired.client).await, Ok("hello".into()));
        assert_eq!(millis(&sim) - crashed, 4);
        assert!(hangs(read(&mut wired.client), 9_000).await);
    });
}

#[test]
fn a_connect_to_a_crashed_machine_waits_and_succeeds_when_it_is_back_in_time() {
    simulate(|sim| async move {
        let server = sim.add_host("server", tell_incarnation);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let client = process(&sim, client).await;
        assert_eq!(incarnation(&client).await.expect("it is up"), 0);
        sim.crash(server);
        let (asked, later) = (millis(&sim), sim.clone());
        sim.spawn(async move {
            sleep(Duration::from_secs(2)).await;
            later.start(server);
        });
        assert_eq!(incarnation(&client).await.expect("it is back"), 1);
        // Lost after 5 ms; sent again 1 s after that, in vain, and 2 s after that; then there and back, and once more, as
        // the server accepts when it knows that the client has heard.
        assert_eq!(millis(&sim) - asked, 5 + 1_000 + 2_000 + 10 + 10);
    });
}

/// Regression: the crash took the far end of a connect on its way for a connection of the dead machine.
#[test]
fn a_connect_on_its_way_to_a_machine_that_crashes_finds_it_when_it_is_back() {
    simulate(|sim| async move {
        let server = sim.add_host("server", tell_incarnation);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let client = process(&sim, client).await;
        let later = sim.clone();
        sim.spawn(async move {
            sleep(Duration::from_millis(2)).await;
            later.crash(server);
            sleep(Duration::from_millis(500)).await;
            later.start(server);
        });
        let asked = millis(&sim);
        assert_eq!(incarnation(&client).await.expect("it is back"), 1);
        assert_eq!(millis(&sim) - asked, 5 + 1_000 + 10 + 10);
    });
}

#[test]
fn a_connect_to_a_machine_that_stays_down_times_out() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        sim.crash(wired.server_host);
        let asked = millis(&sim);
        let error = dial(&wired.client_platform).await.unwrap_err();
        assert_eq!((error.kind(), millis(&sim) - asked), (TimedOut, 127_005));
    });
}

#[test]
fn to_kill_a_machine_that_has_crashed_does_not_bring_it_back() {
    simulate(|sim| async move {
        let wired = Wired::new(sim.clone()).await;
        sim.crash(wired.server_host);
        sim.kill(wired.server_host);
        assert!(
            hangs(dial(&wired.client_platform), 60_000).await,
            "silence, not a refusal"
        );
    });
}

#[test]
fn a_paused_process_fires_its_timers_late_and_loses_nothing() {
    simulate(|sim| async move {
        let mut wired = Wired::new(sim.clone()).await;
        let listener = &mut wired.listener;
        until(&sim, 100).await;
        let start = Instant::now();
        let timer = sim.run_on(wired.server_host, |_| async move {
            sleep(Duration::from_millis(50)).await;
            start.elapsed()
        });
        sleep(Duration::from_millis(1)).await;
        let (mut server, client) = (wired.server, &mut wired.client);
        let reader = sim.run_on(wired.server_host, |_| async move {
            let text = read(&mut server).await;
            (text, start.elapsed())
        });
        let director = async {
            sleep(Duration::from_millis(9)).await;
            sim.pause(wired.server_host);
            write(client, "hello").await.expect("its kernel buffers");
            // The kernel goes on accepting.
            let mut second = dial(&wired.client_platform).await.expect("the backlog takes it");
            write(&mut second, "second").await.expect("its kernel buffers");
            sleep(Duration::from_millis(1_000)).await;
            sim.resume(wired.server_host);
            second
        };
        let (timer, (text, read_at), _second) = tokio::join!(
            async { timer.await.expect("it is not dead") },
            async { reader.await.expect("it is not dead") },
            director
        );
        assert_eq!(
            timer,
            Duration::from_millis(1_020),
            "10 ms, a connect, and a second of pause"
        );
        assert_eq!(
            (text, read_at),
            (Ok("hello".into()), Duration::from_millis(1_020))
        );
        let (mut second, _) = listener.accept().await.expect("it waits");
        assert_eq!(read(&mut second).await, Ok("second".into()));
    });
}

#[test]
fn a_paused_process_can_be_killed_and_its_successor_is_not_paused() {
    simulate(|sim| async move {
        let server = sim.add_host("server", echo);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let client = process(&sim, client).await;
        ping(client.clone(), "server").await.expect("it is up");
        sim.pause(server);
        assert!(hangs(ping(client.clone(), "server"), 10_000).await);
        sim.kill(server);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(sim.left_behind(), Left::default());
        sim.start(server);
        ping(client, "server").await.expect("it is up again");
    });
}

#[test]
fn a_call_on_a_host_that_is_down_or_dies_is_host_down() {
    simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        assert_eq!(sim.run_on(host, |_| async { 1 }).await, Err(HostDown));
        for end in [squall_sim::Sim::kill, squall_sim::Sim::crash] {
            sim.start(host);
            assert_eq!(sim.run_on(host, |_| async { 1 }).await, Ok(1));
            let (later, from) = (sim.clone(), millis(&sim));
            sim.spawn(async move {
                sleep(Duration::from_millis(30)).await;
                end(&later, host);
            });
            let called = sim.run_on(host, |_| std::future::pending::<()>()).await;
            assert_eq!((called, millis(&sim) - from), (Err(HostDown), 30));
            assert_eq!(sim.run_on(host, |_| async { 1 }).await, Err(HostDown));
        }
    });
}

#[test]
fn a_main_that_fails_takes_its_host_down_as_a_kill_does() {
    simulate(|sim| async move {
        let server = sim.add_host("server", |platform: SimPlatform| async move {
            let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
            let (_stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
            match platform.incarnation() {
                0 => Err("enough".to_owned()),
                _ => panic!("enough"),
            }
        });
        let client = sim.add_host("client", idle);
        sim.start(client);
        let client = process(&sim, client).await;
        for _ in 0..2 {
            sim.start(server);
            let mut stream = dial(&client).await.expect("it is up");
            assert_eq!(read(&mut stream).await, Ok(String::new()));
            assert!(!sim.is_up(server));
            assert_eq!(sim.left_behind(), Left::default());
        }
    });
}

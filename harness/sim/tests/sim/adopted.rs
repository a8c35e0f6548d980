//! Tasks of `tokio::spawn` that are adopted: they belong to the process that started them.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use super::support::{Log, config, dial, echo, simulate, simulate_with, until};
use squall_platform::{Listener, Platform};
use squall_sim::{Down, Failure, HostId, HostOptions, Left, Sim, SimEvent, SimPlatform, process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// What was written down in a run: virtual milliseconds, and a line.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(u64, String)>>>);

impl Notes {
    fn add(&self, line: impl Into<String>) {
        let (nanos, _) = squall_sim::position().expect("on the run's thread");
        let mut notes = self.0.lock().expect("no panic while it was held");
        notes.push((nanos / 1_000_000, line.into()));
    }

    fn all(&self) -> Vec<(u64, String)> {
        self.0.lock().expect("no panic while it was held").clone()
    }

    /// Those from `from` on, in milliseconds, and before `to`.
    fn between(&self, from: u64, to: u64) -> Vec<String> {
        let notes = self.all().into_iter();
        let within = notes.filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, line)| line).collect()
    }
}

/// Says when it is dropped, and of which host the drop is.
struct Dropped(Notes, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        let host = process().map(|process| format!("{}#{}", process.host(), process.incarnation()));
        self.0.add(format!("{} of {}", self.1, host.unwrap_or_default()));
    }
}

/// A server that notes what comes on each connection to port 7, until its end.
fn add_server(sim: &Sim, notes: &Notes) -> HostId {
    let notes = notes.clone();
    sim.add_host("server", move |platform| {
        let notes = notes.clone();
        async move {
            let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
            loop {
                let (mut stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
                let notes = notes.clone();
                platform.spawn(async move {
                    let mut bytes = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                        notes.add(String::from_utf8_lossy(&bytes[..count]));
                    }
                    notes.add("end");
                });
            }
        }
    })
}

/// A host whose main is `main`, and that adopts.
fn add_client<F>(sim: &Sim, adopts: bool, main: impl Fn(SimPlatform) -> F + Send + Sync + 'static) -> HostId
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut options = HostOptions::new();
    options.adopts = adopts;
    sim.add_host_with("client", options, move |platform| {
        let main = main(platform);
        async move {
            main.await;
            std::future::pending().await
        }
    })
}

/// Says its incarnation to the server each second, from a task that a task of `tokio::spawn` has started. What goes
/// wrong is noted in `own`.
async fn say_each_second(platform: SimPlatform, own: Notes) {
    tokio::spawn(async move {
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                let here = process().expect("it belongs to a process");
                let line = format!("#{}", here.incarnation());
                if let Err(error) = say(&here, &line).await {
                    own.add(format!("#{} {:?}", platform.incarnation(), error.kind()));
                }
            }
        });
    });
}

async fn say(platform: &SimPlatform, line: &str) -> io::Result<()> {
    let mut stream = dial(platform).await?;
    stream.write_all(line.as_bytes()).await
}

/// Two incarnations of a client: what the server, and what the client itself has noted.
fn killed_and_restarted(adopts: bool, end: fn(&Sim, HostId)) -> (Notes, Notes, Log, u64) {
    let (server, own) = (Notes::default(), Notes::default());
    let (heard, noted) = (server.clone(), own.clone());
    let (finished, log) = simulate(move |sim| async move {
        sim.start(add_server(&sim, &heard));
        let client = add_client(&sim, adopts, move |platform| {
            say_each_second(platform, noted.clone())
        });
        sim.start(client);
        until(&sim, 3_500).await;
        end(&sim, client);
        until(&sim, 6_250).await;
        sim.start(client);
        until(&sim, 9_500).await;
        assert_eq!(sim.left_behind().tasks, 0);
    });
    (server, own, log, finished.digest)
}

#[test]
fn a_loop_of_a_dead_process_says_nothing_more() {
    for end in [Sim::kill, Sim::crash] {
        let (server, own, ..) = killed_and_restarted(true, end);
        let said = |from, to| {
            let mut lines = server.between(from, to);
            lines.retain(|line| line != "end");
            lines
        };
        assert_eq!(said(0, 3_500), ["#0", "#0", "#0"]);
        assert_eq!(said(3_500, 6_250), [""; 0]);
        assert_eq!(said(6_250, 10_000), ["#1"; 3], "its successor");
        assert_eq!(own.all(), [], "no errors either: the old loop has ended");
    }
}

#[test]
fn a_loop_that_nobody_adopts_goes_on_after_its_process() {
    let (_, own, log, _) = killed_and_restarted(false, Sim::kill);
    assert_eq!(own.between(3_500, 6_250), ["#0 NetworkDown"; 3]);
    assert!(own.between(6_250, 10_000).contains(&"#0 NetworkDown".to_owned()));
    let log = log.lock().expect("no panic while it was held");
    let strays = log
        .iter()
        .filter(|(_, _, it)| matches!(it, SimEvent::StrayTask { .. }));
    assert_eq!(strays.count(), 4);
}

#[test]
fn adopted_tasks_are_counted_with_their_process_and_not_told_of() {
    let (_, _, log, _) = killed_and_restarted(true, Sim::kill);
    let log = log.lock().expect("no panic while it was held");
    let stopped: Vec<_> = log
        .iter()
        .filter_map(|(_, host, event)| match event {
            SimEvent::Stopped { how, tasks, .. } => Some((host.as_str(), *how, *tasks)),
            SimEvent::StrayTask { .. } | SimEvent::Panicked { .. } => panic!("{event:?}"),
            _ => None,
        })
        .collect();
    // Its main, and the loop. The task that started the loop has ended.
    assert_eq!(stopped, [("client", Down::Killed, 2)]);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let said = || {
        let (server, own, log, digest) = killed_and_restarted(true, Sim::kill);
        let log = log.lock().expect("no panic while it was held").clone();
        (server.all(), own.all(), log, digest)
    };
    assert_eq!(said(), said());
}

/// A client that starts one task in each kind of wait. The last two touch nothing.
async fn wait_in_every_way(platform: SimPlatform, notes: Notes) {
    let spawn = |name: &'static str, wait: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let dropped = Dropped(notes.clone(), name);
        tokio::spawn(async move {
            wait.await;
            drop(dropped);
        });
    };
    let mut stream = dial(&platform).await.expect("the echo is there");
    spawn(
        "read",
        Box::pin(async move {
            let read = stream.read_u8().await;
            unreachable!("{read:?}");
        }),
    );
    let mut stream = dial(&platform).await.expect("the echo is there");
    let noted = notes.clone();
    spawn(
        "write",
        Box::pin(async move {
            let written = stream.write_all(&vec![0; 64 << 20]).await;
            noted.add(format!("write failed: {}", written.is_err()));
            let read = stream.read_u8().await;
            unreachable!("{read:?}");
        }),
    );
    let mut listener = platform.bind(99).await.expect("a free port");
    spawn(
        "accept",
        Box::pin(async move {
            let accepted = listener.accept().await;
            unreachable!("{accepted:?}");
        }),
    );
    let dials = platform.clone();
    spawn(
        "connect",
        Box::pin(async move {
            let dialled = dials.connect(&"nobody:7".parse().expect("an authority")).await;
            unreachable!("{dialled:?}");
        }),
    );
    let sleeps = platform.clone();
    spawn(
        "exact timer",
        Box::pin(async move {
            sleeps.sleep(Duration::from_secs(1_000_000)).await;
        }),
    );
    spawn("nothing", Box::pin(std::future::pending()));
    let dials = platform.clone();
    spawn(
        "tokio's timer",
        Box::pin(async move {
            sleep(Duration::from_secs(5)).await;
            let dialled = dial(&dials).await;
            unreachable!("{dialled:?}");
        }),
    );
}

#[test]
fn what_waits_for_the_network_ends_at_the_instant_of_death() {
    let notes = Notes::default();
    let noted = notes.clone();
    simulate(move |sim| async move {
        let deaf = sim.add_host("server", |platform| async move {
            let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
            let mut streams = Vec::new();
            loop {
                let accepted = listener.accept().await;
                streams.push(accepted.map_err(|error| error.to_string())?);
            }
        });
        let nobody = sim.add_host("nobody", echo);
        sim.start(deaf);
        sim.crash(nobody);
        let client = add_client(&sim, true, move |platform| {
            wait_in_every_way(platform, noted.clone())
        });
        sim.start(client);
        until(&sim, 1_000).await;
        assert_eq!(sim.left_behind(), Left::default());
        sim.kill(client);
        until(&sim, 1_001).await;
        let left = |adopted| Left {
            adopted,
            ..Left::default()
        };
        assert_eq!(sim.left_behind(), left(2));
        until(&sim, 6_000).await;
        assert_eq!(sim.left_behind(), left(1));
    });
    let mut ended = notes.between(1_000, 1_001);
    ended.sort();
    let expected = [
        "accept of client#0",
        "connect of client#0",
        "exact timer of client#0",
        "read of client#0",
        "write failed: true",
        "write of client#0",
    ];
    assert_eq!(ended, expected);
    assert_eq!(notes.between(1_001, 6_000), ["tokio's timer of client#0"]);
}

#[test]
fn a_task_that_its_own_process_aborts_is_dropped_as_its_own() {
    let notes = Notes::default();
    let noted = notes.clone();
    simulate(move |sim| async move {
        let client = add_client(&sim, true, move |_| {
            let dropped = Dropped(noted.clone(), "task");
            async move {
                let task = tokio::spawn(async move {
                    let _dropped = dropped;
                    std::future::pending::<()>().await;
                });
                sleep(Duration::from_millis(10)).await;
                task.abort();
                assert!(task.await.is_err_and(|error| error.is_cancelled()));
            }
        });
        sim.start(client);
        until(&sim, 20).await;
    });
    assert_eq!(notes.all(), [(10, "task of client#0".to_owned())]);
}

#[test]
fn nothing_of_a_paused_process_is_seen_before_it_is_resumed() {
    let (notes, own) = (Notes::default(), Notes::default());
    let (heard, noted) = (notes.clone(), own.clone());
    simulate(move |sim| async move {
        sim.start(add_server(&sim, &heard));
        let client = add_client(&sim, true, move |platform| {
            let noted = noted.clone();
            async move {
                let closes = platform.clone();
                tokio::spawn(async move {
                    let stream = dial(&closes).await.expect("the server is there");
                    sleep(Duration::from_secs(4)).await;
                    drop(stream);
                });
                let writes = platform.clone();
                tokio::spawn(async move {
                    let mut stream = dial(&writes).await.expect("the server is there");
                    sleep(Duration::from_secs(5)).await;
                    stream.write_all(b"written").await.expect("there is room");
                    std::future::pending::<()>().await;
                });
                let times = platform.clone();
                tokio::spawn(async move {
                    times.sleep(Duration::from_secs(3)).await;
                    noted.add("exact timer");
                });
                say_each_second(platform, Notes::default()).await;
            }
        });
        sim.start(client);
        until(&sim, 2_500).await;
        sim.pause(client);
        until(&sim, 6_500).await;
        sim.resume(client);
        until(&sim, 7_250).await;
    });
    assert_eq!(notes.between(2_100, 6_500), [""; 0]);
    let mut late = notes.between(6_500, 7_250);
    late.sort();
    // The closed connection, the one that says something, and a line of the loop: it waited in its connect.
    assert_eq!(late, ["#0", "end", "end", "written"]);
    assert_eq!(own.all(), [(6_500, "exact timer".to_owned())]);
}

#[test]
fn a_process_that_is_killed_while_it_is_paused_ends_all_the_same() {
    let notes = Notes::default();
    let noted = notes.clone();
    simulate(move |sim| async move {
        sim.start(add_server(&sim, &noted));
        let client = add_client(&sim, true, |platform| say_each_second(platform, Notes::default()));
        sim.start(client);
        until(&sim, 2_500).await;
        sim.pause(client);
        until(&sim, 3_500).await;
        sim.kill(client);
        until(&sim, 3_501).await;
        assert_eq!(sim.left_behind(), Left::default());
        until(&sim, 9_000).await;
    });
    assert_eq!(notes.between(2_100, 10_000), [""; 0]);
}

#[test]
fn a_task_that_is_unwound_is_no_panic_of_its_process() {
    // A task of the platform, which is wrapped: it has its own process killed, and goes on for once.
    let (config, log) = config(Duration::from_millis(5));
    let run = simulate_with(config, |sim| async move {
        let director = sim.clone();
        let client = add_client(&sim, true, move |platform| {
            let director = director.clone();
            async move {
                let host = director.host("client").expect("it is added");
                director.kill(host);
                let bound = platform.bind(9).await;
                unreachable!("{bound:?}");
            }
        });
        sim.start(client);
        until(&sim, 10).await;
        assert_eq!(sim.left_behind(), Left::default());
    });
    run.expect("the run ends");
    let log = log.lock().expect("no panic while it was held");
    assert!(
        !log.iter()
            .any(|(_, _, it)| matches!(it, SimEvent::Panicked { .. }))
    );
}

/// As a program does that wants to hear of panics in tasks of `tokio::spawn`.
fn hear_of_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            squall_sim::panicked(info.payload_as_str());
            if std::thread::current().name() != Some(squall_sim::THREAD_NAME) {
                before(info);
            }
        }));
    });
}

/// Panics once in each second: a task of its own, one of `tokio::spawn`, one that catches it, one that says nothing, and
/// one that misses something when its process dies.
async fn panic_in_every_way(platform: SimPlatform) {
    let (alive, gone) = tokio::sync::oneshot::channel::<()>();
    platform.spawn(async {
        sleep(Duration::from_secs(1)).await;
        panic!("own");
    });
    tokio::spawn(async {
        sleep(Duration::from_secs(2)).await;
        panic!("spawned");
    });
    tokio::spawn(async {
        sleep(Duration::from_secs(3)).await;
        for said in ["caught", "caught again"] {
            let caught = std::panic::catch_unwind(|| panic!("{said}"));
            assert!(caught.is_err());
        }
        std::future::pending::<()>().await;
    });
    tokio::spawn(async {
        sleep(Duration::from_secs(4)).await;
        std::panic::panic_any(7);
    });
    tokio::spawn(async move {
        gone.await.expect("it is missed");
    });
    std::future::pending::<()>().await;
    drop(alive);
}

#[test]
fn a_panic_of_a_task_is_told_once_and_not_after_the_death_of_its_process() {
    hear_of_panics();
    for adopts in [true, false] {
        let (_, log) = simulate(move |sim| async move {
            let client = add_client(&sim, adopts, panic_in_every_way);
            sim.start(client);
            until(&sim, 5_000).await;
            sim.kill(client);
            until(&sim, 6_000).await;
        });
        let log = log.lock().expect("no panic while it was held");
        let told = log.iter().filter_map(|(at, host, event)| match event {
            SimEvent::Panicked { message } => Some((*at / 1_000_000_000, &**host, &**message)),
            _ => None,
        });
        let expected = [
            (1, "client", "own"),
            (2, "client", "spawned"),
            (3, "client", "caught"),
            (4, "client", "a panic without a message"),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_task_that_the_director_spawns_fails_the_run_when_it_panics() {
    hear_of_panics();
    let (config, _) = config(Duration::from_millis(5));
    let failure = simulate_with(config, |sim| async move {
        tokio::spawn(async { panic!("nobody's") });
        until(&sim, 1_000).await;
    });
    let failure = failure.expect_err("a task of the world's own");
    assert_eq!(failure, Failure::Panicked("nobody's".to_owned()));
    assert_eq!(failure.to_string(), "panicked: nobody's");
}

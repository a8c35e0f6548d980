//! What ends leaves nothing: tasks, sockets and wakers of a dead process, and the world of an ended run.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::support::{config, dial, echo, idle, pairs, process, simulate, simulate_with, until};
use squall_platform::{Listener, Platform};
use squall_sim::{Chance, Config, Effect, Failure, Left, Observer, Sim, SimEvent, SimPlatform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// Polls `future` under a waker of its own that only the world's sockets can hold on to.
async fn under_own_waker<F: Future>(future: F, seen: &Arc<AtomicUsize>) -> F::Output {
    struct Own {
        parent: Waker,
        live: Arc<AtomicUsize>,
    }
    impl Wake for Own {
        fn wake(self: Arc<Self>) {
            self.parent.wake_by_ref();
        }
    }
    impl Drop for Own {
        fn drop(&mut self) {
            self.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let mut future = pin!(future);
    poll_fn(|context| {
        seen.fetch_add(1, Ordering::Relaxed);
        let own = Waker::from(Arc::new(Own {
            parent: context.waker().clone(),
            live: seen.clone(),
        }));
        future.as_mut().poll(&mut Context::from_waker(&own))
    })
    .await
}

/// What a busy process holds on to: counted by the strong references to `alive`, and by wakers.
#[derive(Clone, Default)]
struct Held {
    alive: Arc<()>,
    wakers: Arc<AtomicUsize>,
}

impl Held {
    fn count(&self) -> (usize, usize) {
        (
            Arc::strong_count(&self.alive) - 1,
            self.wakers.load(Ordering::Relaxed),
        )
    }
}

/// Tasks in every kind of wait: a timer, a channel, an accept, a connect, a read, a write without room.
async fn wait_in_every_way(platform: SimPlatform, held: Held) {
    let spawn = |future: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let held = held.clone();
        platform.spawn(async move {
            under_own_waker(future, &held.wakers).await;
            drop(held);
        });
    };
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<SimPlatform>(1);
    sender.send(platform.clone()).await.expect("there is room");
    spawn(Box::pin(async move {
        while let Some(platform) = receiver.recv().await {
            drop((platform, sender.clone()));
        }
    }));
    spawn(Box::pin(sleep(Duration::from_secs(1_000_000))));
    let mut listener = platform.bind(99).await.expect("it is free");
    spawn(Box::pin(async move {
        let _ = listener.accept().await;
    }));
    let blackhole = platform.clone();
    spawn(Box::pin(async move {
        let _ = blackhole
            .connect(&"blackhole:7".parse().expect("an authority"))
            .await;
    }));
    for _ in 0..3 {
        let mut stream = dial(&platform).await.expect("the echo is there");
        spawn(Box::pin(async move {
            let _ = stream.read_u8().await;
        }));
    }
    let mut stream = platform
        .connect(&"server:9".parse().expect("an authority"))
        .await
        .expect("it listens");
    spawn(Box::pin(async move {
        let _ = stream.write_all(&vec![0; 1024 * 1024]).await;
    }));
    pending::<()>().await;
}

/// A main that echoes on port 7, and on port 9 never reads.
async fn serve(platform: SimPlatform) -> Result<(), String> {
    let mut deaf = platform.bind(9).await.map_err(|error| error.to_string())?;
    platform.spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = deaf.accept().await {
            streams.push(stream);
        }
    });
    echo(platform).await
}

/// A server, a blackhole, and a host called `busy` that waits in every way each time it is started.
fn busy_world(sim: &Sim, held: &Held) -> squall_sim::HostId {
    let server = sim.add_host("server", serve);
    let blackhole = sim.add_host("blackhole", idle);
    let held = held.clone();
    let busy = sim.add_host("busy", move |platform| {
        let held = held.clone();
        async move {
            wait_in_every_way(platform, held).await;
            Ok(())
        }
    });
    sim.start(server);
    sim.crash(blackhole);
    sim.start(busy);
    busy
}

/// Tasks of one process that wait, each with a waker of its own.
const WAITING: usize = 8;

#[test]
fn a_dead_process_leaves_no_task_socket_or_waker() {
    for end in [Sim::kill, Sim::crash] {
        let (finished, _) = simulate(move |sim| async move {
            let held = Held::default();
            let busy = busy_world(&sim, &held);
            until(&sim, 1_000).await;
            let before = held.count();
            let mut after = Vec::new();
            for round in 1..4 {
                end(&sim, busy);
                // The instant of its death is over.
                sleep(Duration::from_millis(1)).await;
                after.push((held.count(), sim.left_behind()));
                sim.start(busy);
                until(&sim, 1_000 + 1_000 * round).await;
                assert_eq!(held.count(), before, "the successor is as its predecessor");
            }
            (before, after)
        });
        let (before, after) = finished.value;
        // One more reference each: in the host's main closure, and in main's own future.
        assert_eq!(before, (WAITING + 2, WAITING));
        assert_eq!(after, [((1, 0), Left::default()); 3]);
    }
}

#[test]
fn a_killed_paused_process_leaves_nothing() {
    simulate(|sim| async move {
        let held = Held::default();
        let busy = busy_world(&sim, &held);
        until(&sim, 1_000).await;
        sim.pause(busy);
        until(&sim, 2_000).await;
        sim.kill(busy);
        until(&sim, 2_001).await;
        assert_eq!((held.count(), sim.left_behind()), ((1, 0), Left::default()));
    });
}

#[test]
fn an_aborted_task_leaves_nothing() {
    simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let (alive, wakers) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let (held, seen) = (alive.clone(), wakers.clone());
        let mut listener = platform.bind(7).await.expect("it is free");
        let task = platform.spawn(async move {
            let _ = under_own_waker(listener.accept(), &seen).await;
            drop(held);
        });
        until(&sim, 10).await;
        assert_eq!(
            (Arc::strong_count(&alive), wakers.load(Ordering::Relaxed)),
            (2, 1)
        );
        task.abort();
        until(&sim, 11).await;
        assert!(task.is_finished());
        assert_eq!(
            (Arc::strong_count(&alive), wakers.load(Ordering::Relaxed)),
            (1, 0)
        );
        platform.bind(7).await.expect("its listener is gone");
    });
}

/// A task that was started with `tokio::spawn` outlives its process: its sockets must not keep it waiting.
#[test]
fn a_stray_that_waits_on_a_dead_process_socket_is_told() {
    for end in [Sim::kill, Sim::crash] {
        let (finished, _) = simulate(move |sim| async move {
            let server = sim.add_host("server", serve);
            let client = sim.add_host("client", idle);
            sim.start(server);
            sim.start(client);
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            let told = sim.run_on(client, |platform| async move {
                let mut stream = dial(&platform).await.expect("it is up");
                let mut listener = platform.bind(8).await.expect("it is free");
                let accepts = sender.clone();
                tokio::spawn(async move {
                    let read = stream.read_u8().await;
                    sender
                        .send(("read", read.map_err(|error| error.kind())))
                        .expect("the test waits");
                });
                tokio::spawn(async move {
                    let accepted = listener.accept().await.map(|_| 0);
                    accepts
                        .send(("accept", accepted.map_err(|error| error.kind())))
                        .expect("the test waits");
                });
            });
            told.await.expect("it is up");
            until(&sim, 100).await;
            end(&sim, client);
            let mut told = Vec::new();
            while let Some(what) = receiver.recv().await {
                told.push(what);
            }
            told.sort();
            (told, sim.now(), sim.left_behind())
        });
        let not_connected = Err(std::io::ErrorKind::NotConnected);
        assert_eq!(
            finished.value,
            (
                vec![("accept", not_connected), ("read", not_connected)],
                Duration::from_millis(100),
                Left::default()
            )
        );
    }
}

/// Proves that a world is gone: it held `alive` in everything that its hosts run, and its hosts' names.
struct Proof {
    alive: Weak<()>,
    names: Arc<Mutex<Vec<Weak<str>>>>,
}

impl Proof {
    fn new(alive: &Arc<()>) -> (Config, Self) {
        let (mut config, _) = config(Duration::from_millis(5));
        let names = Arc::default();
        config.observer = Box::new(Names(Arc::clone(&names)));
        let alive = Arc::downgrade(alive);
        (config, Proof { alive, names })
    }

    fn assert_freed(self) {
        let names = self.names.lock().expect("no panic while it was held");
        assert!(names.len() >= 3, "three hosts were started");
        assert_eq!(
            names.iter().filter_map(Weak::upgrade).next(),
            None,
            "the world is still there"
        );
        assert!(self.alive.upgrade().is_none(), "a task is still there");
    }
}

struct Names(Arc<Mutex<Vec<Weak<str>>>>);

impl Observer for Names {
    fn observe(&mut self, _: u64, host: Option<&Arc<str>>, _: SimEvent) {
        let mut names = self.0.lock().expect("no panic while it was held");
        names.extend(host.map(Arc::downgrade));
    }
}

/// Fills a world with everything that could refer back to it, all of it holding `alive`.
async fn entangle(sim: &Sim, alive: &Arc<()>) {
    let held = Held {
        alive: alive.clone(),
        wakers: Arc::default(),
    };
    busy_world(sim, &held);
    let (of_main, of_host) = (alive.clone(), sim.clone());
    let host = sim.add_host("entangled", move |platform| {
        // The world, captured by a closure that the world owns.
        let (sim, alive) = (of_host.clone(), of_main.clone());
        async move {
            let stray = (platform.clone(), alive.clone(), sim.clone());
            tokio::spawn(async move {
                pending::<()>().await;
                drop(stray);
            });
            let respawns = SpawnsOnDrop(platform.clone(), alive.clone());
            platform.spawn(async move {
                pending::<()>().await;
                drop(respawns);
            });
            pending::<()>().await;
            drop((platform, alive, sim));
            Ok(())
        }
    });
    sim.start(host);
    let (of_world, alive) = (sim.clone(), alive.clone());
    sim.spawn(async move {
        pending::<()>().await;
        drop((of_world, alive));
    });
}

/// What some libraries do: the end of one task starts another.
struct SpawnsOnDrop(SimPlatform, Arc<()>);

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        let (platform, alive) = (self.0.clone(), self.1.clone());
        self.0.spawn(async move {
            pending::<()>().await;
            drop((platform, alive));
        });
    }
}

#[test]
fn a_run_that_ends_with_tasks_pending_frees_its_world() {
    let alive = Arc::new(());
    let (config, proof) = Proof::new(&alive);
    let finished = simulate_with(config, |sim| async move {
        entangle(&sim, &alive).await;
        until(&sim, 1_000).await;
        Arc::strong_count(&alive)
    });
    // What is kept of the run has the hosts' names; only the count is wanted.
    let held = finished.expect("the run ends").value;
    assert!(held > 10, "much was held: {held}");
    proof.assert_freed();
}

#[test]
fn a_run_out_of_time_frees_its_world() {
    let alive = Arc::new(());
    let (mut config, proof) = Proof::new(&alive);
    config.budget = Duration::from_micros(1_000_500);
    let failure = simulate_with(config, |sim| async move {
        entangle(&sim, &alive).await;
        pending::<()>().await;
    });
    let budget = Duration::from_micros(1_000_500);
    assert_eq!(
        failure.expect_err("nobody ends it"),
        Failure::OutOfTime { budget }
    );
    proof.assert_freed();
}

#[test]
fn a_run_that_is_stuck_frees_its_world() {
    let alive = Arc::new(());
    let (config, proof) = Proof::new(&alive);
    let failure = simulate_with(config, |sim| async move {
        entangle(&sim, &alive).await;
        until(&sim, 1_000).await;
        loop {
            tokio::task::yield_now().await;
        }
    });
    let failure: Failure = failure
        .map(|_: squall_sim::Finished<()>| ())
        .expect_err("time stands still");
    assert!(matches!(failure, Failure::Stuck { .. }), "{failure}");
    proof.assert_freed();
}

/// Regression: a director that panicked went unnoticed until virtual time ran out.
#[test]
fn a_director_that_panics_ends_the_run_with_its_words_and_frees_the_world() {
    type Panics = fn(&Sim);
    let ways: [(bool, Panics); 3] = [
        (false, |_| panic!("the director's words")),
        (false, |sim| sim.spawn(async { panic!("the director's words") })),
        (true, |_| panic!("the director's words")),
    ];
    for (at_once, panics) in ways {
        let alive = Arc::new(());
        let (config, proof) = Proof::new(&alive);
        let failure = simulate_with(config, move |sim| {
            if at_once {
                for name in ["x", "y", "z"] {
                    sim.start(sim.add_host(name, idle));
                }
                panics(&sim);
            }
            async move {
                entangle(&sim, &alive).await;
                until(&sim, 1_000).await;
                panics(&sim);
                pending::<()>().await;
            }
        });
        assert_eq!(
            failure.expect_err("it panics"),
            Failure::Panicked("the director's words".to_owned())
        );
        proof.assert_freed();
    }
}

#[test]
fn a_destructor_that_panics_is_told_and_leaves_nothing() {
    struct Bomb(#[expect(dead_code, reason = "held until the drop")] Arc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let alive = Arc::new(());
    let weak = Arc::downgrade(&alive);
    let (_, log) = simulate(|sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let platform = process(&sim, host).await;
        let bomb = Bomb(alive);
        platform.spawn(async move {
            pending::<()>().await;
            drop(bomb);
        });
        until(&sim, 10).await;
        sim.kill(host);
        until(&sim, 11).await;
        assert_eq!(sim.left_behind(), Left::default());
    });
    let log = log.lock().expect("no panic while it was held");
    let panicked = SimEvent::Panicked {
        message: "boom".to_owned(),
    };
    assert!(
        log.iter()
            .any(|(_, host, event)| host == "host" && *event == panicked)
    );
    assert!(weak.upgrade().is_none());
}

#[test]
fn what_outlives_a_run_is_harmless() {
    let (finished, _) = simulate(|sim| async move {
        let server = sim.add_host("server", serve);
        let client = sim.add_host("client", idle);
        sim.start(server);
        sim.start(client);
        let platform = process(&sim, client).await;
        let stream = dial(&platform).await.expect("it is up");
        let listener = platform.bind(8).await.expect("it is free");
        (sim, platform, stream, listener)
    });
    drop(finished);
}

#[test]
fn segments_that_wait_for_ever_do_not_keep_a_world() {
    let alive = Arc::new(());
    let (mut config, proof) = Proof::new(&alive);
    config.interleave = Chance::new(1, 3);
    let finished = simulate_with(config, |sim| async move {
        entangle(&sim, &alive).await;
        until(&sim, 100).await;
        let hosts = ["server", "busy"].map(|name| sim.host(name).expect("it was added"));
        sim.start_effect(1, Effect::Hold(pairs(hosts[0], hosts[1], true)));
        sim.kill(hosts[1]);
        until(&sim, 500).await;
        assert_eq!(sim.left_behind(), Left::default());
    });
    finished.expect("the run ends");
    proof.assert_freed();
}

//! The same seed gives the same run: again, on other threads, in another process. Another seed does not.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::support::{config, idle, pairs, simulate_with};
use squall_platform::{Listener, Platform};
use squall_sim::{Chance, Effect, Latency, Sim, SimEvent, SimPlatform, TracePoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::sleep;

/// Set for the second process: the seed whose digest it prints.
const SEED_VARIABLE: &str = "SQUALL_DETERMINISM_SEED";
const PEERS: u32 = 5;

/// What a run says of itself.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    digest: u64,
    trace: Vec<TracePoint>,
    log: Vec<(u64, String, SimEvent)>,
    virtual_time: Duration,
}

fn run(seed: u64, interleave: Chance) -> Said {
    let (mut config, log) = config(Duration::from_millis(5));
    config.seed = seed;
    config.interleave = interleave;
    config.link.latency = Latency::uniform(Duration::from_micros(300), Duration::from_millis(9));
    config.link.loss = Chance::new(1, 50);
    let finished = simulate_with(config, chaos).expect("the run ends");
    let log = log.lock().expect("no panic while it was held").clone();
    Said {
        digest: finished.digest,
        trace: finished.trace,
        log,
        virtual_time: finished.virtual_time,
    }
}

/// Five peers that gossip, and everything that could make two runs differ.
async fn chaos(sim: Sim) {
    let hosts: Vec<_> = (0..PEERS)
        .map(|number| sim.add_host(&format!("peer-{number}"), peer))
        .collect();
    for host in &hosts {
        sim.start(*host);
    }
    sleep(Duration::from_millis(700)).await;
    sim.start_effect(1, Effect::Hold(pairs(hosts[0], hosts[1], true)));
    sim.start_effect(
        2,
        Effect::SetLoss(pairs(hosts[2], hosts[3], true), Chance::new(1, 3)),
    );
    sleep(Duration::from_millis(400)).await;
    sim.kill(hosts[4]);
    sim.crash(hosts[3]);
    sim.pause(hosts[2]);
    sleep(Duration::from_millis(600)).await;
    sim.end_effect(1);
    sim.end_effect(2);
    sim.start(hosts[4]);
    sim.start(hosts[3]);
    sim.resume(hosts[2]);
    sleep(Duration::from_millis(1_200)).await;
}

async fn peer(platform: SimPlatform) -> Result<(), String> {
    let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
    let rumours = Arc::new(Mutex::new(HashMap::new()));
    for _ in 0..3 {
        let (platform, rumours) = (platform.clone(), rumours.clone());
        platform.clone().spawn(async move {
            loop {
                let nap = Duration::from_millis(platform.random_u64() % 40);
                sleep(Duration::from_millis(5)).await;
                // Not biased: several may be ready, and tokio draws which is taken.
                tokio::select! {
                    () = sleep(nap) => gossip(&platform, &rumours, "slept").await,
                    () = sleep(Duration::from_millis(20)) => gossip(&platform, &rumours, "waited").await,
                    () = sleep(Duration::from_millis(20)) => gossip(&platform, &rumours, "drowsed").await,
                }
            }
        });
    }
    loop {
        let (mut stream, from) = listener.accept().await.map_err(|error| error.to_string())?;
        let rumours = rumours.clone();
        platform.spawn(async move {
            let mut text = String::new();
            if stream.read_to_string(&mut text).await.is_ok() {
                rumours
                    .lock()
                    .expect("no panic while it was held")
                    .insert(text, from);
            }
        });
    }
}

/// Tells one peer what this one has heard, in the order of a hash map with std's random keys.
async fn gossip(platform: &SimPlatform, rumours: &Mutex<HashMap<String, std::net::SocketAddr>>, why: &str) {
    let to = format!("peer-{}:7", platform.random_u64() % u64::from(PEERS));
    let heard: Vec<String> = {
        let rumours = rumours.lock().expect("no panic while it was held");
        rumours
            .iter()
            .take(3)
            .map(|(text, from)| format!("{from}{}", text.len()))
            .collect()
    };
    let set: HashSet<u64> = (0..8).collect();
    let news = format!(
        "{why} {:?} {:?} {:?} {heard:?} {set:?}",
        SystemTime::now(),
        Instant::now(),
        platform.wall_clock(),
    );
    let send = async {
        let mut stream = platform.connect(&to.parse().expect("an authority")).await?;
        stream.write_all(news.as_bytes()).await
    };
    // A peer may be down.
    let _ = tokio::time::timeout(Duration::from_millis(500), send).await;
}

#[test]
fn the_same_seed_gives_the_same_run_again() {
    let first = run(7, Chance::NEVER);
    assert!(
        first.trace.len() > 1_000,
        "a busy run: {} segments",
        first.trace.len()
    );
    let again = run(7, Chance::NEVER);
    let difference = first.trace.iter().zip(&again.trace).find(|(a, b)| a != b);
    assert_eq!(difference, None);
    assert_eq!(first, again);
    assert_eq!(first.trace.last().expect("not empty").digest, first.digest);
}

#[test]
fn four_runs_at_once_on_other_threads_are_the_same() {
    let alone = run(7, Chance::NEVER);
    let runs: Vec<_> = (0..4)
        .map(|i| thread::spawn(move || run(7 + i % 2, Chance::NEVER)))
        .collect();
    let said: Vec<_> = runs
        .into_iter()
        .map(|run| run.join().expect("no panic"))
        .collect();
    assert_eq!(said[0], alone);
    assert_eq!(said[2], alone);
    assert_eq!(said[1], said[3]);
}

/// Not a test of its own: what the second process runs, and prints.
#[test]
fn the_second_process() {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        let seed = seed.parse().expect("a number");
        println!("digest={:016x};", run(seed, Chance::new(1, 8)).digest);
    }
}

#[test]
fn a_second_process_comes_to_the_same_digest() {
    let here = format!("digest={:016x};", run(11, Chance::new(1, 8)).digest);
    let module = module_path!().split_once("::");
    let the_second_process = match module {
        Some((_, module)) => format!("{module}::the_second_process"),
        None => "the_second_process".to_owned(),
    };
    for _ in 0..2 {
        let output = Command::new(std::env::current_exe().expect("this is one"))
            .args(["--exact", &the_second_process, "--nocapture"])
            .env(SEED_VARIABLE, "11")
            .output()
            .expect("it starts");
        let there = String::from_utf8_lossy(&output.stdout);
        assert!(there.contains(&here), "here {here}, there {there}");
    }
}

#[test]
fn another_seed_gives_another_run() {
    let digests: BTreeSet<u64> = (0..8).map(|seed| run(seed, Chance::NEVER).digest).collect();
    assert_eq!(digests.len(), 8);
}

#[test]
fn interleaving_changes_the_run_and_is_itself_repeatable() {
    let plain = run(7, Chance::NEVER);
    let mixed = run(7, Chance::new(1, 8));
    assert_ne!(plain.digest, mixed.digest);
    assert_eq!(run(7, Chance::new(1, 8)), mixed);
    assert_ne!(run(7, Chance::new(1, 4)).digest, mixed.digest);
}

/// Two tasks are woken at once; which is first?
fn first_of_two(seed: u64, interleave: Chance) -> &'static str {
    let (mut config, _) = config(Duration::from_millis(5));
    config.seed = seed;
    config.interleave = interleave;
    let finished = simulate_with(config, |sim| async move {
        let host = sim.add_host("host", idle);
        sim.start(host);
        let order = Arc::new(Mutex::new(Vec::new()));
        let (gate, told) = (Arc::new(Notify::new()), order.clone());
        let race = sim.run_on(host, |platform| async move {
            for name in ["left", "right"] {
                let (gate, told) = (gate.clone(), told.clone());
                platform.spawn(async move {
                    gate.notified().await;
                    told.lock().expect("no panic while it was held").push(name);
                });
            }
            sleep(Duration::from_millis(1)).await;
            gate.notify_waiters();
            sleep(Duration::from_millis(1)).await;
        });
        race.await.expect("it is up");
        let order = order.lock().expect("no panic while it was held");
        assert_eq!(order.len(), 2);
        order[0]
    });
    finished.expect("the run ends").value
}

#[test]
fn interleaving_finds_orders_that_no_plain_seed_finds() {
    let orders =
        |interleave| -> BTreeSet<&str> { (0..40).map(|seed| first_of_two(seed, interleave)).collect() };
    assert_eq!(orders(Chance::NEVER), ["left"].into());
    assert_eq!(orders(Chance::new(1, 4)), ["left", "right"].into());
}

#[test]
fn an_idle_fault_does_not_shift_the_randomness_of_anything_else() {
    let digest = |with_fault: bool| {
        let (mut config, _) = config(Duration::from_millis(5));
        config.link.latency = Latency::uniform(Duration::from_millis(1), Duration::from_millis(9));
        let finished = simulate_with(config, move |sim| async move {
            let bystanders = ["x", "y"].map(|name| sim.add_host(name, idle));
            let hosts: Vec<_> = (0..PEERS)
                .map(|number| sim.add_host(&format!("peer-{number}"), peer))
                .collect();
            for host in hosts {
                sim.start(host);
            }
            if with_fault {
                let between = pairs(bystanders[0], bystanders[1], true);
                sim.start_effect(1, Effect::SetLoss(between.clone(), Chance::new(1, 2)));
                sim.start_effect(
                    2,
                    Effect::AddLatency(between, Latency::constant(Duration::from_secs(1))),
                );
            }
            sleep(Duration::from_secs(1)).await;
        });
        finished.expect("the run ends").digest
    };
    assert_eq!(digest(true), digest(false));
}

#[test]
fn fastrand_draws_from_the_seed() {
    let drawn = |seed| {
        let (mut config, _) = config(Duration::from_millis(1));
        config.seed = seed;
        let run = simulate_with(config, |_| async { fastrand::u64(..) });
        run.expect("the run ends").value
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

//! Services that call each other from tasks of all sorts, while their hosts are killed, crashed, restarted and paused: the
//! dead call nobody, the paused neither, and no run hangs, panics or differs from its repetition.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream;
use squall_echo::{EchoClient, EchoServer, Parrot, line};
use squall_sim::{Chance, EngineKind, HostOptions, Sim, run};
use squall_site::Site;
use tokio::time::sleep;
use tonic::Request;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Server};

use super::support::{Notes, Outcome, config};

const NODES: u64 = 3;
/// One way of a link, and a millisecond.
const WAY: u64 = 6;

/// Says who calls.
#[derive(Clone)]
struct From(String);

impl Interceptor for From {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, tonic::Status> {
        let from = self.0.parse().expect("a value");
        request.metadata_mut().insert("from", from);
        Ok(request)
    }
}

type Caller = EchoClient<InterceptedService<Channel, From>>;

fn caller(site: &Site, to: u64, me: &str) -> Caller {
    let endpoint = Endpoint::from_shared(format!("http://node-{to}:50051")).expect("a URI");
    let mut endpoint = endpoint.timeout(Duration::from_millis(300));
    if to == 0 {
        endpoint = endpoint.executor(site.executor());
    }
    let channel = endpoint.connect_with_connector_lazy(site.connector());
    EchoClient::with_interceptor(channel, From(me.to_owned()))
}

/// Serves, notes who calls, and calls the two others.
async fn node(site: Site, number: u64, incarnation: u32, notes: Notes) -> Outcome<()> {
    let me = format!("node-{number}#{incarnation}");
    // As fast as it goes, whatever comes of it.
    let mut fast = caller(&site, (number + 1) % NODES, &me);
    tokio::spawn(async move {
        loop {
            let _ = fast.say(line("fast")).await;
        }
    });
    // A task for each call.
    let slow = caller(&site, (number + 2) % NODES, &me);
    tokio::spawn(async move {
        loop {
            let mut slow = slow.clone();
            tokio::spawn(async move { slow.say(line("slow")).await });
            sleep(Duration::from_millis(70)).await;
        }
    });
    // A stream, and another one when it ends.
    let mut talks = caller(&site, (number + 1) % NODES, &me);
    tokio::spawn(async move {
        loop {
            let lines = stream::unfold(0, |said| async move {
                sleep(Duration::from_millis(30)).await;
                Some((line("talk"), said + 1))
            });
            if let Ok(answer) = talks.talk(lines).await {
                let mut answers = answer.into_inner();
                while let Ok(Some(_)) = answers.message().await {}
            }
        }
    });
    let note = move |request: Request<()>| {
        let from = request.metadata().get("from").and_then(|it| it.to_str().ok());
        notes.add(format!("node-{number} {}", from.unwrap_or_default()));
        Ok(request)
    };
    Server::builder()
        .add_service(EchoServer::with_interceptor(Parrot, note))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

/// What the director did: when which incarnation died, and who was paused from when until when.
#[derive(Debug, Default)]
struct Done {
    died: BTreeMap<String, u64>,
    paused: Vec<(String, u64, u64)>,
}

async fn storm(sim: Sim, seed: u64, notes: Notes) -> Done {
    let hosts: Vec<_> = (0..NODES)
        .map(|number| {
            let notes = notes.clone();
            let options = HostOptions::new().adopting();
            sim.add_host_with(&format!("node-{number}"), options, move |process| {
                let incarnation = process.incarnation();
                let node = node(Site::simulated(process), number, incarnation, notes.clone());
                async move { node.await.map_err(|error| error.to_string()) }
            })
        })
        .collect();
    hosts.iter().for_each(|host| sim.start(*host));
    let mut done = Done::default();
    let mut incarnations = [0; NODES as usize];
    let mut random = seed;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    for _ in 0..12 {
        sleep(Duration::from_millis(50 + next(400))).await;
        let number = next(NODES) as usize;
        let (host, name) = (hosts[number], format!("node-{number}"));
        let kind = next(3);
        let from = sim.now().as_millis() as u64;
        match kind {
            0 => sim.pause(host),
            1 => sim.kill(host),
            _ => sim.crash(host),
        }
        sleep(Duration::from_millis(50 + next(600))).await;
        if kind == 0 {
            done.paused.push((name, from, sim.now().as_millis() as u64));
            sim.resume(host);
        } else {
            done.died.insert(format!("{name}#{}", incarnations[number]), from);
            incarnations[number] += 1;
            sim.start(host);
        }
    }
    sleep(Duration::from_millis(300)).await;
    done
}

/// Who was served although it was dead, or paused, and nothing kept its server from serving it at once.
fn wrongly_served(done: &Done, notes: &[(u64, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, note) in notes {
        let (server, client) = note.split_once(' ').expect("two names");
        let host = client.split_once('#').expect("an incarnation").0;
        let was_slow = |since: u64| {
            let mut pauses = done.paused.iter();
            pauses.any(|(name, from, to)| name == server && *from <= *at && *to + WAY >= since)
        };
        if let Some(died) = done
            .died
            .get(client)
            .filter(|died| *at > *died + WAY && !was_slow(**died))
        {
            wrong.push(format!("{at}: {note}, which died at {died}"));
        }
        for (_, from, to) in done.paused.iter().filter(|(name, ..)| name == host) {
            if *at > from + WAY && at < to && !was_slow(*from) {
                wrong.push(format!("{at}: {note}, which was paused from {from} to {to}"));
            }
        }
    }
    wrong
}

#[test]
fn the_dead_and_the_paused_call_nobody() {
    let mut deaths = 0;
    for seed in 1..=12 {
        let storm = || {
            let mut config = config();
            config.seed = seed;
            config.engine = EngineKind::ALL[(seed % 2) as usize];
            if seed % 3 == 0 {
                config.interleave = Chance::new(1, 10);
            }
            let notes = Notes::default();
            let noted = notes.clone();
            let finished = run(config, move |sim| storm(sim, seed, noted));
            let finished = finished.expect("the run ends");
            (notes.all(), finished.value, finished.digest)
        };
        let (notes, done, digest) = storm();
        assert_eq!(wrongly_served(&done, &notes), [""; 0], "seed {seed}");
        assert!(notes.len() > 500, "seed {seed}: {} calls", notes.len());
        deaths += done.died.len();
        let again = storm();
        assert_eq!((again.0, again.2), (notes, digest), "seed {seed}");
    }
    assert!(deaths > 50, "{deaths}");
}

#[test]
fn who_is_served_although_it_is_dead_is_found() {
    let done = Done {
        died: [("node-1#0".to_owned(), 100)].into(),
        paused: vec![("node-2".to_owned(), 300, 400)],
    };
    let wrong = |at, note: &str| wrongly_served(&done, &[(at, note.to_owned())]).len();
    assert_eq!(wrong(101, "node-0 node-1#0"), 0, "on its way");
    assert_eq!(wrong(200, "node-0 node-1#0"), 1);
    assert_eq!(wrong(200, "node-0 node-1#1"), 0);
    assert_eq!(wrong(350, "node-0 node-2#0"), 1);
    assert_eq!(wrong(402, "node-2 node-1#0"), 0, "its server was paused");
}

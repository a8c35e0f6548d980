//! Whatever two hosts do to their connections, and the network to them: what is read is a prefix of what was
//! written, all of it after a clean close, and nothing is left in the end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Add;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::support::{config, idle, pairs, process, simulate_with};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use squall_platform::{Listener, Platform};
use squall_sim::{
    Bandwidth, Chance, Effect, Latency, Left, Sim, SimEvent, SimListener, SimPlatform, SimStream,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{sleep, timeout};

/// Longer than any retransmission timeout that there can be.
const SETTLED: Duration = Duration::from_secs(400);

/// Longer than a connection can be half open.
const HALF_OPEN: Duration = Duration::from_secs(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

#[derive(Debug, Clone, Copy)]
enum Way {
    Both,
    ToServer,
    ToClient,
}

#[derive(Debug, Clone)]
enum Step {
    Connect {
        patience_ms: u64,
    },
    Write {
        of: prop::sample::Index,
        side: Side,
        bytes: usize,
    },
    Read {
        of: prop::sample::Index,
        side: Side,
        bytes: usize,
    },
    Shutdown {
        of: prop::sample::Index,
        side: Side,
    },
    Drop {
        of: prop::sample::Index,
        side: Side,
    },
    Hold(Way),
    Lose(Way, u32),
    Slow(Way, u64),
    Stall(Way),
    /// Bits per second.
    Narrow(Way, u64),
    Heal,
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let of = any::<prop::sample::Index>;
    let side = || prop_oneof![Just(Client), Just(Server)];
    let way = || prop_oneof![Just(Way::Both), Just(Way::ToServer), Just(Way::ToClient)];
    let bytes = || prop_oneof![4 => 1..2_000_usize, 1 => 1..400_000_usize];
    prop_oneof![
        3 => (1..2_500_u64).prop_map(|patience_ms| Step::Connect { patience_ms }),
        8 => (of(), side(), bytes()).prop_map(|(of, side, bytes)| Step::Write { of, side, bytes }),
        8 => (of(), side(), bytes()).prop_map(|(of, side, bytes)| Step::Read { of, side, bytes }),
        1 => (of(), side()).prop_map(|(of, side)| Step::Shutdown { of, side }),
        2 => (of(), side()).prop_map(|(of, side)| Step::Drop { of, side }),
        1 => way().prop_map(Step::Hold),
        1 => (way(), 2..6_u32).prop_map(|(way, one_in)| Step::Lose(way, one_in)),
        1 => (way(), 1..300_u64).prop_map(|(way, ms)| Step::Slow(way, ms)),
        1 => way().prop_map(Step::Stall),
        1 => (way(), 1_000_000..50_000_000_u64).prop_map(|(way, bits)| Step::Narrow(way, bits)),
        2 => Just(Step::Heal),
        8 => (0..400_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// One end of a connection as the test knows it.
#[derive(Default)]
struct End {
    stream: Option<SimStream>,
    written: u64,
    read: u64,
    /// No more will be written by it.
    write_closed: bool,
    /// A call has failed: what else it reads proves nothing.
    failed: bool,
    /// It was told that no more will come.
    ended: bool,
    /// It was dropped while the other end's bytes were not all read, or others were written later.
    dropped_early: bool,
}

struct Connection {
    number: u64,
    /// Each connection has one of its own, so that it is clear who was accepted.
    listener: SimListener,
    client: End,
    server: End,
}

/// The byte at `place` of what `side` writes.
fn byte(number: u64, side: Side, place: u64) -> u8 {
    let mixed = (place + number * 7_919 + (side as u64) * 104_729).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

impl Connection {
    /// The end of `side`, and the other one.
    fn ends(&mut self, side: Side) -> (&mut End, &mut End) {
        match side {
            Client => (&mut self.client, &mut self.server),
            Server => (&mut self.server, &mut self.client),
        }
    }

    /// The server accepts when it first does something, or as soon after that as it can. False while it cannot.
    async fn accept(&mut self, patience: Duration) -> bool {
        let server = &mut self.server;
        let never_accepted = server.stream.is_none() && !server.write_closed;
        if never_accepted {
            let Ok(accepted) = timeout(patience, self.listener.accept()).await else {
                // The client's part of the handshake is still on its way.
                return false;
            };
            server.stream = Some(accepted.expect("it listens").0);
        }
        true
    }

    /// It never came to be open for the server.
    fn never_accepted(&mut self) {
        self.server.write_closed = true;
        self.server.dropped_early = true;
        self.client.dropped_early = true;
    }

    async fn write(&mut self, side: Side, bytes: usize) {
        let number = self.number;
        let (end, other) = self.ends(side);
        let Some(stream) = end.stream.as_mut().filter(|_| !end.write_closed) else {
            return;
        };
        let bytes: Vec<u8> = (0..bytes as u64)
            .map(|i| byte(number, side, end.written + i))
            .collect();
        // Once: the window may be full.
        let wrote = poll_fn(|context| Poll::Ready(Pin::new(&mut *stream).poll_write(context, &bytes))).await;
        match wrote {
            Poll::Ready(Ok(count)) => {
                end.written += count as u64;
                other.dropped_early |= other.stream.is_none() && other.write_closed;
            }
            Poll::Ready(Err(_)) => end.failed = true,
            Poll::Pending => {}
        }
    }

    /// Reads what is there, and holds it against what was written. False when there is nothing.
    async fn read(&mut self, side: Side, bytes: usize) -> bool {
        let number = self.number;
        let (end, other) = self.ends(side);
        let Some(stream) = end.stream.as_mut() else {
            return false;
        };
        let from = if side == Client { Server } else { Client };
        let mut bytes = vec![0; bytes];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read =
            poll_fn(|context| Poll::Ready(Pin::new(&mut *stream).poll_read(context, &mut buffer))).await;
        match read {
            Poll::Ready(Ok(())) => {
                let received = buffer.filled();
                for (i, received) in received.iter().enumerate() {
                    assert_eq!(
                        *received,
                        byte(number, from, end.read + i as u64),
                        "at {} of {number}",
                        end.read
                    );
                }
                end.read += received.len() as u64;
                assert!(end.read <= other.written);
                if received.is_empty() && !end.failed {
                    assert!(other.write_closed, "connection {number}: an end that nobody made");
                    assert_eq!(
                        end.read, other.written,
                        "connection {number}: an end before the end"
                    );
                    end.ended = true;
                }
                !received.is_empty()
            }
            Poll::Ready(Err(error)) => {
                assert!(!end.ended, "connection {number}: {error} after the end");
                end.failed = true;
                false
            }
            Poll::Pending => false,
        }
    }

    async fn shutdown(&mut self, side: Side) {
        let (end, _) = self.ends(side);
        if let Some(stream) = &mut end.stream {
            stream.shutdown().await.expect("a shutdown never fails");
            end.write_closed = true;
        }
    }

    fn drop_end(&mut self, side: Side) {
        let (end, other) = self.ends(side);
        if end.stream.take().is_some() {
            end.write_closed = true;
            end.dropped_early = end.read < other.written;
        }
    }
}

/// What the ends of connections saw, so that a test can tell whether it tested anything.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    bytes: u64,
    ended: u64,
    failed: u64,
}

impl Totals {
    fn of(connections: &[Connection]) -> Self {
        let ends = || connections.iter().flat_map(|of| [&of.client, &of.server]);
        Totals {
            bytes: ends().map(|end| end.read).sum(),
            ended: ends().filter(|end| end.ended).count() as u64,
            failed: ends().filter(|end| end.failed).count() as u64,
        }
    }
}

impl Add for Totals {
    type Output = Totals;

    fn add(self, other: Totals) -> Totals {
        Totals {
            bytes: self.bytes + other.bytes,
            ended: self.ended + other.ended,
            failed: self.failed + other.failed,
        }
    }
}

struct Hosts {
    sim: Sim,
    server: SimPlatform,
    client: SimPlatform,
}

impl Hosts {
    async fn connect(&self, number: u64, patience: Duration) -> Option<Connection> {
        let listener = self.server.bind(0).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let to = format!("server:{port}").parse().expect("an authority");
        // Whoever loses patience drops a connect in mid air.
        let stream = timeout(patience, self.client.connect(&to)).await.ok()?;
        let end = |stream| End {
            stream,
            ..End::default()
        };
        Some(Connection {
            number,
            listener,
            client: end(Some(stream.expect("it listens, and no hold lasts long enough"))),
            server: end(None),
        })
    }

    fn disturb(&self, fault: u32, way: Way, effect: impl Fn(squall_sim::HostPairs) -> Effect) {
        let host = |name| self.sim.host(name).expect("it was added");
        let (client, server) = (host("client"), host("server"));
        let pairs = match way {
            Way::Both => pairs(client, server, true),
            Way::ToServer => pairs(client, server, false),
            Way::ToClient => pairs(server, client, false),
        };
        self.sim.start_effect(fault, effect(pairs));
    }

    fn heal(&self) {
        for fault in 1..=5 {
            self.sim.end_effect(fault);
        }
    }
}

async fn take(hosts: &Hosts, connections: &mut Vec<Connection>, step: Step) {
    match step {
        Step::Connect { patience_ms } => {
            let number = connections.len() as u64;
            let connected = hosts.connect(number, Duration::from_millis(patience_ms)).await;
            connections.extend(connected);
        }
        Step::Hold(way) => hosts.disturb(1, way, Effect::Hold),
        Step::Lose(way, one_in) => {
            hosts.disturb(2, way, |pairs| Effect::SetLoss(pairs, Chance::new(1, one_in)));
        }
        Step::Slow(way, ms) => {
            let latency = Latency::uniform(Duration::ZERO, Duration::from_millis(ms));
            hosts.disturb(3, way, |pairs| Effect::AddLatency(pairs, latency.clone()));
        }
        Step::Stall(way) => hosts.disturb(4, way, Effect::Stall),
        Step::Narrow(way, bits) => {
            let bandwidth = Bandwidth::bits_per_second(bits).expect("not zero");
            hosts.disturb(5, way, |pairs| Effect::SetBandwidth(pairs, bandwidth));
        }
        Step::Heal => hosts.heal(),
        Step::Wait { ms } => sleep(Duration::from_millis(ms)).await,
        Step::Write { of, side, .. }
        | Step::Read { of, side, .. }
        | Step::Shutdown { of, side }
        | Step::Drop { of, side } => {
            if connections.is_empty() {
                return;
            }
            let connection = of.get_mut(connections);
            if side == Server {
                connection.accept(Duration::from_millis(1)).await;
            }
            match step {
                Step::Write { bytes, .. } => connection.write(side, bytes).await,
                Step::Read { bytes, .. } => drop(connection.read(side, bytes).await),
                Step::Shutdown { .. } => connection.shutdown(side).await,
                _ => connection.drop_end(side),
            }
        }
    }
}

/// After everything has healed: reads until nothing comes any more, and demands what was promised.
async fn settle(connections: &mut [Connection]) {
    for connection in &mut *connections {
        if !connection.accept(HALF_OPEN).await {
            connection.never_accepted();
        }
        connection.shutdown(Client).await;
        connection.shutdown(Server).await;
    }
    // A full window takes several turns.
    for _ in 0..10 {
        sleep(SETTLED).await;
        for connection in &mut *connections {
            for side in [Client, Server] {
                while connection.read(side, 100_000).await {}
            }
        }
    }
    for connection in connections {
        for side in [Client, Server] {
            let number = connection.number;
            let (end, other) = connection.ends(side);
            // Neither end threw bytes away, so nobody had a reason to reset.
            if !end.dropped_early && !other.dropped_early {
                assert!(!end.failed, "connection {number}: {side:?} failed for no reason");
                if end.stream.is_some() {
                    assert!(end.ended, "connection {number}: {side:?} has not come to the end");
                    assert_eq!(end.read, other.written);
                }
            } else if end.stream.is_some() {
                assert!(end.ended || end.failed || end.read <= other.written);
            }
        }
    }
}

fn play(seed: u64, steps: Vec<Step>) -> Result<Totals, TestCaseError> {
    let (mut config, log) = config(Duration::from_millis(5));
    config.seed = seed;
    config.budget = Duration::from_secs(100_000);
    let finished = simulate_with(config, |sim| async move {
        let [server_host, client_host] = ["server", "client"].map(|name| sim.add_host(name, idle));
        sim.start(server_host);
        sim.start(client_host);
        let hosts = Hosts {
            server: process(&sim, server_host).await,
            client: process(&sim, client_host).await,
            sim: sim.clone(),
        };
        let mut connections = Vec::new();
        for step in steps {
            take(&hosts, &mut connections, step).await;
        }
        hosts.heal();
        settle(&mut connections).await;
        let totals = Totals::of(&connections);
        drop(connections);
        sleep(SETTLED).await;
        sim.kill(server_host);
        sim.kill(client_host);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(sim.left_behind(), Left::default());
        totals
    });
    let finished = finished.map_err(|failure| TestCaseError::fail(failure.to_string()))?;
    let log = log.lock().expect("no panic while it was held");
    let mut connections: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for (_, _, event) in log.iter() {
        match event {
            SimEvent::Opened(connection) => connections.entry(connection.flow).or_default().0 += 1,
            SimEvent::Closed(connection, _) => connections.entry(connection.flow).or_default().1 += 1,
            SimEvent::Stopped { tasks, sockets, .. } => prop_assert_eq!((*tasks, *sockets), (0, 0)),
            _ => {}
        }
    }
    for (flow, (opened, closed)) in connections {
        prop_assert!(
            opened <= 1 && closed == 1,
            "flow {flow}: opened {opened}, closed {closed} times"
        );
    }
    Ok(finished.value)
}

#[test]
fn what_is_read_is_what_was_written() {
    let totals = Cell::new(Totals::default());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(
        &(any::<u64>(), prop::collection::vec(step(), 1..80)),
        |(seed, steps)| {
            totals.set(totals.get() + play(seed, steps)?);
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    // A property that saw nothing proves nothing.
    let totals = totals.get();
    assert!(totals.bytes > 1_000_000, "{totals:?}");
    assert!(totals.ended > 100 && totals.failed > 20, "{totals:?}");
}

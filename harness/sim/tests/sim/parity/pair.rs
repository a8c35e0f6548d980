//! Two hosts and a way to note what was seen, on real TCP and on each engine.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use squall_platform::{Authority, Listener, Platform, TokioPlatform};
use squall_sim::{Chance, EngineKind, SimPlatform};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::flow::support::{config, idle, simulate_with};

/// Processes on two hosts. On real TCP both are this one.
pub(crate) struct Pair<P> {
    pub(crate) server: P,
    pub(crate) client: P,
    /// What the client calls the server's host.
    pub(crate) server_name: &'static str,
    /// The client's address, as the server should see it.
    pub(crate) client_ip: IpAddr,
}

/// One connection, both ends, and the listener that it came through.
pub(crate) struct Connected<P: Platform> {
    pub(crate) listener: P::Listener,
    pub(crate) client: P::Stream,
    pub(crate) server: P::Stream,
}

impl<P: Platform> Pair<P> {
    /// Where the client finds the listener.
    pub(crate) fn address_of(&self, listener: &P::Listener) -> Authority {
        let port = listener.local_addr().expect("it is bound").port();
        format!("{}:{port}", self.server_name)
            .parse()
            .expect("an authority")
    }

    pub(crate) async fn listen(&self) -> (P::Listener, Authority) {
        let listener = self.server.bind(0).await.expect("a free port");
        let address = self.address_of(&listener);
        (listener, address)
    }

    pub(crate) async fn connect(&self) -> Connected<P> {
        let (mut listener, address) = self.listen().await;
        let client = self.client.connect(&address).await.expect("somebody listens");
        let (server, _) = listener.accept().await.expect("somebody connected");
        Connected {
            listener,
            client,
            server,
        }
    }
}

/// What a behaviour saw, in order.
#[derive(Default)]
pub(crate) struct Seen(Vec<String>);

impl Seen {
    pub(crate) fn note(&mut self, what: &str, value: impl Debug) {
        self.0.push(format!("{what}: {value:?}"));
    }

    /// Notes a result: errors by their kind, for their words differ.
    pub(crate) fn result<T: Debug>(&mut self, what: &str, result: io::Result<T>) {
        self.note(what, result.map_err(|error| error.kind()));
    }

    /// Reads once, and notes what came.
    pub(crate) async fn read(&mut self, what: &str, stream: &mut (impl AsyncRead + Unpin)) {
        let mut bytes = [0; 64];
        let read = stream.read(&mut bytes).await;
        let text = read.map(|count| String::from_utf8_lossy(&bytes[..count]).into_owned());
        self.result(what, text);
    }

    /// Writes once, and notes what came of it.
    pub(crate) async fn write(&mut self, what: &str, stream: &mut (impl AsyncWrite + Unpin)) {
        let written = stream.write(b"hello").await;
        self.result(what, written);
    }

    pub(crate) fn done(self) -> Vec<String> {
        self.0
    }
}

/// Writes a byte at a time until that is an error, which takes as long as news of the peer's end takes.
pub(crate) async fn write_until_error(stream: &mut (impl AsyncWrite + Unpin)) -> io::ErrorKind {
    for _ in 0..1_000 {
        if let Err(error) = stream.write(b"x").await {
            return error.kind();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("a thousand writes to a dead connection and no error");
}

/// Reads until there is nothing more.
pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Bytes in which every shift and swap shows.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    (0..count as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// Runs a behaviour on real TCP over loopback.
pub(crate) fn on_tcp<F>(behaviour: impl FnOnce(Pair<TokioPlatform>) -> F) -> Vec<String>
where
    F: Future<Output = Vec<String>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let pair = Pair {
        server: TokioPlatform::loopback(),
        client: TokioPlatform::loopback(),
        server_name: "127.0.0.1",
        client_ip: [127, 0, 0, 1].into(),
    };
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(30), behaviour(pair))
            .await
            .expect("the behaviour ends")
    })
}

/// Runs a behaviour on an engine.
pub(crate) fn on_engine<F>(
    engine: EngineKind,
    latency: Duration,
    interleave: Chance,
    behaviour: impl FnOnce(Pair<SimPlatform>) -> F + Send + 'static,
) -> Vec<String>
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let (mut config, _) = config(latency);
    config.engine = engine;
    config.interleave = interleave;
    let finished = simulate_with(config, |sim| async move {
        let server_host = sim.add_host("server", idle);
        let client_host = sim.add_host("client", idle);
        sim.start(server_host);
        sim.start(client_host);
        let server = sim.run_on(server_host, |platform| async { platform }).await;
        let (server, client_ip) = (server.expect("it is up"), sim.address(client_host));
        let seen = sim.run_on(client_host, move |client| {
            behaviour(Pair {
                server,
                client,
                server_name: "server",
                client_ip,
            })
        });
        seen.await.expect("the behaviour ends")
    });
    finished.expect("the run ends").value
}

/// Makes a test of each behaviour: what it sees is the same everywhere.
macro_rules! the_same_everywhere {
    ($($behaviour:ident => [$($seen:literal),* $(,)?];)*) => {
        mod the_same_everywhere {
            use std::time::Duration;

            use squall_sim::{Chance, EngineKind};

            use crate::parity::pair::{on_engine, on_tcp};

            $(
                #[test]
                fn $behaviour() {
                    let expected: &[&str] = &[$($seen),*];
                    assert_eq!(on_tcp(super::$behaviour), expected, "on real TCP");
                    for engine in [EngineKind::Flow, EngineKind::Turmoil] {
                        for (latency, interleave) in [(5_000, Chance::NEVER), (333, Chance::new(1, 2))] {
                            let latency = Duration::from_micros(latency);
                            let seen = on_engine(engine, latency, interleave, super::$behaviour);
                            assert_eq!(seen, expected, "on {engine:?}, {latency:?}, {interleave:?}");
                        }
                    }
                }
            )*
        }
    };
}
pub(crate) use the_same_everywhere;

//! What the simulator's tests share.
#![expect(dead_code, reason = "each test file uses a part")]

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_platform::{Listener, Platform};
use squall_sim::{
    Chance, Config, Effect, EngineKind, Failure, Finished, HostId, HostPairs, Latency, LinkSpec, Observer,
    Sim, SimEvent, SimListener, SimPlatform, SimStream, run,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Which engine a suite runs on: each is compiled twice, below a module of this name.
pub(crate) fn engine() -> EngineKind {
    if module_path!().contains("::turmoil::") {
        EngineKind::Turmoil
    } else {
        EngineKind::Flow
    }
}

/// What was observed in a run: virtual nanoseconds, host, event.
pub(crate) type Log = Arc<Mutex<Vec<(u64, String, SimEvent)>>>;

struct Recorder(Log);

impl Observer for Recorder {
    fn observe(&mut self, at: u64, host: Option<&Arc<str>>, event: SimEvent) {
        let host = host.map(|host| host.to_string()).unwrap_or_default();
        self.0
            .lock()
            .expect("no panic while it was held")
            .push((at, host, event));
    }
}

/// A run with a constant latency on every link.
pub(crate) fn config(latency: Duration) -> (Config, Log) {
    let log = Log::default();
    let config = Config {
        seed: 7,
        budget: Duration::from_secs(3600),
        wall_limit: Duration::from_secs(60),
        interleave: Chance::NEVER,
        engine: engine(),
        link: LinkSpec {
            latency: Latency::constant(latency),
            loss: Chance::NEVER,
            bandwidth: None,
        },
        traced: true,
        captured: false,
        observer: Box::new(Recorder(log.clone())),
        dispatch: tracing::Dispatch::none(),
    };
    (config, log)
}

/// Runs `director` with a latency of 5 ms.
pub(crate) fn simulate<T, F>(director: impl FnOnce(Sim) -> F + Send + 'static) -> (Finished<T>, Log)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (config, log) = config(Duration::from_millis(5));
    (run(config, director).expect("the run ends"), log)
}

pub(crate) fn simulate_with<T, F>(
    config: Config,
    director: impl FnOnce(Sim) -> F + Send + 'static,
) -> Result<Finished<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    run(config, director)
}

/// A main that does nothing.
pub(crate) async fn idle(_: SimPlatform) -> Result<(), String> {
    Ok(())
}

/// A main that echoes every byte of every connection on port 7.
pub(crate) async fn echo(platform: SimPlatform) -> Result<(), String> {
    let mut listener = platform.bind(7).await.map_err(|error| error.to_string())?;
    loop {
        let (mut stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        platform.spawn(async move {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                if stream.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Sends `ping` on a new connection to the echo of `host`, and waits for it to come back.
pub(crate) async fn ping(platform: SimPlatform, host: &str) -> std::io::Result<()> {
    let to = format!("{host}:7").parse().expect("an authority");
    let mut stream = platform.connect(&to).await?;
    stream.write_all(b"ping").await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    assert_eq!(&reply, b"ping");
    Ok(())
}

/// Holds everything between two hosts.
pub(crate) fn hold(sim: &Sim, a: &str, b: &str, both_ways: bool) -> Effect {
    let set = |name| [sim.host(name).expect("a host")].into();
    Effect::Hold(HostPairs {
        from: set(a),
        to: set(b),
        both_ways,
    })
}

/// Two hosts, `server` and `client`, that do nothing but hold an open connection between them.
pub(crate) struct Wired {
    pub(crate) sim: Sim,
    pub(crate) server_host: HostId,
    pub(crate) client_host: HostId,
    pub(crate) server_platform: SimPlatform,
    pub(crate) client_platform: SimPlatform,
    pub(crate) listener: SimListener,
    pub(crate) server: SimStream,
    pub(crate) client: SimStream,
}

impl Wired {
    pub(crate) async fn new(sim: Sim) -> Self {
        let server_host = sim.add_host("server", idle);
        let client_host = sim.add_host("client", idle);
        sim.start(server_host);
        sim.start(client_host);
        let server_platform = process(&sim, server_host).await;
        let client_platform = process(&sim, client_host).await;
        let mut listener = server_platform.bind(7).await.expect("a free port");
        let client = dial(&client_platform).await.expect("somebody listens");
        let (server, _) = listener.accept().await.expect("somebody connected");
        Wired {
            sim,
            server_host,
            client_host,
            server_platform,
            client_platform,
            listener,
            server,
            client,
        }
    }

    /// Pairs from the client to the server.
    pub(crate) fn to_server(&self) -> HostPairs {
        pairs(self.client_host, self.server_host, false)
    }

    /// Pairs from the server to the client.
    pub(crate) fn to_client(&self) -> HostPairs {
        pairs(self.server_host, self.client_host, false)
    }

    /// Both.
    pub(crate) fn both_ways(&self) -> HostPairs {
        pairs(self.server_host, self.client_host, true)
    }
}

pub(crate) fn pairs(from: HostId, to: HostId, both_ways: bool) -> HostPairs {
    HostPairs {
        from: [from].into(),
        to: [to].into(),
        both_ways,
    }
}

/// The process that runs on a host.
pub(crate) async fn process(sim: &Sim, host: HostId) -> SimPlatform {
    let platform = sim.run_on(host, |platform| async { platform }).await;
    platform.expect("it is up")
}

/// Dials port 7 of `server`.
pub(crate) async fn dial(from: &SimPlatform) -> std::io::Result<SimStream> {
    from.connect(&"server:7".parse().expect("an authority")).await
}

/// Reads once, as text.
pub(crate) async fn read(stream: &mut SimStream) -> Result<String, std::io::ErrorKind> {
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes).await.map_err(|error| error.kind())?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

/// Writes `text`, for which there is room.
pub(crate) async fn write(stream: &mut SimStream, text: &str) -> Result<(), std::io::ErrorKind> {
    stream
        .write_all(text.as_bytes())
        .await
        .map_err(|error| error.kind())
}

/// Waits until `ms` milliseconds have passed since the start of the run.
pub(crate) async fn until(sim: &Sim, ms: u64) {
    let left = Duration::from_millis(ms).saturating_sub(sim.now());
    tokio::time::sleep(left).await;
}

/// Milliseconds since the start of the run; a fraction of one is an error.
pub(crate) fn millis(sim: &Sim) -> u64 {
    assert_eq!(sim.now().subsec_nanos() % 1_000_000, 0, "{:?}", sim.now());
    sim.now().as_millis() as u64
}

/// Whether `future` is still pending after `ms` milliseconds.
pub(crate) async fn hangs<F: Future>(future: F, ms: u64) -> bool {
    tokio::time::timeout(Duration::from_millis(ms), future)
        .await
        .is_err()
}

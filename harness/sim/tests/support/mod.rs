//! What the simulator's tests share.
#![expect(dead_code, reason = "each test file uses a part")]

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_platform::{Listener, Platform};
use squall_sim::{
    Chance, Config, Effect, Failure, Finished, HostPairs, Latency, LinkSpec, Observer, Sim, SimEvent,
    SimPlatform, run,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
        link: LinkSpec {
            latency: Latency::constant(latency),
            loss: Chance::NEVER,
        },
        traced: true,
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

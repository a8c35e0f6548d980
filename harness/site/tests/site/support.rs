//! What the tests share: a service, its client, and runs of both.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use squall_echo::{EchoClient, EchoServer, Line, Parrot, line};
use squall_sim::{
    Chance, Config, EngineKind, Finished, HostId, HostOptions, Latency, LinkSpec, Observer, Sim, SimEvent,
    run,
};
use squall_site::Site;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint, Server};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Notes with the virtual milliseconds at which they were taken.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(u64, String)>>>);

impl Notes {
    pub(crate) fn add(&self, line: impl Into<String>) {
        let at = squall_sim::position().map_or(0, |(nanos, _)| nanos / 1_000_000);
        let mut notes = self.0.lock().expect("no panic while it was held");
        notes.push((at, line.into()));
    }

    pub(crate) fn all(&self) -> Vec<(u64, String)> {
        self.0.lock().expect("no panic while it was held").clone()
    }

    /// Those from `from` on, in milliseconds, and before `to`.
    pub(crate) fn between(&self, from: u64, to: u64) -> Vec<String> {
        let within = self.all().into_iter().filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, line)| line).collect()
    }
}

/// Sees tasks that belong to nobody, and panics.
struct Strict;

impl Observer for Strict {
    fn observe(&mut self, _: u64, host: Option<&Arc<str>>, event: SimEvent) {
        match event {
            SimEvent::StrayTask { .. } | SimEvent::Panicked { .. } | SimEvent::Escaped { .. } => {
                panic!("{host:?} {event:?}")
            }
            _ => {}
        }
    }
}

pub(crate) fn config() -> Config {
    Config {
        seed: 7,
        budget: Duration::from_secs(3600),
        wall_limit: Duration::from_secs(60),
        interleave: Chance::NEVER,
        engine: EngineKind::Flow,
        link: LinkSpec {
            latency: Latency::constant(Duration::from_millis(5)),
            loss: Chance::NEVER,
            bandwidth: None,
        },
        traced: false,
        captured: false,
        observer: Box::new(Strict),
        dispatch: tracing::Dispatch::none(),
    }
}

pub(crate) fn simulate<T, F>(director: impl FnOnce(Sim) -> F + Send + 'static) -> Finished<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    run(config(), director).expect("the run ends")
}

/// Adds a host that adopts, and starts it.
pub(crate) fn host<F>(sim: &Sim, name: &str, main: impl Fn(Site) -> F + Send + Sync + 'static) -> HostId
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let host = sim.add_host_with(name, HostOptions::new().adopting(), move |process| {
        let main = main(Site::simulated(process));
        async move { main.await.map_err(|error| error.to_string()) }
    });
    sim.start(host);
    host
}

/// Runs `main` on a host of its own, and gives what it returns.
pub(crate) async fn on_host<T, F>(sim: &Sim, name: &str, main: impl FnOnce(Site) -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let host = host(sim, name, |_| async { std::future::pending().await });
    // What it starts while it is made is the host's as well.
    let main = |process| async { main(Site::simulated(process)).await };
    sim.run_on(host, main).await.expect("it is up")
}

/// A server with the service of echo alone.
pub(crate) async fn serve(site: Site) -> Outcome<()> {
    Server::builder()
        .add_service(EchoServer::new(Parrot))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

/// A channel to the host `server`, with what an unchanged client sets.
pub(crate) fn channel(site: &Site) -> Channel {
    endpoint().connect_with_connector_lazy(site.connector())
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::from_static("http://server:50051").timeout(Duration::from_secs(1))
}

fn lines(texts: &[&str]) -> stream::Iter<std::vec::IntoIter<Line>> {
    let lines: Vec<Line> = texts.iter().map(|text| line(text)).collect();
    stream::iter(lines)
}

/// One call of each kind, with its answers, and an error of two: through a channel as it is, and through one that tells.
/// (One function for both kinds of channel is more than the compiler can prove to be `Send`.)
macro_rules! all_kinds {
    ($name:ident, $channel:ty) => {
        pub(crate) async fn $name(mut client: EchoClient<$channel>) -> Vec<String> {
            let mut said = Vec::new();
            let answer = client.say(line("once")).await.expect("an answer");
            said.push(answer.into_inner().text);
            let spelt = client.spell(line("abc")).await.expect("an answer");
            said.push(rest(spelt.into_inner()).await);
            let all = client
                .collect(lines(&["one ", "in ", "all"]))
                .await
                .expect("an answer");
            said.push(all.into_inner().text);
            let talk = client
                .talk(lines(&["to", "and", "fro"]))
                .await
                .expect("an answer");
            said.push(rest(talk.into_inner()).await);
            let wrong = || Line {
                fail: 9,
                ..line("wrong")
            };
            let status = client.say(wrong()).await.expect_err("a status");
            said.push(format!("{:?} {}", status.code(), status.message()));
            let mut spelt = client
                .spell(wrong())
                .await
                .expect("letters first")
                .into_inner();
            let mut letters = String::new();
            let status = loop {
                match spelt.message().await {
                    Ok(letter) => letters += &letter.expect("an error comes last").text,
                    Err(status) => break status,
                }
            };
            said.push(format!(
                "{letters} {:?} {}",
                status.code(),
                status.message()
            ));
            said
        }
    };
}

all_kinds!(all_kinds, Channel);
all_kinds!(all_kinds_traced, squall_site::layer::Client<Channel>);

/// What a stream still says.
async fn rest(mut stream: Streaming<Line>) -> String {
    let mut texts = Vec::new();
    while let Some(line) = stream.message().await.expect("a line") {
        texts.push(line.text);
    }
    texts.join(" ")
}

pub(crate) const ALL_KINDS: [&str; 6] = [
    "once",
    "a b c",
    "one in all",
    "to and fro",
    "FailedPrecondition wrong",
    "wrong FailedPrecondition wrong",
];

/// Waits until so many milliseconds of the run have passed.
pub(crate) async fn until(sim: &Sim, ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms).saturating_sub(sim.now())).await;
}

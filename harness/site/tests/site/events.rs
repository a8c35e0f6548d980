//! What the layers say.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_echo::{Echo, EchoClient, EchoServer, Line, Parrot, line};
use squall_sim::run;
use squall_site::Site;
use squall_site::layer::Client;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tower_layer::Layer;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::support::{Notes, Outcome, all_kinds_traced, config, host, on_host, until};

/// Notes events as lines, with calls numbered in the order in which they are first heard of.
#[derive(Clone, Default)]
struct Ear {
    notes: Notes,
    calls: Arc<Mutex<Vec<u64>>>,
    spans: Arc<AtomicU64>,
}

struct Words<'e>(&'e Ear, String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.1 += &format!(" {}={value:?}", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.1 += &format!(" {}={value}", field.name());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = match field.name() {
            "call" | "parent" if value != 0 => {
                let mut calls = self.0.calls.lock().expect("no panic while it was held");
                let known = calls.iter().position(|call| *call == value);
                known.unwrap_or_else(|| {
                    calls.push(value);
                    calls.len() - 1
                }) as u64
                    + 1
            }
            _ => value,
        };
        self.1 += &format!(" {}={value}", field.name());
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == squall_site::events::TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(self, event.metadata().name().to_owned());
        event.record(&mut words);
        self.notes.add(words.1);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

type Traced = Client<Channel>;

/// A channel whose calls are told of.
fn traced(site: &Site, to: &str) -> Traced {
    let endpoint = Endpoint::from_shared(format!("http://{to}:50051")).expect("a URI");
    let endpoint = endpoint.timeout(Duration::from_secs(2));
    let channel = endpoint.connect_with_connector_lazy(site.connector());
    site.layer_client().to(&format!("{to}:50051")).layer(channel)
}

async fn serve_traced(site: Site) -> Outcome<()> {
    Server::builder()
        .layer(site.layer_server())
        .add_service(EchoServer::new(Parrot))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

/// Asks another one.
struct Relay(EchoClient<Traced>);

#[tonic::async_trait]
impl Echo for Relay {
    type SpellStream = Streaming<Line>;
    type TalkStream = Streaming<Line>;

    async fn say(&self, request: Request<Line>) -> Result<Response<Line>, Status> {
        self.0.clone().say(request.into_inner()).await
    }

    async fn spell(&self, request: Request<Line>) -> Result<Response<Streaming<Line>>, Status> {
        self.0.clone().spell(request.into_inner()).await
    }

    async fn collect(&self, _: Request<Streaming<Line>>) -> Result<Response<Line>, Status> {
        Err(Status::unimplemented("it only says"))
    }

    async fn talk(&self, _: Request<Streaming<Line>>) -> Result<Response<Streaming<Line>>, Status> {
        Err(Status::unimplemented("it only says"))
    }
}

async fn relay_traced(site: Site) -> Outcome<()> {
    let relay = Relay(EchoClient::new(traced(&site, "server")));
    Server::builder()
        .layer(site.layer_server())
        .add_service(EchoServer::new(relay))
        .serve_with_incoming(site.listen(50051).await?)
        .await?;
    Ok(())
}

/// What is said in a run in which a client on a host of its own does this.
fn heard<F>(
    to: &'static str,
    calls: impl FnOnce(EchoClient<Traced>, squall_sim::Sim) -> F + Send + 'static,
) -> Notes
where
    F: Future<Output = ()> + Send + 'static,
{
    let ear = Ear::default();
    let mut config = config();
    config.dispatch = tracing::Dispatch::new(ear.clone());
    let run = run(config, move |sim| async move {
        host(&sim, "server", serve_traced);
        host(&sim, "relay", relay_traced);
        let director = sim.clone();
        let made = |site: Site| calls(EchoClient::new(traced(&site, to)), director);
        on_host(&sim, "client", made).await;
    });
    run.expect("the run ends");
    ear.notes
}

fn words(notes: &Notes) -> Vec<String> {
    notes.all().into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_call_and_its_handler_begin_and_end() {
    let notes = heard("server", |mut client, _| async move {
        client.say(line("")).await.expect("an answer");
    });
    let expected = [
        "site.call.started host=client call=1 parent=0 peer=server:50051 service=squall.echo.Echo method=Say",
        "site.handler.started host=server call=1 parent=0 service=squall.echo.Echo method=Say",
        "site.handler.ended host=server call=1 end=status status=0 error=",
        "site.call.ended host=client call=1 end=status status=0 error=",
    ];
    assert_eq!(words(&notes), expected);
}

#[test]
fn a_call_within_a_handler_is_part_of_its_call() {
    let notes = heard("relay", |mut client, _| async move {
        client.say(line("")).await.expect("an answer");
    });
    let words = words(&notes);
    let has = |start: &str| words.iter().any(|it| it.starts_with(start));
    assert!(has("site.call.started host=client call=1 parent=0"), "{words:#?}");
    assert!(
        has("site.call.started host=relay call=2 parent=1 peer=server:50051"),
        "{words:#?}"
    );
    assert!(
        has("site.handler.started host=server call=2 parent=1"),
        "{words:#?}"
    );
    assert_eq!(words.len(), 8);
}

#[test]
fn every_kind_of_call_ends_with_its_status() {
    let notes = heard("server", |client, _| async move {
        all_kinds_traced(client).await;
    });
    let ends = |of: &str| -> Vec<String> {
        let words = words(&notes).into_iter();
        let ends = words.filter(|it| it.starts_with(of));
        let status = |it: String| {
            it.rsplit_once("status=")
                .expect("a status")
                .1
                .replace(" error=", "")
        };
        ends.map(status).collect()
    };
    assert_eq!(ends("site.call.ended"), ["0", "0", "0", "0", "9", "9"]);
    assert_eq!(ends("site.handler.ended"), ["0", "0", "0", "0", "9", "9"]);
}

#[test]
fn a_call_that_is_given_up_is_dropped_at_both_ends() {
    let notes = heard("server", |mut client, _| async move {
        let slow = Line {
            wait_ms: 1_000,
            ..line("")
        };
        let given_up = tokio::time::timeout(Duration::from_millis(500), client.say(slow));
        assert!(given_up.await.is_err());
        sleep(Duration::from_millis(50)).await;
    });
    let ended: Vec<_> = words(&notes)
        .into_iter()
        .filter(|it| it.contains("ended"))
        .collect();
    let expected = [
        "site.call.ended host=client call=1 end=dropped status=0 error=",
        "site.handler.ended host=server call=1 end=dropped status=0 error=",
    ];
    assert_eq!(ended, expected);
}

#[test]
fn a_call_without_a_server_ends_at_the_transport() {
    let notes = heard("server", |mut client, sim| async move {
        sim.kill(sim.host("server").expect("it is there"));
        sleep(Duration::from_millis(10)).await;
        client.say(line("")).await.expect_err("nobody is there");
    });
    let words = words(&notes);
    assert_eq!(words.len(), 2, "{words:#?}");
    assert!(
        words[1].starts_with("site.call.ended host=client call=1 end=transport status=0 error="),
        "{words:#?}"
    );
}

#[test]
fn a_dead_process_says_nothing_more_and_its_loop_ends_in_its_next_call() {
    let notes = heard("relay", |client, sim| async move {
        let relay = sim.host("relay").expect("it is there");
        let mut asks = client.clone();
        tokio::spawn(async move {
            let slow = Line {
                wait_ms: 1_500,
                ..line("")
            };
            asks.say(slow).await
        });
        until(&sim, 1_000).await;
        sim.kill(relay);
        until(&sim, 5_000).await;
        assert_eq!(
            sim.left_behind(),
            squall_sim::Left::default(),
            "its handler has ended"
        );
    });
    let of_relay = notes
        .all()
        .into_iter()
        .filter(|(_, line)| line.contains("host=relay"));
    assert!(of_relay.clone().count() > 0);
    let late: Vec<_> = of_relay.filter(|(at, _)| *at >= 1_000).collect();
    assert_eq!(late, []);
}

#[test]
fn a_handler_stands_still_while_its_process_is_paused() {
    let notes = heard("relay", |mut client, sim| async move {
        let relay = sim.host("relay").expect("it is there");
        let director = sim.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(100)).await;
            director.pause(relay);
            sleep(Duration::from_millis(900)).await;
            director.resume(relay);
        });
        let slow = Line {
            wait_ms: 300,
            ..line("")
        };
        client.say(slow).await.expect("an answer, late");
    });
    let ended = notes
        .all()
        .into_iter()
        .filter(|(_, it)| it.contains("handler.ended host=relay"));
    assert_eq!(ended.map(|(at, _)| at).collect::<Vec<_>>(), [1_000]);
}

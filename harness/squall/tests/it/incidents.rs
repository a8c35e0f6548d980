//! What nobody asked for, on hosts of services: panics in their tasks, services that end by themselves or never listen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use squall::file::{scenario_from_str_with, topology_from_str};
use squall::plan::EngineKind;
use squall::report::Style;
use squall::{Call, CallError, Harness, Run, Site};
use squall_echo::{Echo, EchoClient, EchoServer, Line, Parrot};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// How a ledger misbehaves.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// It does not.
    Sound,
    /// A task of `tokio::spawn` panics after a second, and another one with it that nobody would find otherwise.
    Task,
    /// A task panics once its process is dead, for what it waits for is gone.
    Orphan,
    /// It panics itself, before it waits for anything.
    AtOnce,
    /// Its handler panics at a line that says "panic".
    Handler,
    /// It returns without an error.
    Returns,
    /// The same, once its server was shut down after a second.
    Ends,
    /// It never listens.
    Deaf,
    /// It listens after a second.
    Late,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mode: Mode,
}

/// A parrot that may panic when it is told so.
struct Nervous {
    panics: bool,
}

#[tonic::async_trait]
impl Echo for Nervous {
    type SpellStream = <Parrot as Echo>::SpellStream;
    type TalkStream = <Parrot as Echo>::TalkStream;

    async fn say(&self, request: Request<Line>) -> Result<Response<Line>, Status> {
        let is_told_so = request.get_ref().text == "panic";
        assert!(!(self.panics && is_told_so), "the handler panics");
        Parrot.say(request).await
    }

    async fn spell(&self, request: Request<Line>) -> Result<Response<Self::SpellStream>, Status> {
        Parrot.spell(request).await
    }

    async fn collect(&self, request: Request<Streaming<Line>>) -> Result<Response<Line>, Status> {
        Parrot.collect(request).await
    }

    async fn talk(&self, request: Request<Streaming<Line>>) -> Result<Response<Self::TalkStream>, Status> {
        Parrot.talk(request).await
    }
}

async fn ledger(site: Site, Settings { mode }: Settings) -> Result<(), Box<dyn Error + Send + Sync>> {
    let second = || tokio::time::sleep(Duration::from_secs(1));
    let (_alive, gone) = tokio::sync::oneshot::channel::<()>();
    match mode {
        Mode::Sound | Mode::Handler | Mode::Ends => {}
        Mode::Task => {
            tokio::spawn(async move {
                second().await;
                tokio::spawn(async { panic!("another task panics") });
                panic!("a task panics");
            });
        }
        Mode::Orphan => {
            tokio::spawn(async move { gone.await.expect("whoever tells is there") });
        }
        Mode::AtOnce => panic!("the ledger panics"),
        Mode::Returns => return Ok(()),
        Mode::Deaf => std::future::pending().await,
        Mode::Late => second().await,
    }
    let panics = matches!(mode, Mode::Handler);
    let server = Server::builder().add_service(EchoServer::new(Nervous { panics }));
    let incoming = site.listen(7000).await?;
    match mode {
        Mode::Ends => server.serve_with_incoming_shutdown(incoming, second()).await?,
        _ => server.serve_with_incoming(incoming).await?,
    }
    Ok(())
}

/// What a client says, and where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: String,
}

async fn say(site: Site, call: Call<Words>) -> Result<(), CallError> {
    let channel = call.once(|| {
        let endpoint = Endpoint::from_static("http://ledger:7000");
        endpoint.connect_with_connector_lazy(site.connector())
    });
    let text = call.payload.text.replace("panic 3", "panic");
    let line = Line {
        text,
        ..Line::default()
    };
    EchoClient::new(channel).say(line).await?;
    Ok(())
}

/// A client whose task panics, and which knows it.
async fn fall(_: Site, _: Call<Words>) -> Result<(), CallError> {
    let task = tokio::spawn(async { panic!("a task of a client panics") });
    let ended: Result<(), _> = task.await;
    ended.map_err(|error| CallError::failed("task", error.to_string()))
}

/// A client that panics itself.
async fn trip(_: Site, _: Call<Words>) -> Result<(), CallError> {
    panic!("a client panics")
}

fn harness() -> Harness {
    Harness::new()
        .service("ledger", ledger)
        .client("say", say)
        .client("fall", fall)
        .client("trip", trip)
}

/// Five seconds with a ledger, of which a client asks something ten times each second.
fn run_on(engine: EngineKind, harness: &Harness, mode: &str, more: &str) -> Run {
    let names = harness.component_names();
    let topology = format!(
        "name = \"bank\"\n[network]\nlatency = \"3ms\"\n[service.tills]\nruns = \"nothing\"\n\
         [service.ledger]\nsettings = {{ mode = \"{mode}\" }}\n"
    );
    let topology = topology_from_str("t.toml", &topology, &names).unwrap();
    let more = match more.contains("client = ") {
        true => more.to_owned(),
        false => format!("client = \"say\"\n{more}"),
    };
    let text = format!(
        "name = \"s\"\ntopology = \"t.toml\"\nduration = \"5s\"\n[[workload]]\nname = \"w\"\nfrom = \"tills\"\n\
         rate = \"10/s\"\ntimeout = \"1s\"\npayload = {{ text = \"panic {{call}}\" }}\n{more}\n\
         [[expect]]\nworkload = \"w\"\ncalls = {{ at_least = 50 }}\n"
    );
    let scenario = scenario_from_str_with("s.toml", &text, Arc::new(topology), &names).unwrap();
    harness.run(scenario.plan(Some(1)).on_engine(engine)).unwrap()
}

/// Of each incident its kind, its host, how many, and what was said; the same on both engines.
fn incidents(mode: &str, more: &str) -> Vec<(String, String, u64, String)> {
    let [flow, turmoil] = [EngineKind::Flow, EngineKind::Turmoil].map(|engine| {
        let run = run_on(engine, &harness(), mode, more);
        let json = run.judge().json("");
        let incidents = json["incidents"].as_array().unwrap().iter();
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        let told = incidents.map(|it| {
            (
                text(it, "kind"),
                text(it, "host"),
                it["count"].as_u64().unwrap(),
                text(it, "message"),
            )
        });
        told.collect::<Vec<_>>()
    });
    assert_eq!(flow, turmoil);
    flow
}

fn one(kind: &str, host: &str, count: u64, message: &str) -> Vec<(String, String, u64, String)> {
    vec![(kind.to_owned(), host.to_owned(), count, message.to_owned())]
}

/// What the report says.
fn report(harness: &Harness, mode: &str, more: &str) -> String {
    let run = run_on(EngineKind::Flow, harness, mode, more);
    run.judge().text("", Style::default())
}

#[test]
fn a_panic_in_a_task_is_told_with_its_place() {
    assert_eq!(incidents("sound", ""), []);
    // The first of two tasks is named, and both are counted.
    assert_eq!(
        incidents("task", ""),
        one("task_panic", "ledger", 2, "a task panics")
    );
    let text = report(&harness(), "task", "");
    let head = "\n panic    2 tasks of ledger, the first at 1.000 s: a task panics\n          at harness/squall/tests/it/incidents.rs:";
    assert!(text.contains(head), "{text}");
    assert!(!text.contains("tokio::runtime"), "{text}");
}

#[test]
fn a_panic_in_a_handler_is_told_of_the_host_that_serves() {
    let said = one("task_panic", "ledger", 1, "the handler panics");
    assert_eq!(incidents("handler", ""), said);
    let run = run_on(EngineKind::Flow, &harness(), "handler", "");
    let judgement = run.judge();
    let workload = &judgement.statistics().workloads[0];
    assert_eq!((workload.calls, workload.ok), (50, 49));
}

#[test]
fn what_a_client_catches_is_its_error_and_what_it_spawns_an_incident() {
    assert_eq!(incidents("sound", "client = \"trip\""), []);
    let said = one("task_panic", "tills", 50, "a task of a client panics");
    assert_eq!(incidents("sound", "client = \"fall\""), said);
}

#[test]
fn what_tasks_of_a_dead_process_miss_is_no_incident() {
    let kill = "[[fault]]\nname = \"it\"\nat = \"2s\"\nfor = \"1s\"\nkill = { hosts = \"ledger\" }";
    for mode in ["sound", "orphan"] {
        assert_eq!(incidents(mode, ""), [], "the end of the run kills, too");
        assert_eq!(incidents(mode, kill), []);
    }
    let said = one("task_panic", "ledger", 4, "a task panics");
    assert_eq!(incidents("task", kill), said, "twice in each of two processes");
}

#[test]
fn a_service_that_ends_is_told_of_however_it_ends() {
    assert_eq!(incidents("returns", ""), one("host", "ledger", 1, ""));
    assert_eq!(incidents("ends", ""), one("host", "ledger", 1, ""));
    let text = report(&harness(), "ends", "");
    let line = "\n host     ledger ended by itself at 1.006 s\n";
    assert!(text.contains(line), "{text}");
    let mut panicked = one("host", "ledger", 1, "its main task panicked");
    panicked.extend(one("task_panic", "ledger", 1, "the ledger panics"));
    assert_eq!(incidents("at_once", ""), panicked);
}

#[test]
fn incidents_break_a_run_where_they_are_denied() {
    let denied = harness().deny_incidents();
    for (mode, line) in [
        (
            "task",
            "\n broken   panic: 2 tasks of ledger, the first at 1.000 s: a task panics\n",
        ),
        ("returns", "\n broken   host: ledger ended by itself at 0.000 s\n"),
        (
            "at_once",
            "\n broken   host: ledger ended by itself at 0.000 s: its main task panicked\n",
        ),
    ] {
        let text = report(&harness(), mode, "");
        assert!(text.contains("\n HELD") && !text.contains("broken"), "{text}");
        let text = report(&denied, mode, "");
        assert!(text.contains(line) && text.contains("\n BROKEN"), "{text}");
    }
    let sound = report(&denied, "sound", "");
    assert!(sound.contains("\n HELD"), "{sound}");
    let panic = std::panic::catch_unwind(|| {
        run_on(EngineKind::Flow, &harness().deny_incidents(), "returns", "").assert_held();
    });
    assert!(panic.is_err(), "a test sees it");
}

#[test]
fn a_service_that_never_listens_is_noted_where_somebody_dialled_it() {
    let notes = |mode: &str, more: &str| {
        let [flow, turmoil] = [EngineKind::Flow, EngineKind::Turmoil].map(|engine| {
            let run = run_on(engine, &harness(), mode, more);
            run.judge().statistics().vacuous.clone()
        });
        assert_eq!(flow, turmoil);
        flow
    };
    assert_eq!(
        notes("deaf", ""),
        ["ledger took no connection and refused 50 connects: does its service listen, and at that port?"]
    );
    let nobody: [&str; 0] = [];
    // One that nobody dials, one that came late, and one that is down: that is told already.
    assert_eq!(notes("deaf", "client = \"trip\""), nobody);
    assert_eq!(notes("late", ""), nobody);
    assert_eq!(notes("returns", ""), nobody);
    let refuse = "[[fault]]\nname = \"it\"\nat = \"0s\"\nfor = \"5s\"\nrefuse = { hosts = \"ledger\" }";
    assert_eq!(notes("sound", refuse), nobody);
    let denied = report(&harness().deny_vacuous(), "deaf", "");
    assert!(denied.contains("\n BROKEN"), "{denied}");
}

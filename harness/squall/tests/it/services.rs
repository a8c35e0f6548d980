//! Services and clients of one's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use squall::file::{scenario_from_str_with, topology_from_str};
use squall::{Call, CallError, Harness, NoSettings, Run, Site};
use squall_echo::{EchoClient, EchoServer, Line, Parrot};
use tonic::transport::{Endpoint, Server};
use tower_layer::Layer;

/// What a client of these tests is told to do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deed {
    what: String,
}

/// A harness whose client does what its payload says.
fn harness() -> Harness {
    Harness::new()
        .service("failing", |_: Site, NoSettings {}| async { Err("no database") })
        .client("doer", |site: Site, call: Call<Deed>| async move {
            match call.payload.what.as_str() {
                "ok" => Ok(()),
                "slow" => {
                    site.sleep(2 * call.timeout).await;
                    Ok(())
                }
                "refused" => Err(CallError::from(tonic::Status::failed_precondition("not now"))),
                "panic" => panic!("of course"),
                other => Err(CallError::unknown("aborted", other)),
            }
        })
}

fn run(harness: &Harness, topology: &str, workload: &str) -> Run {
    run_for(harness, topology, "2s", &format!("limit = 5\n{workload}"))
}

fn run_for(harness: &Harness, topology: &str, duration: &str, workload: &str) -> Run {
    let names = harness.component_names();
    let topology = topology_from_str("t.toml", topology, &names).unwrap();
    let text = format!(
        "name = \"s\"\ntopology = \"t.toml\"\nduration = \"{duration}\"\n[[workload]]\nname = \"w\"\nrate = \"10/s\"\n{workload}\n"
    );
    let scenario = scenario_from_str_with("s.toml", &text, Arc::new(topology), &names).unwrap();
    harness.run(scenario.plan(None)).unwrap()
}

/// How the calls of a workload with this payload end: their class, and how many are ok, failed and unknown.
fn ends(what: &str) -> (String, [u64; 3]) {
    let workload =
        format!("from = \"desk\"\nclient = \"doer\"\ntimeout = \"100ms\"\npayload = {{ what = \"{what}\" }}");
    let run = run(
        &harness(),
        "name = \"t\"\n[service.desk]\nruns = \"nothing\"",
        &workload,
    );
    let judgement = run.judge();
    assert!(
        judgement.held(),
        "{}",
        judgement.text("", squall::report::Style::default())
    );
    let workload = &judgement.statistics().workloads[0];
    let class = workload.errors.keys().next().map_or("", |class| class);
    (class.to_owned(), [workload.ok, workload.failed, workload.unknown])
}

#[test]
fn the_name_for_no_code_at_all_is_proposed_like_any_other() {
    let topology = "name = \"t\"\n[service.desk]\nruns = \"nothin\"";
    let report = topology_from_str("t.toml", topology, &harness().component_names()).unwrap_err();
    let said = squall::file::render(&report, false, 80);
    assert!(said.contains("did you mean `nothing`?"), "{said}");
}

#[test]
fn a_call_ends_as_its_client_says() {
    assert_eq!(ends("ok"), (String::new(), [5, 0, 0]));
    assert_eq!(ends("refused"), ("failed_precondition".to_owned(), [0, 5, 0]));
    assert_eq!(ends("something"), ("aborted".to_owned(), [0, 0, 5]));
    assert_eq!(ends("slow"), ("timeout".to_owned(), [0, 0, 5]));
    assert_eq!(ends("panic"), ("panic".to_owned(), [0, 0, 5]));
}

#[test]
fn the_number_of_the_call_is_in_its_payload() {
    assert_eq!(ends("{call}").0, "aborted");
    let run = run(
        &harness(),
        "name = \"t\"\n[service.desk]\nruns = \"nothing\"",
        "from = \"desk\"\nclient = \"doer\"\npayload = { what = \"order {call}\" }",
    );
    let said = run.journal.entries.iter().filter_map(|entry| match &entry.event {
        squall::journal::Event::CallEnded { error, .. } => Some(error.to_string()),
        _ => None,
    });
    assert_eq!(
        said.collect::<Vec<_>>(),
        ["order 0", "order 1", "order 2", "order 3", "order 4"]
    );
}

/// A parrot, unchanged, and whoever asks it.
fn parrot() -> Harness {
    Harness::new()
        .service("parrot", |site: Site, NoSettings {}| async move {
            let incoming = site.listen(50051).await?;
            let server = Server::builder().add_service(EchoServer::new(Parrot));
            server
                .serve_with_incoming(incoming)
                .await
                .map_err(std::io::Error::other)
        })
        .client("ask", |site: Site, call: Call<NoSettings>| async move {
            let channel = call.once(|| {
                let endpoint = Endpoint::from_static("http://parrot:50051").timeout(Duration::from_secs(1));
                endpoint.connect_with_connector_lazy(site.connector())
            });
            let line = Line {
                text: format!("hello {}", call.number),
                ..Line::default()
            };
            let answer = EchoClient::new(channel).say(line.clone()).await?;
            assert_eq!(answer.into_inner(), line);
            Ok::<(), CallError>(())
        })
}

const PARROT: &str =
    "name = \"aviary\"\n[network]\nlatency = \"5ms\"\n[service.parrot]\n[service.desk]\nruns = \"nothing\"\n";

fn under(fault: &str) -> Run {
    let workload = format!(
        "from = \"desk\"\nclient = \"ask\"\ntimeout = \"1s\"\n[[fault]]\nname = \"it\"\nat = \"10s\"\nfor = \"5s\"\n{fault}"
    );
    run_for(&parrot(), PARROT, "60s", &workload)
}

fn counts(run: &Run) -> [u64; 3] {
    let judgement = run.judge();
    assert!(
        judgement.held(),
        "{}",
        judgement.text("", squall::report::Style::default())
    );
    let workload = &judgement.statistics().workloads[0];
    [workload.ok, workload.failed, workload.unknown]
}

#[test]
fn an_unchanged_tonic_service_answers_and_repeats_exactly() {
    let run = || under("partition = { between = \"desk\", and = \"parrot\" }");
    let (one, other) = (run(), run());
    assert_eq!(one.digest, other.digest);
    assert_eq!(one.journal.entries, other.journal.entries);
    let [ok, failed, unknown] = counts(&one);
    assert_eq!(ok + failed + unknown, 600);
    // Those that were on their way when it began, and those that waited for the connection.
    assert!((45..=70).contains(&unknown), "{ok} {failed} {unknown}");
}

#[test]
fn a_service_that_is_killed_is_there_again_and_its_callers_know_what_did_not_happen() {
    let [ok, failed, unknown] = counts(&under("kill = { hosts = \"parrot\" }"));
    assert_eq!(ok + failed + unknown, 600);
    // Connects are refused meanwhile: nothing happened.
    assert!((45..=52).contains(&failed), "{ok} {failed} {unknown}");
    assert!(unknown <= 3, "{ok} {failed} {unknown}");
}

#[test]
fn calls_of_a_host_that_is_down_are_not_made() {
    let run = under("crash = { hosts = \"desk\" }");
    let [ok, failed, unknown] = counts(&run);
    assert_eq!((ok + failed + unknown, failed), (600, 50));
    let is_touched = |fault: &squall::statistics::FaultStatistics| fault.calls >= 50;
    assert!(run.judge().statistics().faults.iter().all(is_touched));
}

#[test]
fn layers_say_which_call_caused_which() {
    let harness = Harness::new()
        .service("parrot", |site: Site, NoSettings {}| async move {
            let incoming = site.listen(50051).await?;
            let mut server = Server::builder().layer(site.layer_server());
            let server = server.add_service(EchoServer::new(Parrot));
            server
                .serve_with_incoming(incoming)
                .await
                .map_err(std::io::Error::other)
        })
        .client("ask", |site: Site, call: Call<NoSettings>| async move {
            let channel = call.once(|| {
                let endpoint = Endpoint::from_static("http://parrot:50051");
                let channel = endpoint.connect_with_connector_lazy(site.connector());
                site.layer_client().to("parrot:50051").layer(channel)
            });
            let line = Line {
                fail: u32::from(call.number == 7) * 5,
                ..Line::default()
            };
            EchoClient::new(channel).say(line).await?;
            Ok::<(), CallError>(())
        });
    let workload = "from = \"desk\"\nclient = \"ask\"\n[[fault]]\nname = \"it\"\nat = \"1s\"\nfor = \"100ms\"\n\
                    latency = { between = \"desk\", and = \"parrot\", add = \"20ms\" }";
    let run = run_for(&harness, PARROT, "2s", workload);
    let evidence = squall::oracle::Run::of(&run.plan, &run.journal);
    let of_workload: Vec<_> = evidence.calls.of_workload(0).collect();
    assert_eq!(of_workload.len(), 20);
    for call in of_workload {
        let mut rpcs = evidence
            .calls
            .rpcs
            .iter()
            .filter(|rpc| rpc.call == Some(call.number));
        let (rpc, none) = (rpcs.next().unwrap(), rpcs.next());
        assert!(none.is_none());
        assert_eq!(
            (rpc.host, rpc.target(), rpc.service, rpc.method),
            ("desk", "parrot", "squall.echo.Echo", "Say")
        );
        assert_eq!((rpc.is_ok(), call.is_ok()), (call.number != 7, call.number != 7));
        let handled = &rpc.handled[0];
        let ended = handled.end.unwrap().0;
        let (began, took) = (rpc.started, rpc.end.unwrap().0);
        assert!(
            began < handled.started && handled.started <= ended && ended < took,
            "{rpc:?}"
        );
        let in_it = (1_000_000_000..1_100_000_000).contains(&call.started.at);
        assert_eq!(call.touched_by, if in_it { vec![0] } else { vec![] }, "{call:?}");
    }
    let mut lines = Vec::new();
    squall::journal::lines::write(&run.journal, &mut lines).unwrap();
    let read = squall::journal::lines::read(&lines[..]).unwrap();
    assert_eq!(
        read.entries, run.journal.entries,
        "what layers say is in the file, too"
    );
    let bench = squall::report::bench::Bench::of(&evidence);
    let pairs: Vec<_> = bench
        .pairs
        .iter()
        .map(|it| (it.source.as_str(), it.target.as_str()))
        .collect();
    assert_eq!(pairs, [("desk", "parrot")]);
    assert_eq!(bench.pairs[0].quantiles.p50, 10_000_000, "twice 5 ms");
}

#[tokio::test]
async fn the_same_service_answers_on_real_sockets() {
    let harness = parrot();
    let topology = topology_from_str("t.toml", PARROT, &harness.component_names()).unwrap();
    let nowhere = harness.start_services(&topology, [10, 0, 0, 1].into());
    assert!(nowhere.err().unwrap().to_string().contains("--bind"));
    let services = harness.start_services(&topology, [127, 0, 0, 1].into()).unwrap();
    let hosts: Vec<_> = services
        .hosts()
        .map(|(name, address)| (name.to_owned(), address))
        .collect();
    assert_eq!(hosts.len(), 1, "a host of clients has nothing to run: {hosts:?}");
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(services.run_until(stopping));
    let endpoint = Endpoint::from_shared(format!("http://{}:50051", hosts[0].1)).unwrap();
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            // It has not begun to listen yet.
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let line = Line {
        text: "hello".into(),
        ..Line::default()
    };
    let answer = EchoClient::new(channel).say(line.clone()).await.unwrap();
    assert_eq!(answer.into_inner(), line);
    stop.send_replace(true);
    assert_eq!(running.await.unwrap(), ["parrot: ended"]);
}

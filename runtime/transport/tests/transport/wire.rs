//! What a peer sees of a server beside the messages. Spec: cluster 2.2.

use bytes::Bytes;
use http::Request;

use crate::support::raw::{Answer, Client, request};
use crate::support::{NODE, World, framed, text};

const SPAWN: &str = "/crucible.transport.v1.Transport/Spawn";
const STATE_AT: &str = "/crucible.transport.v1.TimeTravel/StateAt";

/// A client of a served node.
async fn client() -> (Client, World) {
    let (world, _) = World::new().await;
    (
        Client::connect(&world.network.host(), &world.address).await,
        world,
    )
}

/// The answer to a spawn with this body.
async fn spawned(client: &Client, body: &[Bytes]) -> Answer {
    client.ask(request(SPAWN).body(()).unwrap(), body).await
}

fn worker() -> Bytes {
    framed(r#"{"src":"worker","id":"w-1"}"#)
}

fn is_spawned(answer: &Answer) -> bool {
    let spawned = format!(r#"{{"ref":{{"ID":"w-1","SystemID":"","Src":"worker","Node":"{NODE}"}}}}"#);
    answer.http == 200 && answer.body == framed(spawned) && answer.status() == (0, String::new())
}

#[tokio::test(start_paused = true)]
async fn any_subtype_is_json_and_is_echoed() {
    let (client, _world) = client().await;
    for (asked, answered) in [
        ("application/grpc+crucible-json", "application/grpc+crucible-json"),
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc+proto"),
        ("application/grpc+anything", "application/grpc+anything"),
        ("application/grpc;charset=utf-8", "application/grpc+charset=utf-8"),
    ] {
        let request = Request::post(format!("http://node{SPAWN}")).header("content-type", asked);
        // `te` is not needed either.
        let answer = client.ask(request.body(()).unwrap(), &[worker()]).await;
        assert!(is_spawned(&answer), "{answer:?}");
        assert_eq!(text(&answer.headers, "content-type"), answered);
    }
}

#[tokio::test(start_paused = true)]
async fn other_content_types_are_415() {
    let (client, _world) = client().await;
    for asked in [
        "application/json",
        "Application/grpc",
        "application/grpcx",
        "application/gRPC+proto",
    ] {
        let request = Request::post(format!("http://node{SPAWN}")).header("content-type", asked);
        let answer = client.ask(request.body(()).unwrap(), &[worker()]).await;
        assert_eq!((answer.http, &answer.trailers), (415, &None));
        assert_eq!(text(&answer.headers, "content-type"), "application/grpc");
        let (code, message) = answer.status();
        assert_eq!(code, 3);
        assert!(message.contains(asked), "{message}");
    }
    let request = Request::post(format!("http://node{SPAWN}"));
    assert_eq!(client.ask(request.body(()).unwrap(), &[worker()]).await.http, 415);
}

#[tokio::test(start_paused = true)]
async fn other_http_methods_are_405() {
    let (client, _world) = client().await;
    for method in ["GET", "PUT"] {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://node{SPAWN}"))
            .header("content-type", "application/grpc+crucible-json");
        let answer = client.ask(request.body(()).unwrap(), &[]).await;
        assert_eq!((answer.http, answer.status().0, answer.trailers), (405, 13, None));
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_methods_and_services_are_unimplemented() {
    let (client, _world) = client().await;
    for (path, said) in [
        (
            "/crucible.transport.v1.Transport/Stop",
            "unknown method Stop for service crucible.transport.v1.Transport",
        ),
        (
            "/crucible.transport.v1.Transport/StateAt",
            "unknown method StateAt for service crucible.transport.v1.Transport",
        ),
        ("/other.v1.Service/Deliver", "unknown service other.v1.Service"),
        ("/", "unknown service "),
    ] {
        let answer = client.ask(request(path).body(()).unwrap(), &[worker()]).await;
        assert_eq!((answer.http, answer.status()), (200, (12, said.to_owned())));
        assert_eq!(answer.trailers, None);
        assert_eq!(
            text(&answer.headers, "content-type"),
            "application/grpc+crucible-json"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_hosted_is_unknown() {
    let history = crate::support::History::counter();
    let world = World::serving(crate::support::history(history)).await;
    let client = Client::connect(&world.network.host(), &world.address).await;
    let answer = spawned(&client, &[worker()]).await;
    let said = "unknown service crucible.transport.v1.Transport".to_owned();
    assert_eq!(answer.status(), (12, said));
    let asked = request(STATE_AT).body(()).unwrap();
    let answer = client.ask(asked, &[framed(r#"{"id":"counter-1"}"#)]).await;
    assert_eq!(answer.status().0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_whole_message_is_unknown() {
    let (client, _world) = client().await;
    let eof = (2, "EOF".to_owned());
    assert_eq!(spawned(&client, &[]).await.status(), eof);
    assert_eq!(spawned(&client, &[Bytes::new()]).await.status(), eof);
    for length in [1, 4, 5, 20] {
        let answer = spawned(&client, &[worker().slice(..length)]).await;
        assert_eq!(
            answer.status(),
            (2, "unexpected EOF".to_owned()),
            "{length} bytes"
        );
        assert_eq!(answer.trailers, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_message_is_ignored_and_so_are_the_pieces_of_the_first() {
    let (client, world) = client().await;
    let second = framed(r#"{"src":"nope","id":"w-2"}"#);
    let both = Bytes::from([worker(), second.clone()].concat());
    assert!(is_spawned(&spawned(&client, &[both]).await));
    assert!(is_spawned(&spawned(&client, &[worker(), second]).await));
    let pieces: Vec<_> = worker().chunks(3).map(Bytes::copy_from_slice).collect();
    assert!(is_spawned(&spawned(&client, &pieces).await));
    // The stream need not end.
    let (response, mut open) = client.begin(request(SPAWN).body(()).unwrap(), worker()).await;
    assert!(is_spawned(
        &crate::support::raw::read(response.await.unwrap()).await
    ));
    drop(open.send_data(Bytes::from_static(b"more"), true));
    assert!(
        world.spawn("worker", "w-9").await.is_ok(),
        "the server is as before"
    );
}

#[tokio::test(start_paused = true)]
async fn compression_is_not_spoken() {
    let (client, _world) = client().await;
    let mut flagged = worker().to_vec();
    flagged[0] = 1;
    let flagged = Bytes::from(flagged);
    for encoding in [None, Some("identity")] {
        let mut asked = request(SPAWN);
        if let Some(encoding) = encoding {
            asked = asked.header("grpc-encoding", encoding);
        }
        let answer = client
            .ask(asked.body(()).unwrap(), std::slice::from_ref(&flagged))
            .await;
        assert_eq!(answer.status().0, 13, "{encoding:?}");
    }
    for encoding in ["gzip", "snappy"] {
        let asked = request(SPAWN).header("grpc-encoding", encoding);
        let answer = client.ask(asked.body(()).unwrap(), &[worker()]).await;
        let (code, message) = answer.status();
        assert_eq!(code, 12);
        assert!(message.contains(encoding), "{message}");
        assert_eq!(text(&answer.headers, "grpc-accept-encoding"), "identity");
    }
    let mut strange = worker().to_vec();
    strange[0] = 7;
    assert_eq!(spawned(&client, &[strange.into()]).await.status().0, 13);
    // A client that would take gzip gets its answer as it is, and is not told that gzip is taken here.
    let asked = request(SPAWN).header("grpc-accept-encoding", "gzip");
    let answer = client.ask(asked.body(()).unwrap(), &[worker()]).await;
    assert!(is_spawned(&answer));
    assert_eq!(text(&answer.headers, "grpc-accept-encoding"), "identity");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_internal_in_the_words_of_grpc_go() {
    let (client, _world) = client().await;
    for body in [
        "",
        "{",
        "[]",
        r#"{"src":1}"#,
        r#"{"src":"worker"} x"#,
        r#"{"input":"e30"}"#,
    ] {
        let (code, message) = spawned(&client, &[framed(body)]).await.status();
        assert_eq!(code, 13, "{body}");
        assert!(
            message.starts_with("grpc: error unmarshalling request: "),
            "{message}"
        );
    }
    // While this is a spawn of nothing, which is the endpoint's to refuse.
    assert_eq!(spawned(&client, &[framed("null")]).await.status().0, 5);
}

#[tokio::test(start_paused = true)]
async fn texts_of_errors_are_percent_encoded_as_by_grpc_go() {
    let (client, _world) = client().await;
    let answer = spawned(&client, &[framed(r#"{"src":"é \"100%\"","id":"w-1"}"#)]).await;
    let said = "actor 'w-1' cannot be spawned on node 'node-b': it has no behaviour '%C3%A9 \"100%25\"'";
    assert_eq!(answer.status(), (5, said.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn messages_beyond_the_limit_are_resource_exhausted_by_their_length_alone() {
    let (client, _world) = client().await;
    let mut announced = vec![0];
    announced.extend((4_194_305_u32).to_be_bytes());
    let answer = spawned(&client, &[announced.into()]).await;
    let said = "grpc: received message larger than max (4194305 vs. 4194304)".to_owned();
    assert_eq!(answer.status(), (8, said));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_timeout_is_refused() {
    let (client, _world) = client().await;
    let asked = request(SPAWN).header("grpc-timeout", "soon");
    let answer = client.ask(asked.body(()).unwrap(), &[worker()]).await;
    assert_eq!(answer.status().0, 3);
}

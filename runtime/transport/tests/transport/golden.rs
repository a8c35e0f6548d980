//! The frames of a session between a client and a server in Go, against our server and our client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request};
use serde_json::Value;
use squall_cluster::{ActorRef, CallOptions, Transport as _};
use squall_memory::Network;
use squall_transport::{QueryError, Transport};

use crate::support::{History, NODE, Workers, World, framed, raw};

/// What went over each connection and stream.
const WIRE: &str = include_str!("../golden/cluster-wire.jsonl");
/// What the client in Go made of it, call by call.
const CLIENT: &str = include_str!("../golden/cluster-client.jsonl");

/// One call of the session.
#[derive(Debug, Default)]
struct Exchange {
    /// The headers in their order, pseudo-headers included.
    request: Vec<(String, String)>,
    message: String,
    response: Vec<(String, String)>,
    /// `None`: there was none.
    answer: Option<String>,
    /// `None`: the headers were all.
    trailers: Option<Vec<(String, String)>>,
}

impl Exchange {
    fn path(&self) -> &str {
        &self.request.iter().find(|(name, _)| name == ":path").unwrap().1
    }

    fn has_timeout(&self) -> bool {
        self.request.iter().any(|(name, _)| name == "grpc-timeout")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.message).unwrap()
    }
}

/// The calls of the session, in the order in which they began.
fn session() -> Vec<Exchange> {
    let mut exchanges = BTreeMap::<(u64, u64), Exchange>::new();
    for line in WIRE.lines() {
        let frame: Value = serde_json::from_str(line).unwrap();
        let (Some(connection), Some(stream @ 1..)) = (frame["conn"].as_u64(), frame["stream"].as_u64())
        else {
            continue;
        };
        let exchange = exchanges.entry((connection, stream)).or_default();
        let is_client = frame["side"] == "client";
        match frame["frame"].as_str().unwrap() {
            "HEADERS" if is_client => exchange.request = headers(&frame),
            "HEADERS" if exchange.response.is_empty() => exchange.response = headers(&frame),
            "HEADERS" => exchange.trailers = Some(headers(&frame)),
            "DATA" => {
                let message = frame["message"].as_str().unwrap().to_owned();
                let prefix = format!("{:010x}", message.len());
                assert_eq!(frame["prefix"], prefix, "the frame is one message");
                match is_client {
                    true => exchange.message = message,
                    false => exchange.answer = Some(message),
                }
            }
            other => panic!("a frame {other} on a stream"),
        }
    }
    let session: Vec<_> = exchanges.into_values().collect();
    assert_eq!(session.len(), CLIENT.lines().count());
    session
}

fn headers(frame: &Value) -> Vec<(String, String)> {
    let lines = frame["headers"].as_array().unwrap().iter();
    let split = |line: &Value| {
        let (name, value) = line.as_str().unwrap().split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.map(split).collect()
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    headers.iter().map(line).collect()
}

/// The pasts that the session shows.
fn history(session: &[Exchange]) -> History {
    let mut instances = BTreeMap::<String, BTreeMap<i64, Bytes>>::new();
    for exchange in session.iter().filter(|it| it.path().ends_with("/StateAt")) {
        let (asked, Some(answer)) = (exchange.json(), &exchange.answer) else {
            continue;
        };
        let answer: Value = serde_json::from_str(answer).unwrap();
        let snapshot = BASE64_STANDARD
            .decode(answer["snapshot"].as_str().unwrap())
            .unwrap();
        let instance = instances
            .entry(asked["id"].as_str().unwrap().to_owned())
            .or_default();
        instance.insert(asked["step"].as_i64().unwrap(), snapshot.into());
    }
    History(instances)
}

/// Where ours says on purpose more than Go's code 2: code, text, kind and detail. Spec: cluster section 6, W1.
fn differs(exchange: &Exchange) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    let asked = exchange.json();
    match (exchange.path().rsplit('/').next().unwrap(), &asked) {
        ("Deliver", _) => Some((
            "3",
            "bad payload for actor 'w-2': 42 is no text",
            "bad-payload",
            r#"{"id":"w-2","reason":"42 is no text"}"#,
        )),
        ("Spawn", _) => Some((
            "5",
            "actor 'w-3' cannot be spawned on node 'node-b': it has no behaviour 'nope'",
            "unknown-source",
            r#"{"id":"w-3","src":"nope","node":"node-b"}"#,
        )),
        ("StateAt", asked) if asked["id"] == "nope" => Some((
            "5",
            "instance 'nope' is not found",
            "instance-not-found",
            r#"{"id":"nope"}"#,
        )),
        ("StateAt", _) => Some((
            "11",
            "instance 'counter-1' has no step 2: its steps are -1 to 1",
            "step-out-of-range",
            r#"{"id":"counter-1","step":2,"first":-1,"last":1}"#,
        )),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn our_server_answers_the_client_in_go_as_the_server_in_go_does() {
    let session = session();
    let past = Arc::new(history(&session));
    let world = World::serving(|node| node.endpoint(Arc::new(Workers::default())).time_travel(past)).await;
    let client = raw::Client::connect(&world.network.host(), &world.address).await;
    let mut differing = 0;
    for exchange in &session {
        let mut request = Request::post(format!("http://127.0.0.1{}", exchange.path()));
        for (name, value) in exchange.request.iter().filter(|(name, _)| !name.starts_with(':')) {
            request = request.header(name, value);
        }
        let body = [framed(&exchange.message)];
        let answer = client.ask(request.body(()).unwrap(), &body).await;
        let mut headers = vec![(":status".to_owned(), answer.http.to_string())];
        headers.extend(listed(&answer.headers));
        if let Some(message) = &exchange.answer {
            assert_eq!(headers, exchange.response);
            assert_eq!(answer.body, framed(message), "{exchange:?}");
            assert_eq!(answer.frames, 1);
            assert_eq!(answer.trailers.as_ref().map(listed), exchange.trailers);
            continue;
        }
        let (code, text, kind, detail) = differs(exchange).unwrap();
        let expected = [
            exchange.response[0].clone(),
            exchange.response[1].clone(),
            ("grpc-status".to_owned(), code.to_owned()),
            ("grpc-message".to_owned(), text.to_owned()),
            ("crucible-error".to_owned(), kind.to_owned()),
            ("crucible-error-detail".to_owned(), detail.to_owned()),
        ];
        assert_eq!(headers, expected);
        assert_eq!(exchange.response[2], ("grpc-status".to_owned(), "2".to_owned()));
        assert_eq!((answer.body.len(), answer.trailers), (0, None));
        differing += 1;
    }
    assert_eq!(differing, 4, "everything else is the same");
}

/// The payload of a member, as JSON text.
fn payload(asked: &Value, member: &str) -> Option<Bytes> {
    let encoded = asked[member].as_str()?;
    Some(BASE64_STANDARD.decode(encoded).unwrap().into())
}

/// Makes the call of an exchange, and tells its result as the client in Go has told it.
async fn called(client: &Transport<squall_memory::Memory>, exchange: &Exchange) -> Value {
    let asked = exchange.json();
    let text = |member: &str| asked[member].as_str().unwrap_or_default().to_owned();
    let options = CallOptions {
        timeout: exchange.has_timeout().then_some(Duration::from_secs(5)),
        message_id: None,
    };
    let failed =
        |code: i32, message: String| serde_json::json!({"code_num": code, "message": message, "ok": false});
    let remote = |error| match error {
        squall_cluster::Error::Remote { code, message, .. } => failed(code, message),
        other => panic!("{other}"),
    };
    match exchange.path().rsplit('/').next().unwrap() {
        "Deliver" => {
            let to: ActorRef = serde_json::from_value(asked["ref"].clone()).unwrap();
            let event = payload(&asked, "event").unwrap();
            match client.deliver(&to, event, &options).await {
                Ok(it) => {
                    serde_json::json!({"delivered": it.delivered, "id": to.id, "ok": it.outcome.is_none()})
                }
                Err(error) => remote(error),
            }
        }
        "Spawn" => {
            let input = payload(&asked, "input");
            match client
                .spawn(NODE, &text("src"), &text("id"), input, &options)
                .await
            {
                Ok(actor) => serde_json::json!({"ok": true, "ref": actor}),
                Err(error) => remote(error),
            }
        }
        _ => match client
            .state_at(NODE, &text("id"), asked["step"].as_i64().unwrap())
            .await
        {
            Ok(snapshot) => {
                let snapshot: Value = serde_json::from_slice(&snapshot).unwrap();
                serde_json::json!({"ok": true, "snapshot": snapshot, "id": asked["id"], "step": asked["step"]})
            }
            Err(QueryError::Call(error)) => remote(error),
            Err(other) => panic!("{other}"),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn our_client_asks_as_the_client_in_go_does_and_makes_the_same_of_the_answers() {
    let network = Network::default();
    let (address, mut asked, _server) = raw::serve(&network.host()).await;
    let client = Transport::new(network.host());
    client.add_node(NODE, address.clone());
    let mut errors = 0;
    for (exchange, result) in session().iter().zip(CLIENT.lines()) {
        let serving = async {
            let asked = asked.recv().await.unwrap();
            let mut headers = vec![
                (":method".to_owned(), asked.request.method().to_string()),
                (
                    ":scheme".to_owned(),
                    asked.request.uri().scheme_str().unwrap().to_owned(),
                ),
                (":path".to_owned(), asked.request.uri().path().to_owned()),
                (
                    ":authority".to_owned(),
                    asked.request.uri().authority().unwrap().to_string(),
                ),
            ];
            headers.extend(listed(asked.request.headers()));
            let expected = exchange.request.iter().map(|(name, value)| {
                let value = match &**name {
                    ":authority" => address.to_string(),
                    "user-agent" => format!("grpc-rust-squall/{}", env!("CARGO_PKG_VERSION")),
                    // In the capture some time had passed.
                    "grpc-timeout" => "5000000u".to_owned(),
                    _ => value.clone(),
                };
                (name.clone(), value)
            });
            assert_eq!(headers, expected.collect::<Vec<_>>());
            assert_eq!(asked.body, framed(&exchange.message), "{exchange:?}");
            match &exchange.answer {
                Some(answer) => asked.answer(answer, &[("grpc-message", "")]),
                None => {
                    let value = |at: usize| &*exchange.response[at].1;
                    asked.fail(value(2).parse().unwrap(), value(3));
                }
            }
        };
        let (told, ()) = tokio::join!(called(&client, exchange), serving);
        let result: Value = serde_json::from_str(result).unwrap();
        for (member, told) in told.as_object().unwrap() {
            assert_eq!(told, &result[member], "{member} of {result}");
        }
        errors += usize::from(result["ok"] == false);
    }
    assert_eq!(errors, 4);
    assert_eq!(network.dials(&address), 1);
}

//! Arbitrary bytes at any method: a status that the specification knows, and never a panic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use squall_memory::Network;
use squall_transport::{Method, Node};
use tower_service::Service;

use crate::support::{History, Workers, framed};

/// The code of the answer to a request with this body.
fn code(path: &str, body: Bytes) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut node = Node::builder(Network::default().host())
            .endpoint(Arc::new(Workers::default()))
            .time_travel(Arc::new(History::counter()))
            .build();
        let request = Request::post(path)
            .header("content-type", "application/grpc+crucible-json")
            .body(Full::new(body))
            .unwrap();
        let answering = tokio::time::timeout(Duration::from_secs(100), node.call(request));
        let Ok(response) = answering.await.unwrap();
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        let status = head.headers.get("grpc-status").cloned();
        let trailer = body.trailers().and_then(|it| it.get("grpc-status").cloned());
        assert!(status.is_some() ^ trailer.is_some(), "exactly one status");
        status.or(trailer).unwrap().to_str().unwrap().parse().unwrap()
    })
}

/// JSON that is nearly a message.
fn nearly() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just(r#""worker""#.to_owned()),
        Just(r#""e30=""#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#"{"ID":"w-1","Node":null}"#.to_owned()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| it.to_string()),
        "[\\[\\]{}\",:0-9a]{0,6}",
    ];
    let name = prop_oneof![
        Just("ref"),
        Just("event"),
        Just("src"),
        Just("id"),
        Just("input"),
        Just("step"),
        Just("ID"),
        Just("x"),
    ];
    proptest::collection::vec((name, value), 0..5).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("{name:?}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(Method::Deliver.path()),
        Just(Method::Spawn.path()),
        Just(Method::StateAt.path()),
        Just(Method::Steps.path()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bodies_have_a_status(path in method(), body: Vec<u8>) {
        let is_cut = match body.first_chunk::<5>() {
            Some([_, length @ ..]) => u32::from_be_bytes(*length) as usize > body.len() - 5,
            None => true,
        };
        let code = code(path, body.into());
        match is_cut {
            // Nothing or a part of a message, or one of a length beyond the limit.
            true => prop_assert!([2, 8].contains(&code), "{code}"),
            false => prop_assert!([0, 2, 3, 5, 13].contains(&code), "{code}"),
        }
    }

    #[test]
    fn arbitrary_messages_have_a_status(path in method(), message: Vec<u8>) {
        let code = code(path, framed(message));
        prop_assert!([0, 3, 5, 13].contains(&code), "{code}");
    }

    #[test]
    fn what_is_nearly_a_message_has_a_status(path in method(), message in nearly()) {
        let code = code(path, framed(&message));
        prop_assert!([0, 3, 5, 9, 11, 13].contains(&code), "{code} for {message}");
    }
}

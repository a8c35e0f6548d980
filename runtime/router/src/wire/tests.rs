//! Any input is decoded or refused, and decoded messages equal the encoded ones.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use prost::Message as _;
use squall_platform::TokioPlatform;
use squall_proto::module as proto;
use tonic::Code;
use tonic::metadata::MetadataMap;

use super::{check_data, error, message, send};
use crate::{Context, Destination, Error, Message, Outcome, Payload, RemoteError, TraceContext};

const TRACE: TraceContext = TraceContext { trace: 7, span: 9 };
const SECOND: Duration = Duration::from_secs(1);

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let key = prop_oneof![
        Just("x-message-depth".to_owned()),
        Just("grpc-timeout".to_owned()),
        Just("traceparent".to_owned()),
        Just("x-content-type".to_owned()),
        Just("x-error-outcome".to_owned()),
        Just("user-bin".to_owned()),
        "[a-z][a-z0-9-]{0,8}",
    ];
    // Bytes that HTTP/2 lets through.
    let value = prop::collection::vec(prop_oneof![Just(b'\t'), 0x20..=0x7eu8, 0x80..=0xffu8], 0..40);
    prop::collection::vec((key, value), 0..6)
}

fn map(headers: Vec<(String, Vec<u8>)>) -> MetadataMap {
    let mut map = http::HeaderMap::new();
    for (key, value) in headers {
        let key: http::HeaderName = key.parse().expect("a name");
        map.append(key, http::HeaderValue::from_bytes(&value).expect("a value"));
    }
    MetadataMap::from_headers(map)
}

fn request<T>(headers: MetadataMap, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    *request.metadata_mut() = headers;
    request
}

fn is_refusal<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Ok(_) | Err(Error::Serialization { .. }))
}

proptest! {
    // The same cases in every run: a failure is caused by a change, and is reproducible.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, headers in headers()) {
        let platform = TokioPlatform::loopback();
        if let Ok(decoded) = proto::Message::decode(&bytes[..]) {
            let read = send::message(request(map(headers.clone()), decoded), &platform);
            prop_assert!(is_refusal(&read), "{read:?}");
            prop_assert!(read.is_err() || is_refusal(&check_data(&read.unwrap().data)));
        }
        if let Ok(decoded) = proto::MessageRequest::decode(&bytes[..]) {
            let read = message::message(request(map(headers.clone()), decoded), &platform);
            prop_assert!(is_refusal(&read), "{read:?}");
        }
        if let Ok(decoded) = proto::Response::decode(&bytes[..]) {
            let read = send::answer(tonic::Response::from_parts(map(headers), decoded, Default::default()));
            prop_assert!(is_refusal(&read) || matches!(read, Err(Error::Remote(_))), "{read:?}");
        }
    }

    #[test]
    fn any_fields_are_read_or_refused(
        to in ".*", data: Vec<u8>, headers in headers(),
        metadata in prop::collection::btree_map("x-message-depth|x-timeout-us|traceparent|content-type|.*", ".*", 0..4),
    ) {
        let platform = TokioPlatform::loopback();
        let sent = proto::Message { to: to.clone(), from: String::new(), data: data.clone().into(), metadata };
        prop_assert!(is_refusal(&send::message(request(map(headers.clone()), sent), &platform)));
        let sent = proto::MessageRequest { to, payload: data.into(), ..Default::default() };
        prop_assert!(is_refusal(&message::message(request(map(headers), sent), &platform)));
    }

    #[test]
    fn any_destination_is_split_into_what_it_was_or_refused(to in ".*|[a-z.:]{0,12}") {
        match Destination::parse(&to) {
            Ok(Destination { node, port }) => {
                prop_assert!(!node.is_empty() && !port.is_empty());
                let rejoined = [format!("{node}.{port}"), format!("{node}:{port}")];
                prop_assert!(rejoined.contains(&to));
            }
            Err(error) => prop_assert_eq!(error.kind(), crate::Kind::InvalidDestination),
        }
    }

    #[test]
    fn what_is_sent_is_what_is_read_by_either_method(
        to in "[a-z.]{1,9}", edge in prop::option::of("[a-z0-9-]{1,9}"), depth: u32, micros in 0..u64::MAX / 2,
        metadata in prop::collection::btree_map("m[a-z0-9_.-]{0,6}[a-z]", ".{0,12}", 0..4),
    ) {
        prop_assume!(metadata.keys().all(|key| !key.ends_with("-bin")));
        let platform = TokioPlatform::loopback();
        let left = Duration::from_micros(micros);
        let sent = Message {
            edge: edge.map(Into::into),
            context: Context {
                depth,
                metadata: (!metadata.is_empty()).then(|| metadata.clone().into()),
                ..Context::default()
            },
            ..Message::new(to, Payload::from(serde_json::json!({ "k": 1 }))).from("router.out")
        };
        let by_send = send::request(&sent, TRACE, left);
        let by_send = send::message(tonic::Request::new(by_send), &platform).unwrap();
        let by_message = message::request(&sent, TRACE, left).unwrap();
        let by_message = message::message(by_message, &platform).unwrap();
        for read in [by_send, by_message] {
            prop_assert_eq!((&read.to, &read.from, &read.edge), (&sent.to, &sent.from, &sent.edge));
            prop_assert_eq!(&read.data, &sent.data);
            prop_assert_eq!((read.context.trace, read.context.span, read.context.depth), (7, 9, depth));
            prop_assert_eq!(&read.context.metadata.as_deref().cloned().unwrap_or_default(), &metadata);
            // A time that exceeds gRPC's eight digits is no deadline.
            prop_assert!(read.timeout.is_none_or(|read| read >= left));
        }
    }

    #[test]
    fn any_error_crosses_by_either_method(text in ".{0,400}", code in prop::option::of(".{0,300}")) {
        let failed = || Error::Remote(Box::new(RemoteError {
            message: text.clone(),
            kind: crate::Kind::Panic,
            origin: "c".into(),
            code: code.clone(),
            retryable: Some(true),
            outcome: crate::Outcome::Unknown,
            handled: true,
        }));
        let super::Reply { mut answer, trailers } = send::reply(Err(failed().into()), "b", 1 << 20);
        prop_assert!(answer.metadata().is_empty(), "nothing is known before the answer");
        // Both together, as the caller has them.
        *answer.metadata_mut() = trailers;
        let in_band = send::answer(answer).expect_err("an error");
        let status = message::reply(Err(failed().into()), "b", 1 << 20).map(drop).expect_err("an error");
        let beside = super::remote_error(status.message().to_owned(), status.metadata());
        for error in [in_band, beside] {
            let expected = if text.is_empty() { "unspecified error" } else { &text };
            prop_assert_eq!(error.message(), expected);
            prop_assert_eq!((error.kind(), error.outcome()), (crate::Kind::Panic, crate::Outcome::Unknown));
            prop_assert_eq!((error.origin(), error.retryable()), (Some("c"), Some(true)));
            prop_assert!(error.code().is_none_or(|crossed| Some(crossed) == code.as_deref()));
        }
    }
}

#[test]
fn refusals_have_the_codes_that_tell_a_caller_what_to_do() {
    let (module, outcome) = (std::sync::Arc::from("b"), Outcome::Failed);
    for (error, code) in [
        (
            Error::Overload {
                module: Clone::clone(&module),
                limit: 1,
            },
            Code::ResourceExhausted,
        ),
        (
            Error::Shutdown {
                module: Clone::clone(&module),
                outcome,
            },
            Code::Unavailable,
        ),
        (
            Error::NotDiscovered {
                module: Clone::clone(&module),
            },
            Code::NotFound,
        ),
        (
            Error::Timeout {
                module: Clone::clone(&module),
                outcome,
            },
            Code::DeadlineExceeded,
        ),
        (
            Error::Unavailable {
                module,
                cause: "gone".into(),
                outcome,
            },
            Code::Unavailable,
        ),
        (
            Error::Send {
                cause: "reset".into(),
                outcome,
                handled: true,
                in_vain: false,
            },
            Code::Internal,
        ),
    ] {
        let status = message::status(&error.into(), "b");
        assert_eq!(status.code(), code, "{status}");
    }
}

#[test]
fn an_answer_that_is_too_large_says_so_by_its_code() {
    let reply = |limit| {
        message::reply(
            Ok(Some(crate::Payload::from_json(&"x".repeat(100).into()))),
            "b",
            limit,
        )
    };
    assert!(reply(200).is_ok());
    let status = reply(50).map(drop).expect_err("it is too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(super::outcome(status.metadata()), Outcome::Unknown);
}

#[test]
fn metadata_that_no_header_can_hold_is_refused_by_name() {
    for key in ["", "a b", "grpc-x", "Authorization", "é", "blob-bin"] {
        let context = Context {
            metadata: Some(BTreeMap::from([(key.to_owned(), "v".to_owned())]).into()),
            ..Context::default()
        };
        let sent = Message {
            context,
            ..Message::new("n.p", Payload::default())
        };
        let error = message::request(&sent, TRACE, SECOND).expect_err(key).to_string();
        let start = format!("serialization failed: the metadata {key:?} can be no gRPC header: rename it");
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn metadata_beyond_what_a_peer_reads_is_refused_and_up_to_it_is_not() {
    let sent = |bytes: usize| Message::new("n.p", Payload::default()).metadata("k", "v".repeat(bytes));
    assert!(message::request(&sent(15 * 1024 - 33), TRACE, SECOND).is_ok());
    let error = message::request(&sent(15 * 1024 - 32), TRACE, SECOND).expect_err("too much");
    assert_eq!(
        error.to_string(),
        "serialization failed: the metadata takes 15361 bytes of headers, and a peer reads 15360 at most"
    );
}

#[test]
fn a_long_text_is_cut_between_characters() {
    assert_eq!(error::clipped("aé", 3), "aé");
    assert_eq!(error::clipped("aéé", 4), "aé... (5 bytes in all)");
    assert_eq!(error::clipped("ééé", 3), "é... (6 bytes in all)");
}

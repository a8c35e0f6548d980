use proptest::prelude::*;

use super::*;
use crate::json::{read, write};

fn worker() -> ActorRef {
    ActorRef {
        src: "worker".to_owned(),
        ..ActorRef::on("node-b", "w-1")
    }
}

/// `value` is written as `json`, and reads back.
#[track_caller]
fn looks<T: Fields + Serialize + PartialEq + std::fmt::Debug>(value: T, json: &str) {
    assert_eq!(write(&value), json);
    assert_eq!(read::<T>(json.as_bytes()).unwrap(), value);
}

#[track_caller]
fn reads<T: Fields + PartialEq + std::fmt::Debug>(json: impl AsRef<[u8]>, value: T) {
    assert_eq!(read::<T>(json.as_ref()).unwrap(), value);
}

#[track_caller]
fn refused<T: Fields + std::fmt::Debug>(json: impl AsRef<[u8]>) {
    let json = json.as_ref();
    read::<T>(json).expect_err(&String::from_utf8_lossy(json));
}

#[test]
fn messages_look_as_those_of_go() {
    looks(
        DeliverRequest {
            to: worker(),
            event: "\"ping\"".into(),
            ..DeliverRequest::default()
        },
        r#"{"ref":{"ID":"w-1","SystemID":"","Src":"worker","Node":"node-b"},"event":"InBpbmci"}"#,
    );
    looks(
        DeliverRequest::default(),
        r#"{"ref":{"ID":"","SystemID":"","Src":"","Node":""}}"#,
    );
    looks(DeliverResponse { delivered: true }, r#"{"delivered":true}"#);
    looks(DeliverResponse::default(), r#"{"delivered":false}"#);
    looks(
        SpawnRequest {
            src: "worker".to_owned(),
            id: "w-1".to_owned(),
            input: r#"{"k":"v","n":1}"#.into(),
        },
        r#"{"src":"worker","id":"w-1","input":"eyJrIjoidiIsIm4iOjF9"}"#,
    );
    looks(SpawnRequest::default(), r#"{"src":"","id":""}"#);
    looks(
        SpawnResponse { actor: worker() },
        r#"{"ref":{"ID":"w-1","SystemID":"","Src":"worker","Node":"node-b"}}"#,
    );
    looks(
        StateAtRequest {
            id: "counter-1".to_owned(),
            step: -1,
        },
        r#"{"id":"counter-1","step":-1}"#,
    );
    looks(StateAtRequest::default(), r#"{"id":"","step":0}"#);
    looks(StateAtResponse::default(), r#"{"snapshot":""}"#);
    looks(
        StateAtResponse {
            snapshot: "{}".into(),
        },
        r#"{"snapshot":"e30="}"#,
    );
}

#[test]
fn what_go_does_not_have_is_written_only_when_it_is_set() {
    looks(
        DeliverRequest {
            message_id: "m<1".to_owned(),
            ..DeliverRequest::default()
        },
        r#"{"ref":{"ID":"","SystemID":"","Src":"","Node":""},"messageId":"m\u003c1"}"#,
    );
    looks(StepsRequest { id: "a".to_owned() }, r#"{"id":"a"}"#);
    looks(StepsResponse { steps: vec![0, 1, 4] }, r#"{"steps":[0,1,4]}"#);
    looks(StepsResponse::default(), r#"{"steps":[]}"#);
}

#[test]
fn names_match_in_any_case_and_the_last_of_several_counts() {
    let spawn = |src: &str, id: &str| SpawnRequest {
        src: src.to_owned(),
        id: id.to_owned(),
        ..SpawnRequest::default()
    };
    reads(r#"{"SRC":"a","Id":"b"}"#, spawn("a", "b"));
    reads("{\"\u{17f}rc\":\"a\"}", spawn("a", ""));
    reads(r#"{"src":"a","src":"b","src":null}"#, spawn("b", ""));
    reads(
        r#"{"src":"a","more":{"src":["deep",{}]},"id":"b"}"#,
        spawn("a", "b"),
    );
    reads(
        r#"{"ref":{"id":"w-1","node":"x","Src":"worker"},"REF":{"NODE":"node-b"}}"#,
        DeliverRequest {
            to: worker(),
            ..DeliverRequest::default()
        },
    );
}

#[test]
fn null_is_nothing() {
    reads("null", StateAtRequest::default());
    reads(" {\t\"id\":null,\r\n\"step\":null} ", StateAtRequest::default());
    reads(
        r#"{"src":null,"input":"e30=","input":null}"#,
        SpawnRequest::default(),
    );
    reads(r#"{"ref":null}"#, DeliverRequest::default());
    reads(r#"{"snapshot":null}"#, StateAtResponse::default());
    reads(r#"{"steps":null}"#, StepsResponse::default());
    reads(r#"{"delivered":null}"#, DeliverResponse::default());
}

#[test]
fn bytes_may_be_an_array_of_numbers() {
    reads(
        r#"{"input":[123,125]}"#,
        SpawnRequest {
            input: "{}".into(),
            ..SpawnRequest::default()
        },
    );
    refused::<SpawnRequest>(r#"{"input":[256]}"#);
    refused::<SpawnRequest>(r#"{"input":["e30="]}"#);
    refused::<SpawnRequest>(r#"{"input":{}}"#);
    for dialect in ["e30", "e3_=", "e 30="] {
        refused::<SpawnRequest>(format!(r#"{{"input":"{dialect}"}}"#));
    }
}

#[test]
fn a_step_is_an_integer() {
    let step = |step| StateAtRequest {
        step,
        ..StateAtRequest::default()
    };
    reads(r#"{"step":9223372036854775807}"#, step(i64::MAX));
    reads(r#"{"step":-9223372036854775808}"#, step(i64::MIN));
    reads(r#"{"step":-0}"#, step(0));
    for text in [
        "1.0",
        "1e0",
        "\"1\"",
        "9223372036854775808",
        "1e400",
        "true",
        "01",
        "+1",
    ] {
        refused::<StateAtRequest>(format!(r#"{{"step":{text}}}"#));
    }
}

#[test]
fn what_is_no_character_is_replaced() {
    let id = |id: &str| StepsRequest { id: id.to_owned() };
    reads(b"{\"id\":\"a\xff\xfe\"}", id("a\u{fffd}\u{fffd}"));
    reads(br#"{"id":"\ud800!\ud83d\ude00"}"#, id("\u{fffd}!😀"));
    refused::<StepsRequest>(b"{\"id\":\"a\"}\xff");
    refused::<StepsRequest>(b"{\"id\":\"a\nb\"}");
}

#[test]
fn what_is_not_one_object_is_refused() {
    for text in [
        "",
        " ",
        "[]",
        "1",
        "\"\"",
        "true",
        "{",
        "{}{}",
        "{} x",
        "{\"id\":1}",
        "{\"id\":[]}",
        "{id:1}",
        "{\"id\":\"a\",}",
    ] {
        refused::<StepsRequest>(text);
    }
    refused::<DeliverRequest>(r#"{"ref":"w-1"}"#);
    refused::<DeliverResponse>(r#"{"delivered":"true"}"#);
}

#[test]
fn an_unknown_member_may_nest_deeply() {
    let deep = format!(
        "{{\"x\":{}{},\"id\":\"a\"}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    reads(deep, StepsRequest { id: "a".to_owned() });
}

fn reference() -> impl Strategy<Value = ActorRef> {
    any::<[String; 4]>().prop_map(|[id, system_id, src, node]| ActorRef {
        id,
        system_id,
        src,
        node,
    })
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back(
        reference in reference(),
        [src, id, message_id] in any::<[String; 3]>(),
        bytes: Vec<u8>,
        step: i64,
        steps: Vec<i64>,
        delivered: bool,
    ) {
        let bytes = Bytes::from(bytes);
        let deliver = DeliverRequest { to: reference.clone(), event: bytes.clone(), message_id };
        prop_assert_eq!(read::<DeliverRequest>(&write(&deliver)).unwrap(), deliver);
        let spawn = SpawnRequest { src, id: id.clone(), input: bytes.clone() };
        prop_assert_eq!(read::<SpawnRequest>(&write(&spawn)).unwrap(), spawn);
        let spawned = SpawnResponse { actor: reference };
        prop_assert_eq!(read::<SpawnResponse>(&write(&spawned)).unwrap(), spawned);
        let state_at = StateAtRequest { id, step };
        prop_assert_eq!(read::<StateAtRequest>(&write(&state_at)).unwrap(), state_at);
        let state = StateAtResponse { snapshot: bytes };
        prop_assert_eq!(read::<StateAtResponse>(&write(&state)).unwrap(), state);
        let steps = StepsResponse { steps };
        prop_assert_eq!(read::<StepsResponse>(&write(&steps)).unwrap(), steps);
        let delivered = DeliverResponse { delivered };
        prop_assert_eq!(read::<DeliverResponse>(&write(&delivered)).unwrap(), delivered);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, text in r#"\{("(ref|id|input|step)":("[a-z\\\\ud8]{0,8}"|-?[0-9.]{1,3}|null|[\[\]{}]{1,3}),?){0,3}\}?"#) {
        for json in [&bytes[..], text.as_bytes()] {
            drop(read::<DeliverRequest>(json));
            drop(read::<SpawnRequest>(json));
            drop(read::<StateAtRequest>(json));
            drop(read::<StepsResponse>(json));
        }
    }

    #[test]
    fn what_is_cut_off_or_changed_is_an_error_or_another_message(at in 0_usize..84, byte: u8) {
        let json = br#"{"ref":{"ID":"w-1","SystemID":"","Src":"worker","Node":"node-b"},"event":"InBpbmci"}"#;
        prop_assert!(read::<DeliverRequest>(&json[..at]).is_err());
        let mut changed = json.to_vec();
        changed[at] = byte;
        drop(read::<DeliverRequest>(&changed));
    }
}

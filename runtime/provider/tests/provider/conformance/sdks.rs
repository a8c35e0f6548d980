//! The existing SDKs, in the bytes that they put on the wire and expect from it: they cannot tell this manager from
//! the one that they were written for. Spec: provider 1.2, 3.2, 3.3; section 5, rows 13, 16 and 19.
//!
//! The TypeScript SDK writes every field that it was given, zeros and empty texts included; the Scala SDK leaves those
//! out. The bytes of the former were taken from its own encoder (`@grpc/proto-loader`, with its settings).

use bytes::Bytes;
use squall_engine::{Call, Engine};
use squall_grpc::{Serving, Tonic, serve_until};
use squall_memory::Memory;
use squall_platform::Platform;
use squall_proto::provider::execute_response::Result as Executed;
use squall_proto::provider::module_executor_server::ModuleExecutorServer;
use squall_proto::provider::{ExecuteResponse, ExecutionMetrics};
use squall_provider::State;
use squall_value::{CType, CValue};
use tokio::time::sleep;

use crate::conformance::wire::{Raw, RawControl};
use crate::support::{Executor, World, ms, secs, settle};

#[derive(Debug, Clone, Copy)]
enum Sdk {
    TypeScript,
    Scala,
}

#[derive(Debug, Clone, Copy)]
enum Stop {
    /// As both SDKs do, three milliseconds apart.
    HalfCloseFirst,
    DeregisterFirst,
}

fn wire(parts: &[&[u8]]) -> Bytes {
    parts.concat().into()
}

impl Sdk {
    /// `Echo` of `ml`, version 1.0.0, "Says it again", which takes and gives a record of a text and a count; at
    /// localhost:9091.
    fn register(self, group: &str) -> Bytes {
        let length = [u8::try_from(group.len()).unwrap()];
        match self {
            Sdk::TypeScript => wire(&[
                b"\x0a\x02ml",
                b"\x12\x5e\x0a\x04Echo",
                b"\x12\x1f\x12\x1d\x0a\x0c\x0a\x04text\x12\x04\x0a\x02\x08\x00\x0a\x0d\x0a\x05count\x12\x04\x0a\x02\x08\x01",
                b"\x1a\x1f\x12\x1d\x0a\x0c\x0a\x04text\x12\x04\x0a\x02\x08\x00\x0a\x0d\x0a\x05count\x12\x04\x0a\x02\x08\x01",
                b"\x22\x051.0.0\x2a\x0dSays it again",
                b"\x18\x01\x22\x0elocalhost:9091",
                b"\x2a",
                &length,
                group.as_bytes(),
            ]),
            Sdk::Scala => wire(&[
                b"\x0a\x02ml",
                b"\x12\x5a\x0a\x04Echo",
                b"\x12\x1d\x12\x1b\x0a\x0a\x0a\x04text\x12\x02\x0a\x00\x0a\x0d\x0a\x05count\x12\x04\x0a\x02\x08\x01",
                b"\x1a\x1d\x12\x1b\x0a\x0a\x0a\x04text\x12\x02\x0a\x00\x0a\x0d\x0a\x05count\x12\x04\x0a\x02\x08\x01",
                b"\x22\x051.0.0\x2a\x0dSays it again",
                b"\x18\x01\x22\x0elocalhost:9091",
                if group.is_empty() { b"" } else { b"\x2a" },
                if group.is_empty() { b"" } else { &length },
                group.as_bytes(),
            ]),
        }
    }

    /// At 1,700,000,000,000 ms. Only the TypeScript SDK says of which namespace it is.
    fn heartbeat(self, connection: &[u8]) -> Bytes {
        let heartbeat: &[u8] = match self {
            Sdk::TypeScript => b"\x52\x0b\x0a\x02ml\x10\x80\xd0\x95\xff\xbc\x31",
            Sdk::Scala => b"\x52\x07\x10\x80\xd0\x95\xff\xbc\x31",
        };
        wire(&[b"\x08\x01\x12\x24", connection, heartbeat])
    }

    /// What is left of a message that has neither a connection id nor a version.
    fn drain_ack(self) -> Bytes {
        Bytes::from_static(match self {
            Sdk::TypeScript => b"\xaa\x01\x04\x08\x01\x10\x00",
            Sdk::Scala => b"\xaa\x01\x02\x08\x01",
        })
    }

    /// What `Echo` answers when it was given "hello" and 2. Members of an object are in whatever order.
    fn output(self) -> &'static str {
        match self {
            Sdk::TypeScript => {
                r#"{"tag":"CProduct","value":{"text":{"tag":"CString","value":"hello"},"count":{"tag":"CInt","value":2}},"structure":{"text":{"tag":"CString"},"count":{"tag":"CInt"}}}"#
            }
            Sdk::Scala => {
                r#"{"value":{"count":{"value":2,"tag":"CInt"},"text":{"value":"hello","tag":"CString"}},"structure":{"count":{"tag":"CInt"},"text":{"tag":"CString"}},"tag":"CProduct"}"#
            }
        }
    }
}

/// Both SDKs say it in the same bytes.
fn deregister(connection: &[u8]) -> Bytes {
    wire(&[b"\x0a\x02ml\x12\x04Echo\x1a\x24", connection])
}

/// What comes before the connection's identifier.
const REGISTERED: &[u8] = b"\x08\x01\x12\x08\x0a\x04Echo\x10\x01\x18\x01\x22\x24";
const REMOVED: &[u8] = b"\x08\x01\x12\x08\x0a\x04Echo\x10\x01";
const NOT_FOUND: &[u8] = b"\x12\x11\x0a\x04Echo\x1a\x09not found";

/// A provider that is registered, and heard of.
struct Player {
    sdk: Sdk,
    raw: Raw,
    control: RawControl,
    connection: Bytes,
    /// How many it has seen, and done nothing about.
    reports: usize,
}

impl Player {
    async fn start(world: &World, sdk: Sdk, group: &str) -> Self {
        let mut raw = Raw::connect(world).await;
        let answer = raw.register(sdk.register(group)).await;
        assert!(answer.starts_with(REGISTERED), "{answer:?}");
        let connection = answer.slice(REGISTERED.len()..);
        assert_eq!(connection.len(), 36);
        let control = raw.control_plane().await;
        let mut player = Player {
            sdk,
            raw,
            control,
            connection,
            reports: 0,
        };
        player.beat().await;
        player
    }

    /// Sends a heartbeat and reads its acknowledgement, over whatever reports come before.
    async fn beat(&mut self) {
        self.control.send(self.sdk.heartbeat(&self.connection)).await;
        let head = [b"\x08\x01\x12\x24", &*self.connection].concat();
        loop {
            let reply = self.control.next().await.expect("the stream goes on");
            let payload = reply
                .strip_prefix(&*head)
                .expect("version 1, and its own connection");
            match payload {
                b"\x5a\x07\x08\x80\xd0\x95\xff\xbc\x31" => return,
                b"\x62\x06\x0a\x04Echo" => self.reports += 1,
                other => panic!("{other:x?}"),
            }
        }
    }

    /// Stops, and gives the answer of Deregister.
    async fn stop(mut self, order: Stop) -> Bytes {
        let deregister = deregister(&self.connection);
        match order {
            Stop::HalfCloseFirst => {
                drop(self.control.sender);
                sleep(ms(3)).await;
                let answer = self.raw.deregister(deregister).await;
                while self.control.replies.message().await.expect("no error").is_some() {}
                answer
            }
            Stop::DeregisterFirst => {
                let answer = self.raw.deregister(deregister).await;
                drop(self.control.sender);
                while self.control.replies.message().await.expect("no error").is_some() {}
                answer
            }
        }
    }
}

/// Serves at port 9091, as the SDKs do.
async fn serve(executor: &Executor, host: &Memory) {
    let listener = host.bind(9091).await.unwrap();
    let service = Tonic(ModuleExecutorServer::new(executor.clone()));
    let platform = host.clone();
    host.spawn(async move {
        let never = std::future::pending();
        serve_until(&platform, listener, Serving::default(), service, never, secs(0)).await;
    });
}

/// Answers as the SDK does.
fn executor(sdk: Sdk) -> Executor {
    Executor::new(move |_| async move {
        Ok(ExecuteResponse {
            result: Some(Executed::OutputData(sdk.output().into())),
            metrics: Some(ExecutionMetrics {
                duration_ms: 3,
                memory_bytes: 0,
            }),
        })
    })
}

/// Registers, is called, sends heartbeats for a minute, stops, and comes back.
async fn lives(sdk: Sdk, stop: Stop) {
    let world = World::start().await;
    let executor = executor(sdk);
    serve(&executor, &world.network.host()).await;
    let mut player = Player::start(&world, sdk, "").await;
    assert_eq!(world.states(), [State::Active]);
    assert_eq!(&*world.manager.providers()[0].executor, "localhost:9091");
    assert_eq!(world.manager.providers()[0].group, None);

    let record = CType::product([("text", CType::String), ("count", CType::Int)]);
    let spec = world.manager.module("ml.Echo").unwrap();
    assert_eq!(CType::Product(spec.inputs.clone()), record);
    assert_eq!(spec.output, record);
    let input = CValue::product([("text", CValue::string("hello")), ("count", CValue::Int(2))]);
    let output = world.manager.call(Call::new("ml.Echo", input.clone())).await;
    assert_eq!(output, Ok(input));
    let asked = &executor.asked()[0];
    assert_eq!(asked.module_name, "Echo");
    assert_eq!(
        asked.input_data,
        r#"{"tag":"CProduct","value":{"count":{"tag":"CInt","value":2},"text":{"tag":"CString","value":"hello"}},"structure":{"count":{"tag":"CInt"},"text":{"tag":"CString"}}}"#
    );

    for _ in 0..12 {
        sleep(secs(5)).await;
        player.beat().await;
    }
    assert_eq!(world.states(), [State::Active]);
    assert!(player.reports > 0, "neither SDK does anything with them");

    let answer = player.stop(stop).await;
    match stop {
        Stop::HalfCloseFirst => assert_eq!(answer, NOT_FOUND),
        Stop::DeregisterFirst => assert_eq!(answer, REMOVED),
    }
    settle().await;
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
    Player::start(&world, sdk, "").await;
    assert_eq!(world.modules(), ["ml.Echo"], "the namespace is free");
}

#[tokio::test(start_paused = true)]
async fn sdk_typescript_lives_and_half_closes_before_it_deregisters() {
    lives(Sdk::TypeScript, Stop::HalfCloseFirst).await;
}

#[tokio::test(start_paused = true)]
async fn sdk_typescript_lives_and_deregisters_before_it_half_closes() {
    lives(Sdk::TypeScript, Stop::DeregisterFirst).await;
}

#[tokio::test(start_paused = true)]
async fn sdk_scala_lives_and_half_closes_before_it_deregisters() {
    lives(Sdk::Scala, Stop::HalfCloseFirst).await;
}

#[tokio::test(start_paused = true)]
async fn sdk_scala_lives_and_deregisters_before_it_half_closes() {
    lives(Sdk::Scala, Stop::DeregisterFirst).await;
}

#[tokio::test(start_paused = true)]
async fn sdk_typescript_and_sdk_scala_declare_the_same_and_may_share_a_group() {
    let world = World::start().await;
    let _one = Player::start(&world, Sdk::TypeScript, "pool").await;
    let _two = Player::start(&world, Sdk::Scala, "pool").await;
    let groups = world.manager.providers().into_iter().map(|it| it.group);
    assert!(groups.eq([Some("pool".into()), Some("pool".into())]));
}

#[tokio::test(start_paused = true)]
async fn sdk_typescript_that_has_missed_a_restart_is_told_not_found_when_it_stops() {
    let before = World::start().await;
    let stale = Player::start(&before, Sdk::TypeScript, "").await.connection;
    let after = World::start().await;
    let answer = Raw::connect(&after).await.deregister(deregister(&stale)).await;
    assert_eq!(answer, NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn sdk_that_is_asked_to_leave_gets_the_request_and_may_say_nothing_until_it_stops() {
    for sdk in [Sdk::TypeScript, Sdk::Scala] {
        let world = World::start().await;
        let mut player = Player::start(&world, sdk, "").await;
        let connection = world.manager.providers()[0].connection.clone();
        assert!(world.manager.drain(&connection, "update", Some(secs(30))));
        let request = player.control.next().await.unwrap();
        let head = [b"\x08\x01\x12\x24", &*player.connection].concat();
        assert_eq!(
            request.strip_prefix(&*head).unwrap(),
            b"\xa2\x01\x0c\x0a\x06update\x10\xb0\xea\x01"
        );
        sleep(secs(5)).await;
        player.beat().await;
        assert_eq!(player.stop(Stop::HalfCloseFirst).await, NOT_FOUND);
        assert!(world.manager.providers().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn hole_06_a_drain_ack_without_a_connection_id_is_the_streams_own() {
    for sdk in [Sdk::TypeScript, Sdk::Scala] {
        let world = World::start().await;
        let mut player = Player::start(&world, sdk, "").await;
        player.control.send(sdk.drain_ack()).await;
        settle().await;
        assert_eq!(world.states(), [State::Draining]);
        assert_eq!(player.stop(Stop::DeregisterFirst).await, REMOVED);
    }
}

#[tokio::test(start_paused = true)]
async fn hole_04_bytes_that_are_no_message_end_the_stream_and_the_connection() {
    let world = World::start().await;
    let mut player = Player::start(&world, Sdk::TypeScript, "").await;
    player.control.send(Bytes::from_static(b"\x52\xff")).await;
    assert!(player.control.replies.message().await.is_err());
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
}

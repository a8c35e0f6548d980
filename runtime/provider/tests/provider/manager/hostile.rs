//! Any bytes at any method: a specific error, and a server that goes on. Spec: provider section 6, point 20.

use proptest::prelude::*;
use squall_grpc::{Dial, Progress, Streaming};
use squall_platform::Platform;
use squall_proto::provider::control_message::Payload;
use squall_provider::Config;
use squall_value::CType;
use tonic::Code;
use tonic::body::Body;
use tower_service::Service;

use crate::support::*;

const METHODS: [&str; 3] = ["Register", "Deregister", "ControlPlane"];

/// Sends bytes as the body of a request, and gives the status that comes back.
pub(super) async fn send(world: &World, method: &str, bytes: Vec<u8>) -> i32 {
    let host = world.network.host();
    let (sender, driver) = squall_grpc::open(&host, &Dial::default(), &world.address)
        .await
        .unwrap();
    host.spawn(async move { drop(driver.await) });
    let body = Body::new(http_body_util::Full::from(bytes));
    let request = http::Request::post(format!("/constellation.provider.v1.ModuleProvider/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = Streaming::new(sender, world.address.clone())
        .call(request)
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let body = http_body_util::BodyExt::collect(body).await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = head.headers.get("grpc-status").or(trailers.get("grpc-status"));
    status.unwrap().to_str().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_decoded_is_an_error_that_says_so() {
    let world = World::start().await;
    for method in METHODS {
        // A frame of three bytes that are no message.
        let status = send(&world, method, vec![0, 0, 0, 0, 3, 0xff, 0xff, 0xff]).await;
        assert_eq!(status, Code::Internal as i32, "{method}");
    }
    let _provider = world.active("ml", "", &["A"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_refused() {
    let config = Config {
        max_message_bytes: 1_000,
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &["A"]);
    request.modules[0].description = "x".repeat(2_000);
    let status = provider.rpc.register(request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    provider.register("ml", "", &["A"]).await;
    let call = squall_engine::Call::new("ml.A", text(&"x".repeat(2_000)));
    let error = squall_engine::Engine::call(&world.manager, call)
        .await
        .unwrap_err();
    assert!(error.message.starts_with("Serialization error: "), "{error}");
}

/// A field with a length, as protobuf has it on the wire.
pub(super) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encode_length_delimiter(bytes.len(), &mut field).unwrap();
    field.extend(bytes);
    field
}

pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    framed
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_refused_before_it_is_decoded() {
    let config = Config {
        max_modules: 2,
        ..Config::default()
    };
    let world = World::with(config).await;
    // Nobody can decode this one: to have tried would be another error.
    let module = field(2, &[0xff]);
    let registration =
        |modules: usize| [field(1, b"ml"), module.repeat(modules), field(4, b"host:1")].concat();
    for (modules, status) in [(2, Code::Internal), (3, Code::InvalidArgument)] {
        let register = send(&world, "Register", framed(&registration(modules))).await;
        assert_eq!(register, status as i32, "{modules} modules");
        let deregister = send(&world, "Deregister", framed(&module.repeat(modules))).await;
        assert_eq!(deregister, status as i32, "{modules} names");
    }
    let metrics = world.manager.metrics_text();
    assert!(
        metrics.contains("rejections_total{reason=\"limit\"} 1\n"),
        "{metrics}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_types_of_a_registration_have_a_limit_for_all_of_them_together() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let fields = |count: usize| CType::product((0..count).map(|it| (format!("f{it}"), CType::Int)));
    let mut request = provider.request("ml", "", &[]);
    // Each has one type for the record, and a type and an entry for each field; and as many in its output.
    let (large, schema) = (fields(2_000), fields(1_000));
    request.modules = (0..10)
        .map(|it| typed(&format!("M{it}"), &large, &schema))
        .collect();
    assert!(provider.try_register(request.clone()).await.success);
    assert!(
        provider
            .deregister(&["M0", "M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9"])
            .await
            .success
    );
    request.modules.push(typed("Another", &large, &schema));
    let refused = provider.rpc.register(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        refused.message(),
        "Too many types in the schemas of the request: the limit for all of them together is 65536"
    );
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_takes_small_messages_only() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    let mut message = provider.heartbeat(1);
    if let Some(Payload::Heartbeat(heartbeat)) = &mut message.payload {
        heartbeat.namespace = "x".repeat(16_000);
    }
    provider.control().send(message.clone()).await;
    assert!(provider.control().next().await.is_some());
    if let Some(Payload::Heartbeat(heartbeat)) = &mut message.payload {
        heartbeat.namespace = "x".repeat(16_384);
    }
    provider.control().send(message).await;
    settle().await;
    assert!(world.manager.providers().is_empty(), "the stream has failed");
}

#[tokio::test(start_paused = true)]
async fn a_method_that_there_is_not_is_unimplemented() {
    let world = World::start().await;
    assert_eq!(send(&world, "Nothing", vec![]).await, Code::Unimplemented as i32);
    let channel = squall_grpc::Channel::new(world.network.host(), Dial::default(), world.address.clone());
    let answer: Result<tonic::Response<squall_proto::provider::RegisterResponse>, _> = channel
        .call(
            "/other.Service/Method",
            tonic::Request::new(squall_proto::provider::RegisterRequest::default()),
            100,
            &Progress::default().into(),
        )
        .await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(
        status.message(),
        "this server has no method /other.Service/Method"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic_or_register(
        method in prop::sample::select(METHODS.to_vec()),
        framed in any::<bool>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = World::start().await;
            let mut body = vec![];
            if framed {
                body.extend([0, 0, 0, 0, u8::try_from(bytes.len()).unwrap()]);
            }
            body.extend(&bytes);
            let status = send(&world, method, body).await;
            assert!((0..=16).contains(&status), "{status}");
            assert!(world.modules().is_empty());
            let _provider = world.active("ml", "", &["A"]).await;
        });
    }
}

//! Health and reflection.

use squall_grpc::{Dial, Streaming};
use squall_platform::Platform;
use tonic::codegen::tokio_stream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::*;

async fn dial(world: &World) -> Streaming {
    let host = world.network.host();
    let (sender, driver) = squall_grpc::open(&host, &Dial::default(), &world.address)
        .await
        .unwrap();
    host.spawn(async move { drop(driver.await) });
    Streaming::new(sender, world.address.clone())
}

#[tokio::test(start_paused = true)]
async fn health_is_told_until_the_end() {
    let world = World::start().await;
    let mut health = HealthClient::new(dial(&world).await);
    let of = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    for name in ["", "constellation.provider.v1.ModuleProvider"] {
        let reply = health.check(of(name)).await.unwrap();
        assert_eq!(reply.get_ref().status(), ServingStatus::Serving, "{name:?}");
    }
    let mut watched = health.watch(of("")).await.unwrap().into_inner();
    assert_eq!(
        watched.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    world.stop.send(()).unwrap();
    let last = watched.message().await.unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert!(watched.message().await.unwrap().is_none(), "the stream ends");
    assert_eq!(world.drained.await.unwrap().aborted, 0);
}

#[tokio::test(start_paused = true)]
async fn reflection_describes_the_protocol() {
    let world = World::start().await;
    let mut client = ServerReflectionClient::new(dial(&world).await);
    let asked = tokio_stream::once(ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(
            "constellation.provider.v1.ModuleProvider".into(),
        )),
    });
    let mut told = client.server_reflection_info(asked).await.unwrap().into_inner();
    let Some(MessageResponse::FileDescriptorResponse(file)) =
        told.message().await.unwrap().unwrap().message_response
    else {
        panic!("not a file");
    };
    let described = String::from_utf8_lossy(&file.file_descriptor_proto[0]).into_owned();
    for name in ["Register", "Deregister", "ControlPlane", "TypeSchema"] {
        assert!(described.contains(name), "{name}");
    }
}

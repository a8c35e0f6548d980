//! Health and reflection. Spec: router 2.1, 5.2.

use crate::support::raw::*;
use crate::support::*;
use squall_router::{Authority, Options};
use tonic::codegen::tokio_stream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

async fn health(network: &Network, server: &Authority) -> HealthClient<Raw> {
    let origin = format!("http://{server}").parse().unwrap();
    HealthClient::with_origin(dial(network.host(), server).await, origin)
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn health_is_told_by_name_and_an_unknown_name_is_not_found() {
    let network = Network::default();
    let (_b, address) = start(network.host(), "b", Options::default()).await;
    let mut health = health(&network, &address).await;
    for name in ["", "module.ModuleService"] {
        let reply = health.check(of(name)).await.unwrap();
        assert_eq!(reply.get_ref().status(), ServingStatus::Serving, "{name:?}");
    }
    let status = health.check(of("module.Other")).await.expect_err("unknown");
    assert_eq!(status.code(), tonic::Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn who_watches_sees_the_shutdown_and_does_not_hold_it_up() {
    let network = Network::default();
    let b = Stoppable::start(&network, 10_000).await;
    let held = Held::new();
    place(&b.module, &[], "held", held.clone(), &[]);
    let mut health = health(&network, &b.address).await;
    let mut watched = health
        .watch(of("module.ModuleService"))
        .await
        .unwrap()
        .into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let (a, _) = start(network.host(), "a", Options::default()).await;
    a.register("b", vec![b.address.clone()]);
    a.set_node("held", "b");
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    b.stop.send(()).unwrap();
    let second = watched.message().await.unwrap().unwrap();
    assert_eq!(
        second.status(),
        ServingStatus::NotServing,
        "told while calls are still in the works"
    );
    held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap(), Some(json("1")));
    assert!(watched.message().await.unwrap().is_none(), "the stream ends");
    let begun = tokio::time::Instant::now();
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
    assert_eq!(begun.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_a_service_that_is_not_known_says_so_and_stays_open() {
    let network = Network::default();
    let b = Stoppable::start(&network, 10_000).await;
    let mut health = health(&network, &b.address).await;
    let mut watched = health.watch(of("module.Other")).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    tokio::time::timeout(ms(60_000), watched.message())
        .await
        .expect_err("it stays open");
    b.stop.send(()).unwrap();
    assert!(
        watched.message().await.unwrap().is_none(),
        "until the server ends"
    );
    let drained = b.drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn reflection_lists_the_services_and_describes_both_methods() {
    use tonic_reflection::pb::{v1, v1alpha};
    let network = Network::default();
    let (_b, address) = start(network.host(), "b", Options::default()).await;
    let channel = dial(network.host(), &address).await;
    let origin: http::Uri = format!("http://{address}").parse().unwrap();

    let mut client =
        v1::server_reflection_client::ServerReflectionClient::with_origin(channel.clone(), origin.clone());
    use v1::server_reflection_request::MessageRequest as Ask;
    use v1::server_reflection_response::MessageResponse as Told;
    let ask = |request| v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let asked = tokio_stream::iter([
        ask(Ask::ListServices(String::new())),
        ask(Ask::FileContainingSymbol("module.ModuleService".into())),
    ]);
    let mut told = client.server_reflection_info(asked).await.unwrap().into_inner();
    let Some(Told::ListServicesResponse(list)) = told.message().await.unwrap().unwrap().message_response
    else {
        panic!("not a list");
    };
    let mut names: Vec<_> = list.service.iter().map(|it| &*it.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "module.ModuleService"
        ]
    );
    let Some(Told::FileDescriptorResponse(file)) = told.message().await.unwrap().unwrap().message_response
    else {
        panic!("not a file");
    };
    let described = String::from_utf8_lossy(&file.file_descriptor_proto[0]).into_owned();
    for name in ["Send", "Message", "MessageRequest", "EdgeID"] {
        assert!(described.contains(name), "{name}");
    }

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::with_origin(channel, origin);
    let asked = tokio_stream::once(v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol("module.Nothing".into()),
        ),
    });
    let status = match client.server_reflection_info(asked).await {
        Ok(told) => told.into_inner().message().await.expect_err("unknown"),
        Err(status) => status,
    };
    assert_eq!(status.code(), tonic::Code::NotFound);
}

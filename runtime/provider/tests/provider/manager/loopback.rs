//! Once on real sockets and in real time.

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{Call, Engine, LocalEngine};
use squall_grpc::{Dial, Serving, Streaming, Tonic, serve_until};
use squall_platform::{Listener, Platform, TokioPlatform};
use squall_proto::provider::RegisterRequest;
use squall_proto::provider::module_executor_server::ModuleExecutorServer;
use squall_proto::provider::module_provider_client::ModuleProviderClient;
use squall_provider::{Config, Manager};

use crate::support::*;

#[tokio::test]
async fn a_provider_is_called_over_real_sockets() {
    let platform = TokioPlatform::loopback();
    let config = Config {
        grpc_port: 0,
        ..Config::default()
    };
    let manager = Manager::new(platform, config, Arc::new(LocalEngine::new()));
    let server = manager.bind().await.unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let (done, drained) = tokio::sync::oneshot::channel();
    platform.spawn(async move {
        let shutdown = async { drop(stopping.await) };
        done.send(server.run_until(shutdown, secs(5)).await).unwrap();
    });

    let executor = platform.bind(0).await.unwrap();
    let url = format!("localhost:{}", executor.local_addr().unwrap().port());
    platform.spawn(async move {
        let service = Tonic(ModuleExecutorServer::new(Executor::echo()));
        let never = std::future::pending();
        serve_until(
            &platform,
            executor,
            Serving::default(),
            service,
            never,
            Duration::ZERO,
        )
        .await;
    });

    let (sender, driver) = squall_grpc::open(&platform, &Dial::default(), &address)
        .await
        .unwrap();
    platform.spawn(async move { drop(driver.await) });
    let mut rpc = ModuleProviderClient::new(Streaming::new(sender, address));
    let request = RegisterRequest {
        namespace: "ml".to_owned(),
        modules: vec![declaration("A")],
        protocol_version: 1,
        executor_url: url,
        group_id: String::new(),
    };
    let response = rpc.register(request).await.unwrap().into_inner();
    assert!(response.success, "{response:?}");
    let mut control = Control::open(&mut rpc).await;
    control.send(heartbeat(&response.connection_id, 1)).await;
    control.next().await.expect("an acknowledgement");
    let output = manager.call(Call::new("ml.A", text("hello"))).await;
    assert_eq!(output, Ok(text("hello")));

    stop.send(()).unwrap();
    control.completed().await;
    drop((control, rpc));
    let drained = drained.await.unwrap();
    assert_eq!((drained.cancelled, drained.aborted), (0, 0));
}

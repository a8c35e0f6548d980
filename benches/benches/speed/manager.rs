//! One call of a provider's module over real loopback TCP: manager, executor and back, against bare tonic.

use std::sync::Arc;

use bytes::Bytes;
use squall_engine::{Call, Engine, LocalEngine};
use squall_platform::TokioPlatform;
use squall_proto::provider as proto;
use squall_provider::{Config, Manager};
use squall_provider_sdk::{Config as SdkConfig, Context, Module, Provider};
use squall_value::{CType, CValue};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::loopback::{Taken, runtime, take};

/// A record that holds 128 bytes of text.
fn record() -> CValue {
    CValue::product([("text", CValue::string("x".repeat(128)))])
}

/// Through a manager and a provider that echoes.
pub(crate) fn through_manager(callers: u32, calls: u32) -> Taken {
    runtime().block_on(async {
        let platform = TokioPlatform::loopback();
        let config = Config {
            grpc_port: 0,
            ..Config::default()
        };
        let manager = Manager::new(platform, config, Arc::new(LocalEngine::new()));
        let server = manager.bind().await.expect("there is a free port");
        let address = server.local_addr().to_string();
        tokio::spawn(server.run());
        let declared = CType::product([("text", CType::String)]);
        let echo = |input: CValue, _: Context| async move { Ok(input) };
        let running = Provider::builder(platform, "bench")
            .managers([address.parse().expect("an address")])
            .config(SdkConfig {
                executor_host: "127.0.0.1".into(),
                executor_port: 0,
                ..SdkConfig::default()
            })
            .module(Module::new("Echo", declared.clone(), declared, echo))
            .build()
            .expect("its names are good")
            .start()
            .await
            .expect("the manager is there");
        let input = record();
        let calling = move || {
            let (manager, input) = (manager.clone(), input.clone());
            async move {
                let answer = manager.call(Call::new("bench.Echo", input.clone())).await;
                assert_eq!(answer.expect("answered"), input);
            }
        };
        let taken = take(callers, calls, calling).await;
        running.stop().await;
        taken
    })
}

/// An executor that does nothing but answer.
struct Echo;

#[tonic::async_trait]
impl proto::module_executor_server::ModuleExecutor for Echo {
    async fn execute(
        &self,
        request: Request<proto::ExecuteRequest>,
    ) -> Result<Response<proto::ExecuteResponse>, Status> {
        let data = request.into_inner().input_data;
        Ok(Response::new(proto::ExecuteResponse {
            result: Some(proto::execute_response::Result::OutputData(data)),
            metrics: Some(proto::ExecutionMetrics::default()),
        }))
    }
}

/// The same messages through tonic's client and server, without reading what is in them.
pub(crate) fn through_tonic(callers: u32, calls: u32) -> Taken {
    runtime().block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service = proto::module_executor_server::ModuleExecutorServer::new(Echo);
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel: Channel = endpoint
            .tcp_nodelay(true)
            .connect()
            .await
            .expect("the server is there");
        let client = proto::module_executor_client::ModuleExecutorClient::new(channel);
        let data = Bytes::from(record().to_json());
        let calling = move || {
            let (mut client, data) = (client.clone(), data.clone());
            async move {
                let request = proto::ExecuteRequest {
                    module_name: "Echo".into(),
                    input_data: data.clone(),
                    execution_id: "00000000000000000000000000000000".into(),
                    metadata: Default::default(),
                };
                let answer = client.execute(request).await.expect("answered").into_inner();
                assert_eq!(
                    answer.result,
                    Some(proto::execute_response::Result::OutputData(data))
                );
            }
        };
        take(callers, calls, calling).await
    })
}

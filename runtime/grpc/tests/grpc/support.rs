//! A server of executions that says of each what it was asked, after a delay.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use prost::Message;
use squall_grpc::unary;
use squall_grpc::{
    Answer, Channel, Dial, Drained, Incoming, Progress, Service, Serving, refuse, serve_until,
};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, Listener, OwnedTask, Platform};
use squall_proto::provider::{ExecuteRequest, ExecuteResponse, execute_response};
use tokio::sync::oneshot;
use tonic::Status;

pub(crate) const LIMIT: usize = 1 << 20;
pub(crate) const PATH: &str = "/constellation.provider.v1.ModuleExecutor/Execute";

/// Echoes inputs.
#[derive(Clone)]
pub(crate) struct Echo {
    pub(crate) delay: Duration,
    pub(crate) served: Arc<AtomicUsize>,
}

impl Echo {
    pub(crate) fn after(delay: Duration) -> Self {
        Echo {
            delay,
            served: Arc::default(),
        }
    }
}

impl Service for Echo {
    fn call(&self, request: Request<Incoming>) -> Answer {
        if let Some(refused) = refuse(&request) {
            return Box::pin(ready(refused));
        }
        let echo = self.clone();
        Box::pin(async move {
            let request = match unary::request::<ExecuteRequest>(request, LIMIT).await {
                Ok(request) => request.into_inner(),
                Err(status) => return unary::response::<ExecuteResponse>(Err(status)),
            };
            tokio::time::sleep(echo.delay).await;
            echo.served.fetch_add(1, Ordering::SeqCst);
            unary::response(Ok(tonic::Response::new(ExecuteResponse {
                result: Some(execute_response::Result::OutputData(request.input_data)),
                metrics: None,
            })))
        })
    }
}

/// A server on `host`, and how to end it.
pub(crate) struct Served {
    pub(crate) address: Authority,
    pub(crate) shutdown: oneshot::Sender<()>,
    pub(crate) drained: oneshot::Receiver<Drained>,
    pub(crate) task: OwnedTask,
}

pub(crate) async fn serve(host: &Memory, echo: Echo, grace: Duration) -> Served {
    serve_as(host, Serving::default(), echo, grace).await
}

pub(crate) async fn serve_as(host: &Memory, serving: Serving, echo: Echo, grace: Duration) -> Served {
    let listener = host.bind(0).await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (shutdown, told) = oneshot::channel::<()>();
    let (ended, drained) = oneshot::channel();
    let platform = host.clone();
    let task = host.spawn(async move {
        let told = async move { drop(told.await) };
        let result = serve_until(&platform, listener, serving, echo, told, grace).await;
        ended.send(result).expect("the test waits");
    });
    Served {
        address,
        shutdown,
        drained,
        task: task.into(),
    }
}

pub(crate) fn channel(network: &Network, to: &Authority) -> Channel<Memory> {
    Channel::new(network.host(), Dial::default(), to.clone())
}

pub(crate) async fn ask(
    channel: &Channel<Memory>,
    text: &'static str,
) -> (Result<String, Status>, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    let request = ExecuteRequest {
        input_data: text.into(),
        ..ExecuteRequest::default()
    };
    let answer = channel
        .call::<_, ExecuteResponse>(PATH, tonic::Request::new(request), LIMIT, &progress)
        .await;
    let answer = answer.map(|answer| match answer.into_inner().result {
        Some(execute_response::Result::OutputData(data)) => String::from_utf8(data.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    });
    (answer, progress)
}

/// What the echo is asked, as the one frame of a request.
pub(crate) fn asked(text: &str) -> Bytes {
    let request = ExecuteRequest {
        input_data: Bytes::copy_from_slice(text.as_bytes()),
        ..ExecuteRequest::default()
    };
    let mut frame = vec![0];
    frame.extend(u32::try_from(request.encoded_len()).unwrap().to_be_bytes());
    frame.extend(request.encode_to_vec());
    frame.into()
}

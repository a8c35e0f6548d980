//! What providers do when they are called.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use squall_grpc::{Accept, Connections, Serving, Tonic, accept, serve_until};
use squall_memory::Memory;
use squall_platform::{Authority, Listener, Platform};
use squall_proto::provider::execute_response::Result as Executed;
use squall_proto::provider::module_executor_server::{ModuleExecutor, ModuleExecutorServer};
use squall_proto::provider::{ExecuteRequest, ExecuteResponse, ExecutionError};
use squall_value::CValue;
use tonic::{Request, Response, Status};

type Answer = Result<ExecuteResponse, Status>;
type Behaviour = dyn Fn(ExecuteRequest) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync;

/// An executor, which remembers what it was asked. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Executor {
    behaviour: Arc<Behaviour>,
    asked: Arc<Mutex<Vec<ExecuteRequest>>>,
    timeouts: Arc<Mutex<Vec<String>>>,
}

impl Executor {
    pub(crate) fn new<F>(behaviour: impl Fn(ExecuteRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Executor {
            behaviour: Arc::new(move |request| Box::pin(behaviour(request))),
            asked: Arc::default(),
            timeouts: Arc::default(),
        }
    }

    pub(crate) fn echo() -> Self {
        Executor::slow(Duration::ZERO)
    }

    /// Echoes after a while.
    pub(crate) fn slow(delay: Duration) -> Self {
        Executor::new(move |request| async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(output(Executed::OutputData(request.input_data)))
        })
    }

    pub(crate) fn fixed(value: CValue) -> Self {
        Executor::raw(Executed::OutputData(value.to_json().into()))
    }

    pub(crate) fn error(code: &str, message: &str) -> Self {
        Executor::raw(Executed::Error(ExecutionError {
            code: code.to_owned(),
            message: message.to_owned(),
            stack_trace: "at the very top".to_owned(),
        }))
    }

    pub(crate) fn raw(result: Executed) -> Self {
        Executor::new(move |_| {
            let result = result.clone();
            async move { Ok(output(result)) }
        })
    }

    pub(crate) fn status(status: Status) -> Self {
        Executor::new(move |_| {
            let status = status.clone();
            async move { Err(status) }
        })
    }

    pub(crate) fn asked(&self) -> Vec<ExecuteRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// What it was told of how long it is waited for.
    pub(crate) fn timeouts(&self) -> Vec<String> {
        self.timeouts.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// As [`Executor::serve`], and asks each connection to leave at this age.
    pub(crate) async fn serve_aging(&self, host: &Memory, age: Duration) -> Authority {
        let mut listener = host.bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = Tonic(ModuleExecutorServer::new(self.clone()));
        let platform = host.clone();
        host.spawn(async move {
            let accepting = Accept {
                platform: &platform,
                serving: Serving::default(),
                service,
                going_away: || Some(tokio::time::sleep(age)),
            };
            accept(&mut listener, accepting, &mut Connections::default()).await;
        });
        format!("localhost:{port}").parse().unwrap()
    }

    /// Serves on a free port of the host.
    pub(crate) async fn serve(&self, host: &Memory) -> Authority {
        let listener = host.bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = Tonic(ModuleExecutorServer::new(self.clone()));
        let platform = host.clone();
        host.spawn(async move {
            let never = std::future::pending();
            serve_until(
                &platform,
                listener,
                Serving::default(),
                service,
                never,
                Duration::ZERO,
            )
            .await;
        });
        format!("localhost:{port}").parse().unwrap()
    }
}

fn output(result: Executed) -> ExecuteResponse {
    ExecuteResponse {
        result: Some(result),
        metrics: None,
    }
}

#[tonic::async_trait]
impl ModuleExecutor for Executor {
    async fn execute(&self, request: Request<ExecuteRequest>) -> Result<Response<ExecuteResponse>, Status> {
        let timeout = request.metadata().get("grpc-timeout");
        let timeout = timeout.and_then(|timeout| timeout.to_str().ok());
        self.timeouts.lock().unwrap().extend(timeout.map(str::to_owned));
        let request = request.into_inner();
        self.asked.lock().unwrap().push(request.clone());
        (self.behaviour)(request).await.map(Response::new)
    }
}

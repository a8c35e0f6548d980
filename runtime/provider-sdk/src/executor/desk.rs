//! One execution, from bytes to bytes. Spec: provider 3.5.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use http::{Request, Response};
use squall_grpc::unary::{self, ReplyBody};
use squall_grpc::{Answer, Incoming, refuse};
use squall_proto::provider::execute_response::Result as Executed;
use squall_proto::provider::{ExecuteRequest, ExecuteResponse, ExecutionMetrics};
use squall_value::{CValue, Limits};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::Work;
use crate::failure::Failure;
use crate::modules::Modules;
use crate::unwind::guarded;
use crate::{Config, Context, events};

const EXECUTE: &str = "/constellation.provider.v1.ModuleExecutor/Execute";

/// The gRPC service of one executor, for all its connections.
#[derive(Clone)]
pub(super) struct Service(Arc<Desk>);

impl Service {
    pub(super) fn new(desk: &Arc<Desk>) -> Self {
        Service(Arc::clone(desk))
    }
}

impl squall_grpc::Service for Service {
    fn call(&self, request: Request<Incoming>) -> Answer {
        if let Some(refused) = refuse(&request) {
            return Box::pin(ready(refused));
        }
        match request.uri().path() {
            EXECUTE => {
                // Counted from here, because the caller's time runs while its message is in transit.
                let received = Instant::now();
                let desk = Arc::clone(&self.0);
                Box::pin(async move { desk.answer(request, received).await })
            }
            path => {
                let status = Status::unimplemented(format!("this server has no method {path}"));
                Box::pin(ready(status.into_http()))
            }
        }
    }
}

/// The state of an executor: its modules, and the executions in flight.
pub(super) struct Desk {
    namespace: Arc<str>,
    address: SocketAddr,
    limits: Limits,
    max_message_bytes: usize,
    modules: RwLock<Arc<Modules>>,
    work: Work,
}

impl Desk {
    pub(super) fn new(
        namespace: Arc<str>,
        config: &Config,
        address: SocketAddr,
        modules: Arc<Modules>,
    ) -> Self {
        Desk {
            namespace,
            address,
            limits: config.input_limits(),
            max_message_bytes: config.max_message_bytes,
            modules: RwLock::new(modules),
            work: Work::default(),
        }
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    pub(super) fn modules(&self) -> Arc<Modules> {
        Arc::clone(&self.modules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn swap(&self, modules: Arc<Modules>) -> Arc<Modules> {
        let mut current = self.modules.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, modules)
    }

    /// Every result of an execution is a response; a status is only for requests that are not executions.
    async fn answer(&self, request: Request<Incoming>, received: Instant) -> Response<ReplyBody> {
        let answer = self.answered(request, received).await;
        unary::response::<ExecuteResponse>(answer.map(tonic::Response::new))
    }

    async fn answered(
        &self,
        request: Request<Incoming>,
        received: Instant,
    ) -> Result<ExecuteResponse, Status> {
        let given = squall_grpc::timeout(request.headers())?;
        // A deadline too late to be represented is none.
        let deadline = given.and_then(|given| received.checked_add(given));
        let request = unary::request(request, self.max_message_bytes).await?;
        Ok(self.execute(request.into_inner(), deadline).await)
    }

    /// Executes the request until its deadline. An expired request is not started, and a running handler is dropped
    /// at its deadline: its caller has given up, even if the cancellation of an unreachable manager has not arrived.
    async fn execute(&self, request: ExecuteRequest, deadline: Option<Instant>) -> ExecuteResponse {
        let started = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= started) {
            return answer(Err(Failure::TooLate), started);
        }
        let told = events::Execution::started(&events::ExecutionStarted {
            id: &request.execution_id,
            module: &request.module_name,
            namespace: &self.namespace,
            executor: self.address,
            timeout: deadline.map(|deadline| deadline - started),
            input: &request.input_data,
        });
        let execution = self.work.begin();
        let work = self.run(request, deadline);
        let result = match deadline {
            None => work.await,
            Some(deadline) => match timeout_at(deadline, work).await {
                Ok(result) => result,
                Err(_) => Err(Failure::Overdue),
            },
        };
        execution.end(result.is_ok());
        told.ended(&result);
        answer(result, started)
    }

    async fn run(&self, request: ExecuteRequest, deadline: Option<Instant>) -> Result<Vec<u8>, Failure> {
        // Looked up before anything is decoded. The module stays for this execution, even when it is swapped.
        let modules = self.modules();
        let module = modules
            .find(&request.module_name)
            .ok_or_else(|| Failure::NotFound(request.module_name.clone()))?;
        let input = CValue::from_json(&request.input_data, &self.limits);
        let input = input.map_err(|error| Failure::Input(error.to_string()))?;
        let context = Context {
            module: Arc::clone(module.name()),
            execution_id: request.execution_id.into(),
            metadata: Arc::new(request.metadata),
            executor: self.address,
            deadline,
        };
        let output = guarded(|| module.run(input, context)).await;
        let output = output.map_err(Failure::Panic)??.to_json();
        if output.len() > self.max_message_bytes {
            // The manager's gRPC would refuse it with a less specific error.
            let limit = self.max_message_bytes;
            let size = output.len();
            return Err(Failure::Output(format!(
                "{size} bytes are over the limit of {limit}"
            )));
        }
        Ok(output)
    }
}

fn answer(result: Result<Vec<u8>, Failure>, started: Instant) -> ExecuteResponse {
    ExecuteResponse {
        result: Some(match result {
            Ok(output) => Executed::OutputData(output.into()),
            Err(failure) => Executed::Error(failure.to_wire()),
        }),
        metrics: Some(ExecutionMetrics {
            duration_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
            // Not measured: memory belongs to the process, not to one execution.
            memory_bytes: 0,
        }),
    }
}

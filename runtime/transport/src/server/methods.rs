//! The four methods. Spec: cluster 2.1, 2.4.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use squall_cluster::{Error, HistoryError, Outcome, TimeTravel, WireEndpoint};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tonic::Status;

use super::answer::panicked;
use super::{Node, names};
use crate::json::{self, Fields};
use crate::message::{
    DeliverRequest, DeliverResponse, SpawnRequest, SpawnResponse, StateAtRequest, StateAtResponse,
    StepsRequest, StepsResponse,
};
use crate::{Method, status, unwind};

/// An answer of success.
pub(super) struct Answer {
    pub(super) message: Bytes,
    /// What the actor did, if its node says it.
    pub(super) outcome: Option<Outcome>,
}

impl Node {
    /// Runs a method. The permit is held for as long as the endpoint is at work.
    pub(super) async fn run(
        &self,
        method: Method,
        message: &[u8],
        permit: OwnedSemaphorePermit,
    ) -> Result<Answer, Status> {
        match method {
            Method::Deliver => self.deliver(decoded(message)?, permit).await,
            Method::Spawn => self.spawn(decoded(message)?, permit).await,
            Method::StateAt => self.state_at(decoded(message)?).await,
            Method::Steps => self.steps(decoded(message)?).await,
        }
    }

    async fn deliver(&self, request: DeliverRequest, permit: OwnedSemaphorePermit) -> Result<Answer, Status> {
        let DeliverRequest {
            to,
            event,
            message_id,
        } = request;
        self.admits(&[
            ("ref.ID", &to.id),
            ("ref.SystemID", &to.system_id),
            ("ref.Src", &to.src),
            ("ref.Node", &to.node),
            ("messageId", &message_id),
        ])?;
        let endpoint = self.endpoint()?;
        let delivered = self.detached(permit, async move {
            let message_id = (!message_id.is_empty()).then_some(&*message_id);
            endpoint.deliver_wire(&to, event, message_id).await
        });
        let delivered = delivered.await?;
        let response = DeliverResponse {
            delivered: delivered.delivered,
        };
        Ok(Answer {
            message: json::write(&response),
            outcome: delivered.outcome,
        })
    }

    async fn spawn(&self, request: SpawnRequest, permit: OwnedSemaphorePermit) -> Result<Answer, Status> {
        let SpawnRequest { src, id, input } = request;
        self.admits(&[("src", &src), ("id", &id)])?;
        let endpoint = self.endpoint()?;
        let spawned = self.detached(permit, async move {
            let input = (!input.is_empty()).then_some(input);
            endpoint.spawn_wire(&src, &id, input).await
        });
        let actor = spawned.await?;
        self.within_limit(json::write(&SpawnResponse { actor }))
    }

    async fn state_at(&self, request: StateAtRequest) -> Result<Answer, Status> {
        let StateAtRequest { id, step } = request;
        self.admits(&[("id", &id)])?;
        let history = self.history()?;
        let snapshot = past(history.state_at(&id, step)).await?;
        // Before it is copied.
        self.check_length(snapshot.len().div_ceil(3) * 4)?;
        self.within_limit(json::write(&StateAtResponse { snapshot }))
    }

    async fn steps(&self, request: StepsRequest) -> Result<Answer, Status> {
        self.admits(&[("id", &request.id)])?;
        let history = self.history()?;
        let steps = past(history.steps(&request.id)).await?;
        self.within_limit(json::write(&StepsResponse { steps }))
    }

    fn admits(&self, names: &[(&str, &str)]) -> Result<(), Status> {
        names::check(names, self.0.config.name_bytes_max)
    }

    fn endpoint(&self) -> Result<Arc<dyn WireEndpoint>, Status> {
        let endpoint = self.0.endpoint.clone();
        endpoint.ok_or_else(|| Status::unimplemented("no endpoint is hosted here"))
    }

    fn history(&self) -> Result<&Arc<dyn TimeTravel>, Status> {
        let history = self.0.history.as_ref();
        history.ok_or_else(|| Status::unimplemented("no history is hosted here"))
    }

    fn within_limit(&self, message: Bytes) -> Result<Answer, Status> {
        self.check_length(message.len())?;
        Ok(Answer {
            message,
            outcome: None,
        })
    }

    fn check_length(&self, length: usize) -> Result<(), Status> {
        let limit = self.0.config.send_bytes_max;
        if length > limit {
            return Err(Status::resource_exhausted(format!(
                "the answer takes {length} bytes, more than the limit of {limit}: raise send_bytes_max here, and the limit \
                 of the caller"
            )));
        }
        Ok(())
    }

    /// Runs an endpoint's work in a task of its own, which the caller's going does not end. Spec: cluster section 6, W4.
    async fn detached<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Status> {
        let (sender, result) = oneshot::channel();
        (self.0.spawn)(Box::pin(async move {
            let result = unwind::guarded(work).await;
            drop(permit);
            // Without a receiver the caller has gone.
            drop(sender.send(result));
        }));
        match result.await {
            Ok(Ok(result)) => result.map_err(|error| status::of_error(&error)),
            Ok(Err(panic)) => Err(panicked(&panic)),
            Err(_) => Err(Status::unavailable("the node is going away")),
        }
    }
}

/// Awaits what a history answers.
async fn past<T>(reading: impl Future<Output = Result<T, HistoryError>>) -> Result<T, Status> {
    reading.await.map_err(|error| status::of_history(&error))
}

/// # Errors
/// `INTERNAL`, in the words of grpc-go.
fn decoded<T: Fields>(message: &[u8]) -> Result<T, Status> {
    json::read(message)
        .map_err(|error| Status::internal(format!("grpc: error unmarshalling request: {error}")))
}

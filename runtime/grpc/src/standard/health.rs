//! The health of a server. Spec: gRPC, health checking.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::stream;
use tokio::sync::Notify;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// The health of a server, with all of its services. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    Serving,
    NotServing,
    /// Watchers are released, too.
    Over,
}

/// Publishes the health of a server. `Notify` and not `watch`: it wakes first come, first served, so that a simulated
/// shutdown repeats exactly.
pub(super) struct Board {
    /// The names that clients query: the whole server's, and the service's.
    names: [&'static str; 2],
    stage: AtomicU8,
    moved: Notify,
}

impl Board {
    pub(super) fn new(service: &'static str) -> Self {
        Board {
            names: ["", service],
            stage: AtomicU8::new(Stage::Serving as u8),
            moved: Notify::new(),
        }
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::SeqCst) {
            0 => Stage::Serving,
            1 => Stage::NotServing,
            _ => Stage::Over,
        }
    }

    fn serves(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Resolves once `is_due` accepts the stage.
    async fn until(&self, is_due: impl Fn(Stage) -> bool + Send) -> Stage {
        loop {
            let moved = self.moved.notified();
            let stage = self.stage();
            if is_due(stage) {
                return stage;
            }
            moved.await;
        }
    }
}

/// Answers the methods of `grpc.health.v1.Health`.
pub(super) struct Nurse(pub(super) Arc<Board>);

#[async_trait]
impl Health for Nurse {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.0.serves(&request.get_ref().service) {
            return Err(Status::not_found("this server has no such service"));
        }
        Ok(Response::new(response(self.0.stage().status())))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let board = Arc::clone(&self.0);
        let is_known = board.serves(&request.get_ref().service);
        // An unknown service may be added later, so its watch continues. Here none is added.
        let stream = stream::unfold((board, None), move |(board, last)| async move {
            let status = |stage: Stage| match is_known {
                true => stage.status(),
                false => ServingStatus::ServiceUnknown,
            };
            let stage = board.until(|stage| stage == Stage::Over || last != Some(status(stage)));
            let status = status(stage.await);
            // A watcher that has not seen the last change sees it before the end.
            (last != Some(status)).then(|| (Ok(response(status)), (board, Some(status))))
        });
        Ok(Response::new(Box::pin(stream)))
    }
}

impl Stage {
    fn status(self) -> ServingStatus {
        match self {
            Stage::Serving => ServingStatus::Serving,
            Stage::NotServing | Stage::Over => ServingStatus::NotServing,
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

//! The three methods of the protocol. Spec: provider 1.1.

use squall_platform::Platform;
use squall_proto::provider::module_provider_server::ModuleProvider;
use squall_proto::provider::{
    ControlMessage, DeregisterRequest, DeregisterResponse, RegisterRequest, RegisterResponse,
};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::control;
use crate::manager::Manager;

/// Answers the methods of `ModuleProvider`.
pub(super) struct Methods<P: Platform>(pub(super) Manager<P>);

#[async_trait]
impl<P: Platform> ModuleProvider for Methods<P> {
    async fn register(
        &self,
        request: Request<RegisterRequest>,
    ) -> Result<Response<RegisterResponse>, Status> {
        self.check_running()?;
        self.0.register(request.get_ref()).await.map(Response::new)
    }

    async fn deregister(
        &self,
        request: Request<DeregisterRequest>,
    ) -> Result<Response<DeregisterResponse>, Status> {
        let request = request.get_ref();
        let (names, limit) = (request.module_names.len(), self.0.config().max_modules);
        if names > limit {
            let text = format!("Too many module_names in the request: {names}, the limit is {limit}");
            return Err(Status::invalid_argument(text));
        }
        let response = self
            .0
            .change(|registry, now| registry.table.deregister(request, now));
        Ok(Response::new(response))
    }

    async fn control_plane(
        &self,
        request: Request<Streaming<ControlMessage>>,
    ) -> Result<Response<BoxStream<ControlMessage>>, Status> {
        self.check_running()?;
        let replies = control::open(&self.0, request.into_inner());
        Ok(Response::new(Box::pin(replies)))
    }
}

impl<P: Platform> Methods<P> {
    fn check_running(&self) -> Result<(), Status> {
        match self.0.is_stopping() {
            true => Err(Status::unavailable("the manager is shutting down")),
            false => Ok(()),
        }
    }
}

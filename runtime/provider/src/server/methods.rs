//! The three methods of the protocol. Spec: provider 1.1.
//!
//! Two are read here, because the contents of their requests are counted before decoding. The control plane uses
//! tonic, and only its part of the generated code is used.

use http::{Request as HttpRequest, Response as HttpResponse};
use squall_grpc::Incoming;
use squall_grpc::unary::{self, ReplyBody};
use squall_platform::Platform;
use squall_proto::provider::module_provider_server::ModuleProvider;
use squall_proto::provider::{ControlMessage, DeregisterResponse, RegisterResponse};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::control;
use crate::manager::Manager;
use crate::registration;

/// Answers the methods of `ModuleProvider`.
pub(super) struct Methods<P: Platform>(pub(super) Manager<P>);

/// The largest message of a control plane, in bytes. Providers send heartbeats and acknowledgements; a manager's
/// messages may be larger.
pub(super) const CONTROL_BYTES_MAX: usize = 16 * 1024;

#[async_trait]
impl<P: Platform> ModuleProvider for Methods<P> {
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
    pub(super) async fn register(&self, request: HttpRequest<Incoming>) -> HttpResponse<ReplyBody> {
        let registered = async {
            self.check_running()?;
            let config = self.0.config();
            let mut request = unary::request_bytes(request, config.max_message_bytes).await?;
            let _held = request.extensions_mut().remove::<unary::Held>();
            let (request, declares) = registration::registration(request.into_inner(), config).await?;
            // It may have taken long to arrive.
            self.check_running()?;
            self.0.register(request, declares).await.map(Response::new)
        };
        unary::response::<RegisterResponse>(registered.await)
    }

    pub(super) async fn deregister(&self, request: HttpRequest<Incoming>) -> HttpResponse<ReplyBody> {
        let deregistered = async {
            let config = self.0.config();
            let mut request = unary::request_bytes(request, config.max_message_bytes).await?;
            let _held = request.extensions_mut().remove::<unary::Held>();
            let request = registration::deregistration(request.into_inner(), config).await?;
            let response = self
                .0
                .change(|registry, now| registry.table.deregister(&request, now));
            Ok(Response::new(response))
        };
        unary::response::<DeregisterResponse>(deregistered.await)
    }

    fn check_running(&self) -> Result<(), Status> {
        match self.0.is_stopping() {
            true => Err(Status::unavailable("the manager is shutting down")),
            false => Ok(()),
        }
    }
}

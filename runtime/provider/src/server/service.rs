//! Routes requests by path, and refuses those that must not be processed.

use std::future::ready;
use std::sync::Arc;

use http::Request;
use squall_grpc::unary::ReplyBody;
use squall_grpc::{Answer, Incoming, Standard, Tonic, refuse};
use squall_platform::Platform;
use squall_proto::provider::FILE_DESCRIPTOR_SET;
use squall_proto::provider::module_provider_server::{ModuleProviderServer, SERVICE_NAME};
use tonic::Status;
use tonic::codec::CompressionEncoding;

use super::methods::{CONTROL_BYTES_MAX, Methods};
use crate::manager::Manager;

/// Serves the requests of all connections. Clones share it.
pub(super) struct Service<P: Platform>(Arc<Services<P>>);

struct Services<P: Platform> {
    methods: Methods<P>,
    control: Tonic<ModuleProviderServer<Methods<P>>>,
    standard: Standard,
}

impl<P: Platform> Service<P> {
    pub(super) fn new(manager: Manager<P>) -> Self {
        let limit = manager.config().max_message_bytes;
        let control = ModuleProviderServer::new(Methods(manager.clone()))
            .max_decoding_message_size(CONTROL_BYTES_MAX.min(limit))
            .max_encoding_message_size(limit)
            .accept_compressed(CompressionEncoding::Gzip);
        Service(Arc::new(Services {
            methods: Methods(manager),
            control: Tonic(control),
            standard: Standard::new(SERVICE_NAME, FILE_DESCRIPTOR_SET),
        }))
    }

    pub(super) fn standard(&self) -> &Standard {
        &self.0.standard
    }
}

impl<P: Platform> Clone for Service<P> {
    fn clone(&self) -> Self {
        Service(Arc::clone(&self.0))
    }
}

impl<P: Platform> squall_grpc::Service for Service<P> {
    fn call(&self, request: Request<Incoming>) -> Answer {
        if let Some(refused) = refuse(&request) {
            return Box::pin(ready(refused));
        }
        let path = request.uri().path();
        let method = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(SERVICE_NAME))
            .and_then(|rest| rest.strip_prefix('/'));
        let services = Arc::clone(&self.0);
        match method {
            Some("Register") => Box::pin(async move { services.methods.register(request).await }),
            Some("Deregister") => Box::pin(async move { services.methods.deregister(request).await }),
            Some(_) => squall_grpc::Service::call(&self.0.control, request),
            None if Standard::serves(path) => {
                Box::pin(async move { services.standard.call(request).await.map(ReplyBody::Other) })
            }
            None => {
                let status = Status::unimplemented(format!("this server has no method {path}"));
                Box::pin(ready(status.into_http()))
            }
        }
    }
}

//! Which path is served by what, and what is refused before it gets anywhere.

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

use super::methods::Methods;
use crate::manager::Manager;

/// Serves the requests of all connections. Clones are the same one.
pub(super) struct Service<P: Platform>(Arc<Services<P>>);

struct Services<P: Platform> {
    methods: Tonic<ModuleProviderServer<Methods<P>>>,
    standard: Standard,
}

impl<P: Platform> Service<P> {
    pub(super) fn new(manager: Manager<P>) -> Self {
        let limit = manager.config().max_message_bytes;
        let methods = ModuleProviderServer::new(Methods(manager))
            .max_decoding_message_size(limit)
            .max_encoding_message_size(limit)
            .accept_compressed(CompressionEncoding::Gzip);
        Service(Arc::new(Services {
            methods: Tonic(methods),
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
        let is_ours = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(SERVICE_NAME))
            .is_some_and(|rest| rest.starts_with('/'));
        if is_ours {
            squall_grpc::Service::call(&self.0.methods, request)
        } else if Standard::serves(path) {
            let services = Arc::clone(&self.0);
            Box::pin(async move { services.standard.call(request).await.map(ReplyBody::Other) })
        } else {
            let status = Status::unimplemented(format!("this server has no method {path}"));
            Box::pin(ready(status.into_http()))
        }
    }
}

//! Which path is served by what, and what is refused before it gets anywhere.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use squall_grpc::{Standard, refuse};
use squall_platform::Platform;
use squall_proto::provider::FILE_DESCRIPTOR_SET;
use squall_proto::provider::module_provider_server::{ModuleProviderServer, SERVICE_NAME};
use tonic::Status;
use tonic::body::Body;

use super::methods::Methods;
use crate::manager::Manager;

/// Serves the requests of all connections. Clones are the same one.
pub(super) struct Service<P: Platform>(Arc<Services<P>>);

struct Services<P: Platform> {
    methods: ModuleProviderServer<Methods<P>>,
    standard: Standard,
}

impl<P: Platform> Service<P> {
    pub(super) async fn new(manager: Manager<P>) -> Self {
        let limit = manager.config().max_message_bytes;
        let methods = ModuleProviderServer::new(Methods(manager))
            .max_decoding_message_size(limit)
            .max_encoding_message_size(limit);
        Service(Arc::new(Services {
            methods,
            standard: Standard::new(SERVICE_NAME, FILE_DESCRIPTOR_SET).await,
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

impl<P: Platform> hyper::service::Service<Request<Incoming>> for Service<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(refused) = refuse(&request) {
            return Box::pin(std::future::ready(Ok(refused)));
        }
        let path = request.uri().path();
        let is_ours = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(SERVICE_NAME))
            .is_some_and(|rest| rest.starts_with('/'));
        if is_ours {
            let mut methods = self.0.methods.clone();
            Box::pin(async move { tower_service::Service::call(&mut methods, request).await })
        } else if Standard::serves(path) {
            let services = Arc::clone(&self.0);
            Box::pin(async move { Ok(services.standard.call(request).await) })
        } else {
            let status = Status::unimplemented(format!("this server has no method {path}"));
            Box::pin(std::future::ready(Ok(status.into_http())))
        }
    }
}

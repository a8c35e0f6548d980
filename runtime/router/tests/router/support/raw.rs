//! gRPC without anything of the router: clients and servers of other makes.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use prost::Message;
use squall_platform::{Authority, Executor, Listener, Platform};
use squall_proto::module::module_service_server::{ModuleService, ModuleServiceServer};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;

pub(crate) const SEND: &str = "/module.ModuleService/Send";
pub(crate) const MESSAGE: &str = "/module.ModuleService/Message";

/// One connection, as any gRPC client has it.
pub(crate) async fn dial<P: Platform>(platform: P, server: &Authority) -> Raw {
    let stream = platform.connect(server).await.expect("it listens");
    let (sender, connection) = http2::handshake(Executor::new(platform.clone()), TokioIo::new(stream))
        .await
        .unwrap();
    platform.spawn(async move { drop(connection.await) });
    Raw(sender)
}

/// Calls a method of a server.
pub(crate) async fn raw_call<P: Platform, M: Message + 'static, R: Message + Default + 'static>(
    platform: P,
    server: &Authority,
    path: &'static str,
    request: tonic::Request<M>,
) -> Result<tonic::Response<R>, tonic::Status> {
    let origin = format!("http://{server}").parse().unwrap();
    let mut grpc = Grpc::with_origin(dial(platform, server).await, origin);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::default();
    grpc.unary(request, PathAndQuery::from_static(path), codec).await
}

#[derive(Clone)]
pub(crate) struct Raw(http2::SendRequest<tonic::body::Body>);

impl tower_service::Service<http::Request<tonic::body::Body>> for Raw {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Serves a service that is not the router's, on a free port.
pub(crate) async fn serve_foreign<P: Platform>(platform: P, service: impl ModuleService) -> Authority {
    let mut listener = platform.bind(0).await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let service = TowerToHyperService::new(ModuleServiceServer::new(service));
    let host = platform.clone();
    platform.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = hyper::server::conn::http2::Builder::new(Executor::new(host.clone()));
            let connection = server.serve_connection(TokioIo::new(stream), service.clone());
            host.spawn(async move { drop(connection.await) });
        }
    });
    address
}

//! The standard services of a gRPC server beside its own: health and reflection.
//!
//! They are not on the path of any message. tonic-reflection answers each of its streams in a tokio task, which ends
//! with the stream.

mod health;

use std::sync::{Arc, OnceLock};

use http::{Request, Response};
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::pb::health_server::HealthServer;
use tower_service::Service;

use crate::Incoming;
use health::{Board, Nurse, Stage};

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1";

/// Health and reflection of a server with one service of its own.
pub struct Standard {
    /// An encoded `FileDescriptorSet`, with the service.
    descriptors: &'static [u8],
    board: Arc<Board>,
    /// Created at the first use: of a thousand modules few are queried.
    routes: OnceLock<Routes>,
}

impl Standard {
    /// Announces that `service` is served; `descriptors` is an encoded `FileDescriptorSet` that has it.
    ///
    /// At the first reflection request it panics when `descriptors` cannot be decoded: they come from the build.
    pub fn new(service: &'static str, descriptors: &'static [u8]) -> Self {
        Standard {
            descriptors,
            board: Arc::new(Board::new(service)),
            routes: OnceLock::new(),
        }
    }

    /// From now on announces that nothing is served.
    pub fn not_serving(&self) {
        self.board.enter(Stage::NotServing);
    }

    /// Ends the streams of watchers, after the changes that they have not seen yet.
    pub fn end_watches(&self) {
        self.board.enter(Stage::Over);
    }

    /// True when a path is served here.
    pub fn serves(path: &str) -> bool {
        path.starts_with(HEALTH) || path.starts_with(REFLECTION)
    }

    /// Answers a request to a path that is served here.
    pub async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        let mut routes = self.routes.get_or_init(|| self.routes()).clone();
        match routes.call(request.map(Incoming::in_whole_messages)).await {
            Ok(response) => response,
            Err(error) => match error {},
        }
    }

    fn routes(&self) -> Routes {
        let mut routes = RoutesBuilder::default();
        let health = HealthServer::new(Nurse(Arc::clone(&self.board)));
        routes.add_service(health.accept_compressed(Gzip));
        let descriptors = self.descriptors;
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(descriptors)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let compiled = "descriptors that the build has compiled";
        routes.add_service(builder().build_v1().expect(compiled).accept_compressed(Gzip));
        routes.add_service(builder().build_v1alpha().expect(compiled).accept_compressed(Gzip));
        routes.routes()
    }
}
